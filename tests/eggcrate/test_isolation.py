from eggcrate import isolation


class Distribution:
    def __init__(self, location):
        self.location = location


def test_forget_leaves_what_lies_elsewhere(tmp_path):
    tools, eggs = tmp_path / "lib", tmp_path / "eggs"
    (tmp_path / "link").symlink_to(tools)
    names = {
        "both": [Distribution(str(tools)), Distribution(f"{eggs}/both.egg")],
        "tool": [Distribution(str(tools))],
    }
    isolation.forget(names, [str(tmp_path / "link")])
    assert [d.location for d in names["both"]] == [f"{eggs}/both.egg"]
    assert names["tool"] == []
