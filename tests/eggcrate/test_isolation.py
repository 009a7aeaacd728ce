from eggcrate import isolation


class Distribution:
    def __init__(self, location):
        self.location = location


def test_forget_leaves_what_lies_elsewhere(tmp_path):
    inside, beside = tmp_path / "env", tmp_path / "environment"
    names = {
        "both": [Distribution(f"{inside}/lib"), Distribution(f"{beside}/lib")],
        "inside": [Distribution(str(inside / "lib"))],
    }
    isolation.forget(names, str(inside))
    assert [d.location for d in names["both"]] == [f"{beside}/lib"]
    assert names["inside"] == []
