import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from eggcrate import resolve
from eggcrate.pages import Link
from eggcrate.releases import Described, Release
from eggcrate.resolve import ResolutionError, Rules
from eggcrate.targets import TARGETS
from support import tools

OLD_PYTHON = frozenset(target for target in TARGETS if target.minor < 12)
MAC = frozenset(target for target in TARGETS if target.platform.startswith("macos"))


class Known:
    """Releases as a test describes them: {"a 1": ["b>=2"]}; a Python range may follow `; py`."""

    def __init__(self, described, files=None):
        self.requires = {}
        self.releases = {}
        for key, requires in described.items():
            name, version, *python = key.split(" ", 2)
            names = (files or {}).get(f"{name} {version}", [f"{name}-{version}.zip"])
            links = tuple(Link("", file, requires_python="".join(python)) for file in names)
            release = Release(Version(version), links)
            self.releases.setdefault(name, []).append(release)
            self.requires[name, release.version] = tuple(map(Requirement, requires))

    def of(self, name):
        found = self.releases.get(name, [])
        return sorted(found, key=lambda release: release.version, reverse=True)

    def describe(self, name, release):
        return Described(name, self.requires[name, release.version])


@pytest.fixture(autouse=True)
def pip(monkeypatch):
    tools.use_pip(monkeypatch)


def rules(*, pinned=None, free=(), fixed=None, own=(), elsewhere=None):
    def versions(texts):
        return {name: Version(text) for name, text in (texts or {}).items()}

    return Rules(
        versions(pinned), frozenset(free), versions(fixed), frozenset(own), elsewhere or {}
    )


def resolved(releases, *roots, extras=(), files=None, **kwargs):
    wishes = resolve.wishes(map(Requirement, roots), "setup.py", extras)
    found = resolve.resolve(wishes, Known(releases, files), rules(**kwargs))
    assert all(found[name].name == name for name in found)
    return {name: str(candidate.version) for name, candidate in sorted(found.items())}


def test_the_newest_in_range_is_taken_with_what_it_requires():
    releases = {"a 1": [], "a 2": ["b<3"], "a 3": [], "b 2": ["c"], "b 3": [], "c 1": [], "d 1": []}
    assert resolved(releases, "A<3") == {"a": "2", "b": "2", "c": "1"}


def test_what_does_not_agree_is_taken_older():
    releases = {"a 1": ["c<2"], "a 2": ["c<2"], "b 1": [], "b 2": ["c>=2"], "c 1": [], "c 2": []}
    assert resolved(releases, "a", "b") == {"a": "2", "b": "1", "c": "1"}
    assert resolved(releases, "b", "a") == {"a": "2", "b": "1", "c": "1"}


def test_pre_releases_are_for_who_pins_them():
    releases = {"a 1": [], "a 2rc1": []}
    assert resolved(releases, "a") == {"a": "1"}
    assert resolved(releases, "a", pinned={"a": "2rc1"}) == {"a": "2rc1"}


def test_pins_stay_unless_they_are_free():
    releases = {"a 1": [], "a 2": ["b"], "b 1": [], "b 2": [], "b 3": []}
    pinned = {"a": "1", "b": "2"}
    assert resolved(releases, "a", "b", pinned=pinned) == pinned
    assert resolved(releases, "a", "b", pinned=pinned, free=["a"]) == {"a": "2", "b": "2"}
    assert resolved(releases, "a", "b", pinned=pinned, free=["b"]) == {"a": "1", "b": "3"}
    assert resolved(releases, "a", "b", pinned=pinned, free="ab") == {"a": "2", "b": "3"}


def test_a_pin_that_has_to_move_moves_up_if_it_can():
    releases = {"a 2": ["b!=2"], "b 1": [], "b 2": [], "b 3": []}
    assert resolved(releases, "a", "b", pinned={"b": "2"}, free=["a"]) == {"a": "2", "b": "3"}
    del releases["b 3"]
    assert resolved(releases, "a", "b", pinned={"b": "2"}, free=["a"]) == {"a": "2", "b": "1"}


