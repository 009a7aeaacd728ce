import pytest

from eggcrate import binaries


class Distribution:
    def __init__(self, project_name, location):
        self.project_name = project_name
        self.location = str(location)


@pytest.fixture
def egg(tmp_path):
    folder = tmp_path / "eggs/tool.egg/bin"
    folder.mkdir(parents=True)
    (folder / "tool").write_bytes(b"\x7fELF\xff")
    (folder / "script").write_text("#!/bin/sh\n")
    (tmp_path / "bin").mkdir()
    return folder.parent


def link(egg, reqs, scripts):
    commands = egg.parents[1] / "bin"
    working_set = [Distribution("The.Tool", egg)]
    return binaries.link(working_set, reqs, commands, scripts), list(commands.iterdir())


def test_binaries_of_required_eggs_are_linked(egg):
    names, [path] = link(egg, ["the-tool>=1"], None)
    assert names == ["tool"]
    assert path.resolve() == egg / "bin/tool"


def test_scripts_choose_and_rename(egg):
    assert link(egg, ["the_tool"], {"other": "other"}) == ([], [])
    names, [path] = link(egg, ["the_tool"], {"tool": "hammer"})
    assert names == [path.name] == ["hammer"]


def test_other_eggs_are_left_out(egg):
    assert link(egg, ["another", ("a", "b", "c")], None) == ([], [])


def test_binaries_survive_the_making_of_an_egg(tmp_path):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/tool").write_bytes(b"\x7fELF")
    (tmp_path / "bin/script").write_text("#!python")

    def make(dest, distinfo_dir):
        assert not (tmp_path / "bin/tool").exists()
        (tmp_path / "x.egg").mkdir()
        return [str(tmp_path / "x.egg")]

    binaries._keeping(make)(str(tmp_path), "x.dist-info")
    assert [path.name for path in binaries.find(tmp_path / "x.egg")] == ["tool"]
