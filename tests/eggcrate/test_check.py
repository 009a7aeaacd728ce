from pathlib import Path

import pytest
from packaging.requirements import Requirement

from eggcrate import check
from eggcrate.cfgs import Cfg
from eggcrate.lockfile import File, Lock
from eggcrate.project import Project
from eggcrate.requirements import Tree

ROOT = Path("/project")
SHA = "a" * 64


def cfg(name="versions.cfg", **sections):
    """A configuration file of these sections."""
    return Cfg(ROOT / name, {(section, ""): options for section, options in sections.items()})


def versions(condition="", **pins):
    return Cfg(ROOT / "versions.cfg", {("versions", condition): pins})


def tree(*requires, builds_with=(), extras=()):
    def parsed(texts):
        return tuple(map(Requirement, texts))

    return Tree(ROOT / "setup.py", "own", tuple(extras), parsed(requires), parsed(builds_with))


def lock(**files):
    """A lock of a_1 and so on, with files of these tags, or else for all."""
    entries = {}
    for key, tags in files.items():
        name, _, version = key.partition("_")
        named = [f"{name}-{version}-{tag}.whl" for tag in tags or ["py3-none-any"]]
        entries[name, version] = tuple(File(file, SHA) for file in named)
    return Lock(entries)


def problems(cfgs, locked, trees=()):
    return check.problems(Project(ROOT, list(cfgs), list(trees)), locked)


def test_what_agrees_has_no_problems():
    cfgs = [
        versions(a="1", b="==2", eggcrate="0.1", own="9"),
        cfg("etc/ci.cfg", part={"eggs": "own[x]\nb >= 1\nc == 3"}, versions={"a": "1"}),
    ]
    trees = [tree("a>=1", 'b; extra == "x"', 'win; sys_platform == "win32"', extras=["x"])]
    assert problems(cfgs, lock(a_1=(), b_2=(), c_3=()), trees) == []


def test_a_pin_that_is_not_locked():
    assert problems([versions(A="1.0", b="2")], lock(a_2=(), b_2=())) == [
        "versions.cfg: A = 1.0 is not in versions.lock: run bin/lock",
        "versions.lock: nothing pins a 2: run bin/lock",
    ]
    part = cfg("etc/x.cfg", part={"eggs": "c == 3"})
    assert problems([versions(), part], lock()) == [
        "etc/x.cfg: c == 3 is not in versions.lock: run bin/lock"
    ]


def test_spelling_is_no_difference():
    assert problems([versions(A="1.0.0")], lock(a_1=())) == []


def test_a_pin_for_none_of_the_targets_needs_no_lock():
    assert problems([versions('sys_platform == "win32"', a="1")], lock()) == []
    assert len(problems([versions('python_version < "3.12"', a="1")], lock())) == 1


def test_files_for_some_targets_only():
    mac = ["cp38-abi3-macosx_11_0_universal2"]
    [problem] = problems([versions(a="1")], lock(a_1=mac))
    assert problem.startswith("versions.lock: a 1 has no file for Python 3.11 linux-x86_64, ")
    assert "[versions:marker]" in problem
    assert problems([versions('sys_platform == "darwin"', a="1")], lock(a_1=mac)) == []
    both = [versions('sys_platform == "darwin"', a="1"), versions(a="1")]
    assert len(problems(both, lock(a_1=mac))) == 1


def test_a_pin_out_of_range():
    trees = [tree("a>=2", 'b<2; extra == "x"', extras=["x"], builds_with=["c>=4"])]
    assert problems([versions(a="1", b="2", c="3")], lock(a_1=(), b_2=(), c_3=()), trees) == [
        "versions.cfg: a = 1, but setup.py wants a>=2",
        "versions.cfg: b = 2, but setup.py wants b<2",
        "versions.cfg: c = 3, but setup.py wants c>=4",
    ]


def test_ranges_count_where_the_pin_does():
    pin = versions('python_version < "3.12"', a="1")
    other = versions(a="2")
    locked = lock(a_1=(), a_2=())
    assert problems([pin, other], locked, [tree('a>=2; python_version >= "3.12"')]) == []
    assert problems([pin, other], locked, [tree("a>=2")]) == [
        "versions.cfg: a = 1, but setup.py wants a>=2"
    ]
    # What one part pins among its eggs is for that part.
    part = cfg("etc/x.cfg", part={"eggs": "a == 1"})
    assert problems([other, part], locked, [tree("a>=2")]) == []


def test_pre_releases_may_be_pinned():
    assert problems([versions(a="2rc1")], lock(a_2rc1=()), [tree("a>=1")]) == []


@pytest.mark.parametrize("version", ["release", "1-x-y"])
def test_a_pin_that_is_no_version_fits_nothing(version):
    assert problems([versions(a=version)], Lock({("a", version): (File("a.zip", SHA),)}), [
        tree("a>=1")
    ]) == [f"versions.cfg: a = {version}, but setup.py wants a>=1"]  # fmt: skip


def test_a_requirement_that_nothing_pins():
    part = cfg("etc/x.cfg", part={"recipe": "some.recipe:entry", "eggs": "b>=2\nown"})
    trees = [tree("a>=1", "eggcrate", 'win; sys_platform == "win32"')]
    assert problems([versions(b="1"), part], lock(b_1=()), trees) == [
        "setup.py requires a>=1, and nothing pins it",
        "etc/x.cfg names some.recipe, and nothing pins it",
        "etc/x.cfg names b>=2, and nothing pins it",
    ]
