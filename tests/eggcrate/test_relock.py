from pathlib import Path

import pytest

from eggcrate import relock
from eggcrate.cfgs import Pin
from eggcrate.index import Index, UnavailableError
from eggcrate.lockfile import File, Lock
from eggcrate.pages import Link
from eggcrate.targets import TARGETS

A, B = "a" * 64, "b" * 64
CFG = Path("versions.cfg")
EMPTY = Lock({})


class Listed(Index):
    """An index of these links, by project."""

    def __init__(self, **projects):
        super().__init__(None, ["file:///listed"])
        self.projects = projects

    def files(self, name, *, complete=False):
        assert complete
        found = self.projects.get(name.replace("-", "_"), ())
        if isinstance(found, str):
            raise UnavailableError(found)
        return {link.name: link for link in found}


def link(name, sha256=A, **kwargs):
    return Link(f"file:///files/{name}", name, sha256, **kwargs)


def relocked(index, *pins, old=EMPTY, replace=()):
    return relock.relock(pins, index, old, frozenset(replace))


def pin(name="a", version="1.0", condition=""):
    return Pin(name, version, CFG, condition)


def test_what_is_pinned_is_locked_with_what_is_relevant():
    index = Listed(
        a=[
            link("a-1-py3-none-any.whl"),
            link("a-1.tar.gz"),
            link("a-1.0.1-py3-none-any.whl"),
            link("a-1.0rc1-py3-none-any.whl"),
        ],
        zope_b=[link("zope.b-2.tar.gz", B), link("zope_b-2-cp311-cp311-win32.whl")],
    )
    found = relocked(index, pin("Zope.B", "2"), pin("A"))
    assert found.errors == found.notes == []
    assert found.lock.entries == {
        ("a", "1.0"): (File("a-1-py3-none-any.whl", A),),
        ("zope-b", "2"): (File("zope.b-2.tar.gz", B),),
    }


def test_two_pins_of_a_name_are_both_locked():
    index = Listed(a=[link("a-1-py3-none-any.whl"), link("a-2-py3-none-any.whl")])
    found = relocked(index, pin("a", "1"), pin("a", "2"), pin("a", "2"))
    assert list(found.lock.entries) == [("a", "1"), ("a", "2")]


def test_of_a_condition_only_its_targets_count():
    wheels = [f"a-1-cp3{minor}-cp3{minor}-macosx_11_0_universal2.whl" for minor in (11, 12)]
    index = Listed(a=[link(name) for name in [*wheels, "a-1.tar.gz"]])
    marker = 'sys_platform == "darwin" and python_version < "3.12"'
    found = relocked(index, pin("a", "1", marker))
    assert found.lock.entries == {("a", "1"): (File(wheels[0], A),)}
    assert found.notes == []
    assert relocked(index, pin("a", "1", 'sys_platform == "win32"')).lock.entries == {}
    both = relocked(index, pin("a", "1", marker), pin("a", "1"))
    assert {file.name for file in both.lock.of("a", "1")} == {*wheels, "a-1.tar.gz"}


def test_python_that_is_not_wanted_needs_no_source():
    wheel = "a-1-cp312-abi3-any.whl"
    links = [link(wheel, requires_python=">=3.12"), link("a-1.tar.gz", requires_python=">=3.12")]
    found = relocked(Listed(a=links), pin("a", "1"))
    assert found.lock.entries == {("a", "1"): (File(wheel, A),)}
    assert found.notes == [
        "a 1 is not for Python 3.11 linux-x86_64, Python 3.11 linux-aarch64,"
        " Python 3.11 musl-x86_64, Python 3.11 musl-aarch64 and 2 more"
    ]


def test_a_wheel_for_any_platform_may_not_be_for_any_python():
    links = [link("a-1-py3-none-any.whl", requires_python=">=3.11,<3.14")]
    [note] = relocked(Listed(a=links), pin("a", "1")).notes
    assert note.startswith("a 1 is not for Python 3.14 linux-x86_64, Python 3.14 linux-aarch64")
    assert relocked(Listed(a=links), pin("a", "1", 'python_version < "3.14"')).notes == []


def test_a_hash_that_the_index_does_not_give_is_computed(tmp_path):
    (tmp_path / "a-1.zip").write_bytes(b"contents")
    found = relocked(Index(None, find_links=[str(tmp_path)]), pin("a", "1"))
    assert found.lock.of("a", "1") == (
        File("a-1.zip", "d1b2a59fbea7e20077af9f91b27e95e865061b270be03ff539ab3b73587882e8"),
    )


def test_a_locked_file_that_changed_is_refused():
    index = Listed(a=[link("a-1.zip", B)], b=[link("b-1.zip", B)])
    old = Lock({("a", "1"): (File("a-1.zip", A),), ("b", "1"): (File("b-1.zip", B),)})
    [error] = relocked(index, pin("a", "1"), pin("b", "1"), old=old).errors
    assert error == (
        f"a 1: a-1.zip was locked with sha256 {A}, and the index now has {B}: find out why before"
        " you run `bin/lock --replace a`"
    )
    found = relocked(index, pin("A", "1"), pin("b", "1"), old=old, replace=["a"])
    assert found.errors == []
    assert found.lock.of("a", "1") == (File("a-1.zip", B),)


def test_files_that_come_and_go_are_no_alarm():
    old = Lock({("a", "1"): (File("a-1.zip", A),)})
    found = relocked(Listed(a=[link("a-1-py3-none-any.whl")]), pin("a", "1"), old=old)
    assert found.errors == []
    assert found.lock.of("a", "1") == (File("a-1-py3-none-any.whl", A),)


def test_what_was_yanked_is_locked_and_told():
    links = [
        link("a-1-py3-none-any.whl", yanked="broken\non Linux"),
        link("b-1-py3-none-any.whl", yanked=""),
    ]
    found = relocked(Listed(a=links[:1], b=links[1:]), pin("a", "1"), pin("b", "1"))
    assert found.errors == []
    assert len(found.lock.entries) == 2
    assert found.notes == ["a 1 was yanked: broken on Linux", "b 1 was yanked"]


@pytest.mark.parametrize(
    ("links", "why"),
    [
        ([], "no such distribution in file:///listed"),
        ([link("a-2.zip")], "there is no such version"),
        ([link("a-1-cp311-cp311-win32.whl")], "none of its 1 files is for Python 3.11 linux"),
        ([link("a-1.zip", requires_python="<3")], "it wants Python <3"),
        ("cannot get it", "cannot get it"),
    ],
)
def test_what_cannot_be_locked_is_one_line_each(links, why):
    found = relocked(Listed(a=links, b=[link("b-1.zip")]), pin("a", "1"), pin("b", "1"))
    [error] = found.errors
    assert error.startswith(f"a 1: {why}")
    assert list(found.lock.entries) == [("b", "1")]


def test_ranges_of_python_that_nobody_understands_say_nothing():
    [specifier] = relock.requires_python(
        [link("a-1.zip", requires_python=p) for p in ("3+", ">=3")]
    )
    assert str(specifier) == ">=3"


def test_few_names_of_many():
    assert relock.few(list(TARGETS[:2])) == "Python 3.11 linux-x86_64, Python 3.12 linux-x86_64"
    assert relock.few(list(TARGETS)).endswith(" and 20 more")