def test_fixed_versions_are_for_others_to_change():
    releases = {"a 1": [], "a 2": ["b>=2"], "b 1": [], "b 2": []}
    assert resolved(releases, "a", fixed={"b": "1"}) == {"a": "1"}
    assert resolved(releases, "a", "b", fixed={"b": "1"}) == {"a": "1", "b": "1"}
    with pytest.raises(ResolutionError) as caught:
        resolved(releases, "a>=2", fixed={"b": "1"})
    assert "a 2 wants b>=2, and 1 is pinned elsewhere" in str(caught.value)


def test_extras_require_more():
    releases = {
        "a 1": ["b; extra == 'x'", "c; extra == 'Y_y'", "d; extra == 'z'"],
        "b 1": ["a[y-y]"],
        "c 1": [],
        "d 1": [],
    }
    assert resolved(releases, "a") == {"a": "1"}
    assert resolved(releases, "a", "a[X]") == {"a": "1", "b": "1", "c": "1"}
    assert resolved(releases, "d; extra == 'test'", extras=["test"]) == {"d": "1"}
    assert resolved(releases, "d; extra == 'test'") == {}


def test_a_distribution_may_want_its_own_extras():
    releases = {"a 1": ["a[x]; extra == 'all'", "b; extra == 'x'"], "b 1": []}
    assert resolved(releases, "a[all]") == {"a": "1", "b": "1"}


def test_requirements_count_that_any_target_has():
    releases = {"a 1": ["mac; sys_platform == 'darwin'", "win; os_name == 'nt'"], "mac 1": []}
    assert resolved(releases, "a") == {"a": "1", "mac": "1"}


def test_a_release_has_to_be_for_each_target_that_wants_it():
    releases = {"a 1": [], "a 2 >=3.12": [], "b 1 >=3.12": [], "b 2 >=3.13": []}
    assert resolved(releases, "a", "b; python_version >= '3.12'") == {"a": "1", "b": "1"}
    files = {"a 2": ["a-2-cp311-abi3-win32.whl"], "a 1": ["a-1-py3-none-any.whl"]}
    assert resolved({"a 1": [], "a 2": []}, "a", files=files) == {"a": "1"}


def test_markers_narrow_what_is_below_them():
    releases = {"a 1": ["b; sys_platform == 'darwin'"], "b 1": ["c; sys_platform == 'linux'"]}
    assert resolved(releases, "a") == {"a": "1", "b": "1"}


def test_a_later_wish_for_more_targets_is_heard():
    releases = {
        "a 1": ["z; python_version >= '3.13'"],
        "b 1": ["z"],
        "z 1": ["old; python_version < '3.12'"],
        "z 2 >=3.13": [],
        "old 1": [],
    }
    assert resolved(releases, "a") == {"a": "1", "z": "2"}
    assert resolved(releases, "a", "b") == {"a": "1", "b": "1", "z": "1", "old": "1"}


def test_what_is_pinned_elsewhere_is_not_decided_here():
    releases = {"a 1": ["g<3; python_version < '3.12'", "g>=3; sys_platform == 'darwin'"],
                "g 2": [], "g 3": []}  # fmt: skip
    with pytest.raises(ResolutionError):
        resolved(releases, "a")
    assert resolved(releases, "a", elsewhere={"g": OLD_PYTHON}) == {"a": "1", "g": "3"}
    assert resolved(releases, "a", elsewhere={"g": OLD_PYTHON | MAC}) == {"a": "1"}


def test_own_distributions_are_not_looked_for():
    assert resolved({"a 1": ["own[x]"]}, "a", "own", own=["own"]) == {"a": "1"}


def test_what_cannot_agree_is_told_by_who_wants_it():
    releases = {"a 1": ["c<2"], "b 1": ["c>=2"], "c 1": [], "c 2": []}
    with pytest.raises(ResolutionError) as caught:
        resolved(releases, "a", "b")
    assert set(str(caught.value).splitlines()) == {"a 1 wants c<2", "b 1 wants c>=2"}
    with pytest.raises(
        ResolutionError, match=r"^setup.py wants nowhere\[x\]>1, which no index has$"
    ):
        resolved(releases, "nowhere[x]>1")


def test_searches_have_an_end(monkeypatch):
    monkeypatch.setattr(resolve, "_ROUNDS", 2)
    with pytest.raises(ResolutionError, match="in reasonable time"):
        resolved({f"{name} 1": [] for name in "abcd"}, *"abcd")
