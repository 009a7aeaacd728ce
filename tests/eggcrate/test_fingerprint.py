"""A run in which nothing has changed is left out, and whatever has changed is noticed."""

import contextlib
import os
import shutil
from pathlib import Path

import pytest

from support.scratch import Scratch
from support.settled import STILL, build, fill, is_still

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project that has been built; each test leaves it as it was."""
    made = fill(Scratch(Path(tmp_path_factory.mktemp("still")) / "project ü"))
    made.bootstrap()
    build(made)
    return made


# --- changes, and how they are taken back --------------------------------------------------------


@contextlib.contextmanager
def edited(path, text="\n# edited\n"):
    before = path.read_bytes()
    with path.open("a") as file:
        file.write(text)
    yield
    path.write_bytes(before)


@contextlib.contextmanager
def created(path):
    path.parent.mkdir(exist_ok=True)
    path.write_text("[buildout]\n")
    yield
    path.unlink()


@contextlib.contextmanager
def made(path):
    path.mkdir(parents=True)
    yield
    path.rmdir()


@contextlib.contextmanager
def removed(path):
    aside, parent = path.with_name(f".aside-{path.name}"), path.parent
    times = parent.stat()
    path.rename(aside)
    yield
    aside.rename(path)
    os.utime(parent, ns=(times.st_atime_ns, times.st_mtime_ns))


@contextlib.contextmanager
def replaced(path):
    """Put a copy in the place of a folder."""
    with removed(path):
        shutil.copytree(path.with_name(f".aside-{path.name}"), path, symlinks=True)
        yield
        shutil.rmtree(path)


@contextlib.contextmanager
def linked(path):
    before = path.readlink()
    path.unlink()
    path.symlink_to("/usr/bin/env")
    yield
    path.unlink()
    path.symlink_to(before)


@contextlib.contextmanager
def moded(path):
    path.chmod(0o700)
    yield
    path.chmod(0o755)


CHANGES = {
    "a configuration file": (edited, "base.cfg"),
    "the main one": (edited, "buildout.cfg"),
    "what one person changes": (edited, "local.cfg"),
    "that it is gone": (removed, "local.cfg"),
    "a pin": (edited, "versions.cfg"),
    "the defaults of a person": (created, "home/.buildout/default.cfg"),
    "a lock": (edited, "local.lock"),
    "a lock that is gone": (removed, "local.lock"),
    "the setup script": (edited, "setup.py"),
    "a file that it reads": (edited, "VERSION"),
    "a setup.cfg": (created, "setup.cfg"),
    "a pyproject.toml": (created, "pyproject.toml"),
    "a MANIFEST.in": (created, "MANIFEST.in"),
    "a package": (made, "src/package"),
    "another setup script": (edited, "trees/one/setup.py"),
    "another project": (made, "trees/two"),
    "a project that is gone": (removed, "trees/one"),
    "a script": (edited, "bin/carton"),
    "a script that is gone": (removed, "bin/carton"),
    "the mode of a script": (moded, "bin/carton"),
    "bin/buildout": (edited, "bin/buildout"),
    "a list of eggs": (edited, "parts/carton/lib/python*/site-packages/eggs.pth"),
    "a pyvenv.cfg": (edited, "parts/python/pyvenv.cfg"),
    "an interpreter": (linked, "parts/python/bin/python"),
    "an environment": (removed, "parts/carton"),
    "an egg": (removed, "eggs/v5/always-*.egg"),
    "another egg in its place": (replaced, "eggs/v5/always-*.egg"),
    "an egg without its package": (removed, "eggs/v5/always-*.egg/always"),
    "an egg without a file": (removed, "eggs/v5/always-*.egg/always/more.py"),
    "the egg of a recipe": (removed, "eggs/v5/render-*.egg"),
    "what a recipe reads": (edited, "page.in"),
    "what a recipe has made": (removed, "parts/page.out"),
    "what it has made, edited": (edited, "parts/page.out"),
    "a part's folder": (removed, "parts/rendered"),
    "a develop egg": (removed, "develop-eggs/carton.egg-link"),
    "its metadata": (edited, "develop-eggs/carton-1.0.dist-info/METADATA"),
    "another develop egg": (created, "develop-eggs/more.egg-link"),
    "what is installed": (edited, ".installed.cfg"),
    "that something is": (removed, ".installed.cfg"),
    "what a failed run left": (created, "parts/replaced.json"),
    "eggcrate": (edited, "src/eggcrate/generate.py"),
    "more of eggcrate": (created, "src/eggcrate/new.py"),
    "zc.buildout": (created, "parts/buildout/lib/python*/site-packages/zc/buildout/new.py"),
    "the build environment": (created, "parts/buildout/bootstrap.json"),
    "the fingerprint": (removed, "parts/fingerprint.json"),
    "a broken fingerprint": (edited, "parts/fingerprint.json", "}"),
}


def find(root, pattern):
    """Return the path; of what is to be made, only the folder is there."""
    folder, slash, name = pattern.rpartition("/")
    found = [*root.glob(pattern), *(path / name for path in (root.glob(folder) if slash else ()))]
    return (found or [root / pattern])[0]


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_noticed(project, change):
    how, pattern, *more = CHANGES[change]
    path = find(project.root, pattern)
    if how is created and path.exists():
        how = edited
    assert is_still(project)  # also: what the test before has done was taken back
    with how(path, *more):
        assert not is_still(project)


@pytest.mark.parametrize(
    "how",
    [
        {"environ": {"HOME": "/"}},
        {"environ": {"BUILDOUT_HOME": "/"}},
        {"environ": {"PIP_INDEX_URL": "https://example.org/simple"}},
        {"environ": {"EGGCRATE_PAGE": "1"}},
        {"cwd": Path("/")},
    ],
    ids=str,
)
def test_another_environment_is_noticed(project, how):
    assert not is_still(project, **how)


@pytest.mark.parametrize(
    "arguments",
    [["-N"], ["-o"], ["-v"], ["install"], ["annotate"], ["-c", "base.cfg"], ["buildout:parts="]],
    ids=" ".join,
)
def test_other_arguments_are_another_run(project, arguments):
    assert not is_still(project, *arguments)


def test_what_does_not_count_is_not_noticed(project):
    (project.root / "src/carton.py").write_text("# edited\n")
    (project.root / "parts/unknown").mkdir()
    (project.root / "eggs/another.egg").mkdir()
    (project.root / "src/__pycache__").mkdir()
    (project.root / ".cache").mkdir()
    os.utime(project.root / "base.cfg")
    os.utime(project.root / "bin/carton")
    assert is_still(project, environ={"EGGCRATE_OTHER": "1", "TERM": "dumb"})


# --- runs ----------------------------------------------------------------------------------------


def test_zc_buildout_is_not_imported(project):
    command = project.root / "bin/buildout"
    environ = {"HOME": str(project.root / "home"), "PYTHONPROFILEIMPORTTIME": "1"}
    result = project.run(command, environ=environ)
    assert result.stdout == STILL
    imported = {line.rpartition("|")[2].strip() for line in result.stderr.splitlines()}
    assert "eggcrate.fingerprint" in imported
    assert not any(name.startswith(("zc.", "setuptools", "pip.")) for name in imported)
