import pytest

from eggcrate import project, upgrade
from eggcrate.index import Index
from eggcrate.resolve import ResolutionError
from eggcrate.upgrade import UpgradeError
from support import tools
from support.wheels import wheel

TREE = """\
[project]
name = "own"
version = "1"
dependencies = ["app >= 1", "lib"]
optional-dependencies.test = ["tester"]
"""
BUILDOUT = "[buildout]\nextends = versions.cfg\ndevelop = .\n[part]\neggs = own[test]\n"
VERSIONS = """\
[versions]
eggcrate = 0.1

# --- application ---
App = 1.0
# Why lib is here.
lib = ==1

# --- tests ---
tester = 1.0
"""


@pytest.fixture
def lay(tmp_path, monkeypatch):
    """A project with these files beside the usual ones."""
    tools.use_parser(monkeypatch)
    tools.use_pip(monkeypatch)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    root = tmp_path / "project"

    def lay(**texts):
        usual = {"pyproject.toml": TREE, "buildout.cfg": BUILDOUT, "versions.cfg": VERSIONS}
        for name, text in {**usual, **texts}.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return root

    return lay


@pytest.fixture
def raised(tmp_path, capsys):
    """Raise the pins of a project upon wheels {"name version": requirements}; return the lines."""

    def raised(root, releases, *names):
        links = tmp_path / "links"
        links.mkdir(exist_ok=True)
        for key, requires in releases.items():
            wheel(links, *key.split(), files={}, requires=requires)
        upgrade.upgrade(project.read(root), names, Index(None, find_links=[str(links)]), None)
        return capsys.readouterr().out.splitlines()

    return raised


RELEASES = {
    **{f"App {version}": ["lib>=1"] for version in ("1.0", "1.1", "2.0rc1")},
    **{f"lib {version}": [] for version in ("1", "2")},
    **{f"tester {version}": [] for version in ("1.0", "1.5")},
}


def test_pins_are_raised_and_nothing_else_changes(lay, raised):
    root = lay()
    assert raised(root, RELEASES) == [
        "App 1.0 -> 1.1 (versions.cfg)",
        "lib 1 -> 2 (versions.cfg)",
        "tester 1.0 -> 1.5 (versions.cfg)",
    ]
    assert (root / "versions.cfg").read_text() == VERSIONS.replace(
        "App = 1.0", "App = 1.1"
    ).replace("==1", "==2").replace("tester = 1.0", "tester = 1.5")
    assert raised(root, {}) == ["no pin is raised"]


def test_only_what_is_named_is_raised(lay, raised):
    root = lay()
    assert raised(root, RELEASES, "APP") == ["App 1.0 -> 1.1 (versions.cfg)"]
    assert "lib = ==1\n" in (root / "versions.cfg").read_text()


def test_what_must_follow_follows(lay, raised):
    releases = {**RELEASES, "App 1.1": ["lib>=2"]}
    assert raised(lay(), releases, "app") == [
        "App 1.0 -> 1.1 (versions.cfg)",
        "lib 1 -> 2 (versions.cfg)",
    ]


def test_ranges_of_the_project_are_kept(lay, raised):
    tree = TREE.replace("app >= 1", "app < 1.1").replace('"lib"', '"lib >= 2"')
    assert raised(lay(**{"pyproject.toml": tree}), RELEASES, "tester") == [
        "lib 1 -> 2 (versions.cfg)",
        "tester 1.0 -> 1.5 (versions.cfg)",
    ]


def test_what_nobody_pins_cannot_be_raised(lay, raised):
    versions = VERSIONS + '[versions:python_version < "3.12"]\ncond = 1\n'
    with pytest.raises(UpgradeError, match=r"^no pin of cond can be raised\nno pin of x can be"):
        raised(lay(**{"versions.cfg": versions}), RELEASES, "X", "lib", "cond")


def test_a_new_dependency_is_pinned_beside_what_requires_it(lay, raised):
    root = lay()
    releases = {
        **RELEASES,
        "App 1.1": ["lib", "New.One; sys_platform == 'darwin'"],
        "New.One 3": [],
    }
    assert raised(root, releases)[:2] == [
        "App 1.0 -> 1.1 (versions.cfg)",
        "lib 1 -> 2 (versions.cfg)",
    ]
    assert "lib = ==2\nNew.One = 3\n\n# --- tests" in (root / "versions.cfg").read_text()


def test_what_nothing_requires_is_raised_and_told(lay, raised):
    root = lay(**{"versions.cfg": VERSIONS + "lonely = 1\n"})
    assert raised(root, {**RELEASES, "lonely 1": [], "lonely 2": ["lib<2"]}) == [
        "App 1.0 -> 1.1 (versions.cfg)",
        "lonely 1 -> 2 (versions.cfg)",
        "tester 1.0 -> 1.5 (versions.cfg)",
        "note: versions.cfg: nothing requires lonely any more",
    ]


def test_pins_by_condition_are_left_alone_and_told(lay, raised):
    versions = VERSIONS + '[versions:python_version < "3.12"]\nlib = 0.9\n'
    releases = {**RELEASES, "App 1.1": ["lib>=2; python_version >= '3.12'", "lib<1"]}
    releases["App 1.1"][1] += "; python_version < '3.12'"
    root = lay(**{"versions.cfg": versions})
    assert raised(root, releases)[-1] == (
        'note: versions.cfg: lib = 0.9 (python_version < "3.12") is left alone'
    )
    assert "lib = 0.9\n" in (root / "versions.cfg").read_text()
    assert "lib = ==2\n" in (root / "versions.cfg").read_text()


BENCH = """\
[buildout]
extends = ../buildout.cfg
[rivals]
recipe = zc.recipe.egg
eggs =
    rival
    lib
    tester == 1.0
[versions]
rival = 1
tester =
zc.recipe.egg = 6
"""


def test_a_further_file_follows_the_first_and_does_not_hold_it_back(lay, raised):
    root = lay(**{"etc/bench.cfg": BENCH})
    releases = {
        **RELEASES,
        "rival 1": ["lib"],
        "rival 2": ["lib<3", "helper", "tester<1.5"],
        "rival 3": ["lib<2"],
        "helper 1": [],
        "zc.recipe.egg 6": [],
    }
    assert raised(root, releases) == [
        "App 1.0 -> 1.1 (versions.cfg)",
        "lib 1 -> 2 (versions.cfg)",
        "tester 1.0 -> 1.5 (versions.cfg)",
        "helper 1 (new in etc/bench.cfg: rival requires it)",
        "rival 1 -> 2 (etc/bench.cfg)",
    ]
    assert (root / "etc/bench.cfg").read_text() == BENCH.replace(
        "rival = 1", "helper = 1\nrival = 2"
    )
    # Named alone, too.
    assert raised(root, {"rival 2.1": ["lib"]}, "rival") == [
        "rival 2 -> 2.1 (etc/bench.cfg)",
        "note: etc/bench.cfg: nothing requires helper any more",
    ]


def test_what_cannot_agree_changes_nothing(lay, raised):
    root = lay()
    releases = {**RELEASES, **{f"App {version}": ["lib>=9"] for version in ("1.0", "1.1")}}
    with pytest.raises(ResolutionError, match=r"app 1\.1 wants lib>=9"):
        raised(root, releases)
    assert (root / "versions.cfg").read_text() == VERSIONS
