from pathlib import Path
from types import SimpleNamespace

import pytest

from eggcrate import platforms
from eggcrate.release import label
from eggcrate.release.checkout import Checkout
from eggcrate.release.errors import ReleaseError
from eggcrate.release.label import Label
from eggcrate.release.own import Own

ROOT = Path("/project")
MAIN = Own("Brew.Ery", "1.0", ROOT, Path("eggs/brewery.egg"))
OTHER = Own("other", "2.0", Path("/other"), Path("eggs/other.egg"))


def origin(*, changed=(), checkout=True):
    found = Checkout(ROOT, "0123456789abcdef", 0, (), tuple(changed), ())
    return SimpleNamespace(root=ROOT, checkout=found if checkout else None)


@pytest.mark.parametrize(
    ("found", "version", "expected"),
    [
        (origin(checkout=False), None, "brew-ery-1.0"),
        (origin(), None, "brew-ery-1.0-0123456789ab"),
        (origin(changed=["x"]), None, "brew-ery-1.0-0123456789ab-modified"),
        (origin(changed=["x"]), "2026.1+hotfix", "brew-ery-2026.1+hotfix"),
    ],
)
def test_names(found, version, expected):
    assert str(label.of(found, [OTHER, MAIN], version)) == f"{expected}-{platforms.label()}"


def test_without_a_distribution_of_the_project_the_first_gives_the_name():
    assert label.of(origin(checkout=False), [OTHER], None).name == "other"


def test_without_any_the_folder_does_and_a_version_is_needed():
    assert label.of(origin(), [], "1").name == "project"
    with pytest.raises(ReleaseError, match="give the release a --version"):
        label.of(origin(), [], None)


@pytest.mark.parametrize("version", ["1/2", "../1", "-1", "1 2", "ü"])
def test_versions_that_are_no_part_of_a_name(version):
    with pytest.raises(ReleaseError, match="--version"):
        label.of(origin(), [MAIN], version)


def test_where_it_is_written(tmp_path):
    found = Label("x", "1")
    name = f"x-1-{platforms.label()}.tar.gz"
    (tmp_path / "there").mkdir()
    for output, expected in (
        (None, tmp_path / "var" / "releases" / name),
        (f"{tmp_path}/there", tmp_path / "there" / name),
        (f"{tmp_path}/new/", tmp_path / "new" / name),
        (f"{tmp_path}/new", tmp_path / "new"),
    ):
        assert label.destination(tmp_path, output, found) == expected


def test_what_is_there_is_not_replaced(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ReleaseError, match="is there already"):
        label.destination(tmp_path, f"{tmp_path}/file", Label("x", "1"))
