import configparser
import tomllib
import zipfile

import pytest

from support.scratch import PROJECT

pytestmark = pytest.mark.live

SOURCES = PROJECT / "src" / "eggcrate"


@pytest.fixture(scope="module")
def wheel(built):
    """The wheel, as the command of a project makes it."""
    [said] = built.run("bin/eggcrate", "wheel").stdout.splitlines()
    return built.root / said


def described():
    return tomllib.loads((SOURCES / "pyproject.toml").read_text("utf-8"))["project"]


def test_the_wheel_has_all_modules(wheel):
    modules = {str(path.relative_to(SOURCES.parent)) for path in SOURCES.rglob("*.py")}
    names = zipfile.ZipFile(wheel).namelist()
    assert {name for name in names if ".dist-info/" not in name} == modules


def test_building_it_leaves_the_sources_alone(built, wheel):
    names = {path.name for path in (built.root / "src" / "eggcrate").iterdir()}
    assert names - {"__pycache__"} == {path.name for path in SOURCES.iterdir()} - {"__pycache__"}


def test_its_version_is_the_pin():
    pins = configparser.ConfigParser()
    pins.read(PROJECT / "versions.cfg")
    assert described()["version"] == pins["versions"]["eggcrate"]


def test_the_build_environment_has_the_same_entry_points(built):
    [path] = built.root.glob("parts/buildout/lib/python*/site-packages/eggcrate-*/entry_points.txt")
    registered = configparser.ConfigParser()
    registered.read(path)
    assert {name: dict(registered[name]) for name in registered.sections()} == described()[
        "entry-points"
    ]


def test_a_folder_may_be_named(built, tmp_path):
    built.run("bin/eggcrate", "wheel", "-o", tmp_path / "new" / "folder")
    assert [path.suffix for path in (tmp_path / "new" / "folder").iterdir()] == [".whl"]
