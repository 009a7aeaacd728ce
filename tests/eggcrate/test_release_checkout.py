import subprocess

import pytest

from eggcrate.release import checkout
from eggcrate.release.errors import ReleaseError


def git(folder, *command):
    who = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
    subprocess.run(["git", *who, *command], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A repository with a commit, and a folder that is only a part of it."""
    monkeypatch.setenv("GIT_COMMITTER_DATE", "2026-01-02T03:04:05Z")
    root = tmp_path / "repository"
    for name in ("src/code.py", "src/naïve name.txt", "setup.py"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    (root / ".gitignore").write_text("secret\n")
    git(root, "init", "-q")
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "x")
    return root


def test_no_repository(tmp_path):
    assert checkout.look(tmp_path) is None


def test_what_is_tracked_and_of_when(folder):
    found = checkout.look(folder)
    assert found.tracked == (".gitignore", "setup.py", "src/code.py", "src/naïve name.txt")
    assert (found.time, len(found.revision)) == (1767323045, 40)
    assert found.changed == found.untracked == ()


def test_what_was_changed_and_what_is_new(folder):
    (folder / "src" / "code.py").write_text("changed")
    (folder / "src" / "naïve name.txt").unlink()
    (folder / "new").touch()
    (folder / "secret").touch()
    found = checkout.look(folder)
    assert found.changed == ("src/code.py", "src/naïve name.txt")
    assert found.untracked == ("new",)


def test_names_are_relative_to_the_folder(folder):
    (folder / "src" / "code.py").write_text("changed")
    (folder / "new").touch()
    (folder / "src" / "other").touch()
    found = checkout.look(folder / "src")
    assert found.tracked == ("code.py", "naïve name.txt")
    assert (found.changed, found.untracked) == (("code.py",), ("other",))


def test_a_hook_that_runs_us_does_not_confuse_it(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    assert checkout.look(folder).tracked


def test_a_repository_without_commits_is_an_error(tmp_path):
    git(tmp_path, "init", "-q")
    with pytest.raises(ReleaseError, match=r"git cannot read it: .*does not have any commits"):
        checkout.look(tmp_path)


def test_a_repository_without_git_is_an_error(folder, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ReleaseError, match="there is no git"):
        checkout.look(folder)


def test_a_copy_has_what_is_tracked(folder, tmp_path):
    (folder / "src" / "code.py").write_text("changed")
    (folder / "setup.py").unlink()
    (folder / "secret").touch()
    (folder / "new").touch()
    checkout.copy(folder, tmp_path / "copy", checkout.look(folder), without=())
    found = {path.name for path in (tmp_path / "copy").rglob("*") if path.is_file()}
    assert found == {".gitignore", "code.py", "naïve name.txt"}
    assert (tmp_path / "copy" / "src" / "code.py").read_text() == "changed"


def test_a_copy_without_git_leaves_out_what_was_generated(tmp_path):
    folder = tmp_path / "folder"
    for name in (
        "setup.py", "src/code.py", "src/__pycache__/code.pyc", "src/x.egg-info/PKG-INFO",
        "eggs/x.egg/x.py", ".env", "build/lib/code.py", "build/__init__.py", "src/eggs/__init__.py",
    ):  # fmt: skip
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    checkout.copy(folder, tmp_path / "copy", None, without={folder / "eggs"})
    copied = tmp_path / "copy"
    found = {str(path.relative_to(copied)) for path in copied.rglob("*") if path.is_file()}
    assert found == {"setup.py", "src/code.py", "build/__init__.py", "src/eggs/__init__.py"}
