from types import SimpleNamespace

import pytest

from eggcrate import run


class Buildout(dict):
    """As much of a buildout as is asked for; `buildout` are options of its own section."""

    def __init__(self, parts=None, **buildout):
        folders = {"eggs-directory": "/eggs", "develop-eggs-directory": "/develop"}
        super().__init__({"buildout": {"extensions": "eggcrate", **folders, **buildout}})
        self.update(parts or {})
        self._parts = list(parts or {})


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    monkeypatch.setattr(run, "_run", None)


def test_there_is_one_run_a_process():
    assert run.current() is None
    assert run.begin(Buildout())
    first = run.current()
    assert not run.begin(Buildout())
    assert run.current() is first


@pytest.mark.parametrize("extensions", ["eggcrate", "other", ""])
def test_a_run_may_do_without_if_somebody_says_so(extensions):
    run.begin(Buildout(extensions=extensions, eggcrate="off"))
    assert run.current() is None


def test_all_parts_are_planned_with_the_first_and_everything_once():
    parts = {
        "one": {"recipe": "zc.recipe.egg", "eggs": "stout\n porter [strong]"},
        "two": {"recipe": "zc.recipe.egg:scripts"},
        "three": {"recipe": "brewer"},
        "four": {"recipe": "brewer", "eggs": "malt"},
    }
    found = run.Run(Buildout(parts))
    assert found.plan(["brewer"], "/eggs", of_part=False) == ["brewer"]
    new = found.plan(["stout", "porter [strong]"], "/eggs", of_part=True)
    assert new == ["malt", "porter [strong]", "stout", "two"]
    assert found.plan(["two", "hops"], "/eggs", of_part=True) == ["hops"]
    assert found.plan(["two"], "/elsewhere", of_part=True) == ["two"]


def test_notices():
    assert run.notices() == []
    run.begin(Buildout())
    assert run.notices() == []
    run.current().depot = SimpleNamespace(unlocked=lambda folder, working_set: set(working_set))
    run.current().note(["stout 1.0", "Malt 2.0"])
    run.current().note(["stout 1.0"])
    [line] = run.notices()
    assert line.endswith(": Malt 2.0, stout 1.0")


def test_notice_of_a_run_that_compares_nothing():
    run.begin(Buildout(eggcrate="off"))
    [line] = run.notices()
    assert line.startswith("eggcrate = off")
