import pytest

from eggcrate.release import own
from eggcrate.release.errors import ReleaseError


def buildout(root, develop):
    names = ("bin", "parts", "develop-eggs", "eggs")
    options = {f"{name}-directory": str(root / name) for name in names}
    return {"buildout": {**options, "directory": str(root), "develop": develop}}


def test_the_folders_that_are_developed(tmp_path):
    for name in ("project/src", "project/more-1", "project/more-2", "elsewhere"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "elsewhere" / "setup.py").touch()
    (tmp_path / "link").symlink_to("elsewhere")
    root = tmp_path / "project"
    found = own.folders(buildout(root, f". more-* {tmp_path}/link/setup.py"))
    assert found == [root, root / "more-1", root / "more-2", tmp_path / "elsewhere"]
    assert own.folders(buildout(root, "")) == []


def test_a_folder_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(ReleaseError, match="develop = none: there is no such folder"):
        own.folders(buildout(tmp_path, "none"))


def test_what_holds_no_sources(tmp_path):
    found = {path.name for path in own.generated(buildout(tmp_path, "."))}
    assert found == {"bin", "parts", "develop-eggs", "eggs", "var"}
