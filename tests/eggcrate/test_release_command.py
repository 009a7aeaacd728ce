"""bin/release of a small project: what it takes, what it refuses, what it leaves alone."""

import json
import re
import subprocess
import sys
import tarfile

import pytest

from eggcrate import platforms
from support.scratch import Scratch, run

pytestmark = pytest.mark.live

CONFIG = ("-c", "buildout.cfg")
LIMITED = "import os, resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000)); "
LIMITED += "os.execv(sys.argv[1], sys.argv[1:])"


def release(scratch, *arguments, code=0, **environ):
    said = scratch.run("bin/release", *CONFIG, *arguments, code=code, environ=environ)
    if code:
        assert said.stdout == ""
        return [line for line in said.stderr.splitlines() if line.startswith("release: ")][-1]
    return scratch.root / said.stdout.split("  ", 1)[1].strip()


def state(root):
    """Return what is in a project, and what says whether it was written again."""
    names = ("bin", "parts", "develop-eggs", "src", ".installed.cfg")
    found = [path for name in names for path in (root / name, *(root / name).rglob("*"))]
    # Of eggcrate itself, which runs, compiled files may be written.
    return {path: path.lstat().st_mtime_ns for path in found if "eggcrate" not in path.parts}


def git(folder, *command):
    who = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
    subprocess.run(["git", *who, *command], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project that is built for development, under version control."""
    scratch = Scratch(tmp_path_factory.mktemp("project") / "a b")
    scratch.write("etc/carton.toml", "[server]\n")
    scratch.write(
        ".gitignore", "/bin/\n/parts/\n/eggs/\n/*-eggs/\n/var/\n.inst*\n__pycache__\n*.egg-info\n"
    )
    (scratch.root / "var").mkdir()
    git(scratch.root, "init", "-q")
    git(scratch.root, "add", ".")
    git(scratch.root, "commit", "-q", "-m", "x")
    scratch.build()
    return scratch


def test_a_release_of_a_checkout(project, tmp_path):
    before = state(project.root)
    path = release(project)
    assert state(project.root) == before
    assert sorted((project.root / "var").rglob("*")) == [path.parent, path]
    git(project.root, "diff", "--exit-code")
    assert project.buildout().stdout == "Nothing has changed.\n"

    revision, date = run(["git", "log", "-1", "--format=%H %ct"], cwd=project.root).stdout.split()
    name = path.name.removesuffix(".tar.gz")
    assert name == f"carton-1.0-{revision[:12]}-{platforms.label()}"
    with tarfile.open(path) as tar:
        assert {member.mtime for member in tar} == {int(date)}
        tar.extractall(tmp_path, filter="tar")
    manifest = json.loads((tmp_path / name / "release.json").read_text())
    assert manifest["source"] == {"config": "buildout.cfg", "modified": False, "revision": revision}
    assert manifest["distributions"] == [{"name": "carton", "source": "project", "version": "1.0"}]
    said = json.loads(run([tmp_path / name / "bin" / "carton"], cwd="/").stdout)
    assert (said["args"], said["kwargs"]) == ([1], {"word": "two"})
    assert said["executable"].startswith(str(tmp_path / name))


def test_what_git_does_not_track_stays_here(project, tmp_path):
    project.write("src/carton.py", "def main(*args, **kwargs): print('changed')\n")
    project.write("etc/secret.toml", "[secret]\n")
    project.write("local.cfg", "[carton]\narguments = 5\n")
    try:
        said = project.run("bin/release", *CONFIG, "-o", f"{tmp_path}/", cwd="/")
    finally:
        git(project.root, "checkout", "-q", ".")
        git(project.root, "clean", "-q", "-f")
    assert said.stderr.splitlines() == [
        "release: note: changed since the last commit: src/carton.py",
        "release: note: not in git, and so not in the release: etc/secret.toml, local.cfg",
        "release: note: local.cfg counts in this release",
    ]
    (path,) = tmp_path.iterdir()
    assert "-modified-" in path.name
    with tarfile.open(path) as tar:
        (text,) = [tar.extractfile(m).read() for m in tar if m.name.endswith("/release.json")]
        names = [name.partition("/")[2] for name in tar.getnames()]
    assert json.loads(text)["source"]["modified"] is True
    assert [name for name in names if name.startswith("etc/")] == ["etc/carton.toml"]


def test_a_release_that_is_there_is_not_replaced(project, tmp_path):
    (tmp_path / "file").touch()
    line = release(project, "-o", str(tmp_path / "file"), code=1)
    assert line.endswith("/file is there already: remove it, or name another with --output")
    assert (tmp_path / "file").read_bytes() == b""


def test_code_that_cannot_be_built_says_so(project):
    project.write("setup.py", "raise SystemExit('no malt')\n")
    try:
        line = release(project, code=1)
    finally:
        git(project.root, "checkout", "-q", ".")
    assert " cannot be built: " in line
    assert "note: " not in line  # that is pip's own


def test_parts_that_cannot_be_built_say_so(project):
    line = release(project, "-c", "broken.cfg", code=1)
    assert line == "release: there is no file broken.cfg in the project"
    project.write(
        "broken.cfg", "[buildout]\nextends = buildout.cfg\n[carton]\neggs = carton none\n"
    )
    try:
        line = release(project, "-c", "broken.cfg", "--version", "2", code=1)
    finally:
        (project.root / "broken.cfg").unlink()
    assert "none" in line


def test_a_full_disk_leaves_nothing(project, tmp_path):
    script = tmp_path / "limited.py"
    script.write_text(LIMITED)
    command = [sys.executable, script, project.root / "bin" / "release", *CONFIG]
    said = run([*command, "-o", f"{tmp_path}/out/"], cwd=project.root, code=1)
    assert re.fullmatch(r"release: (.*: )?File too large", said.stderr.splitlines()[-1])
    assert "Traceback" not in said.stderr
    assert list(tmp_path.iterdir()) in ([script], [script, tmp_path / "out"])
    assert not list((tmp_path / "out").glob("*"))
