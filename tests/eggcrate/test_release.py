"""A release of this project: unpacked, moved, served, changed over, compared."""

import functools
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from eggcrate import lockfile
from support import project
from support.live import Serve
from support.scratch import PROJECT, clean_environ, run

pytestmark = pytest.mark.live

KEY = "SvU8xZ1kTq4hYw2eRb9nLm6pCd3fGj7a"
NOBODY = 65534
AWKWARD = "it's a b\\u ü"


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """The project in a folder with an awkward name."""
    copied = project.copy(tmp_path_factory.mktemp("source") / AWKWARD)
    (copied.root / "eggs").symlink_to(project.EGGS)
    return copied


@pytest.fixture(scope="module")
def archive(source):
    """A release of it."""
    return release(source)


def release(copied, *arguments, prefix=(), code=0, **environ):
    """Run bin/release; return what it has written."""
    command = [*prefix, copied.command("release"), *arguments]
    said = run(command, cwd=copied.root, environ=environ, code=code)
    return Path(said.stdout.split("  ", 1)[1].strip()) if code == 0 else said.stderr


@pytest.fixture(scope="module")
def pristine(archive, tmp_path_factory):
    """The release, unpacked once."""
    return unpack(archive, tmp_path_factory.mktemp("pristine"))


@pytest.fixture
def unpacked(pristine, tmp_path):
    """The release in a folder with an awkward name. Its files are links: see `rewrite`."""
    return link(pristine, tmp_path / "it's here, ü" / pristine.name)


def unpack(archive, place):
    with tarfile.open(archive) as tar:
        tar.extractall(place, filter="tar")
    (found,) = place.glob("carboy-*")
    return found


def link(root, copy):
    """Copy a release by hard links."""
    copier = functools.partial(os.link, follow_symlinks=False)
    return Path(shutil.copytree(root, copy, symlinks=True, copy_function=copier))


def rewrite(path, old, new):
    """Change the text of a file, and not of those that it is linked with."""
    text = path.read_text("utf-8")
    assert old in text
    path.unlink()
    path.write_text(text.replace(old, new, 1), "utf-8")


def start(root, *arguments, **environ):
    """Serve a release; the pages are those of a new database in var beside it."""
    folder = root.parent / "var"
    folder.mkdir(exist_ok=True)
    given = {"CARBOY_ROOT": "", "CARBOY_SECRET_KEY": KEY, **environ}
    command = [str(root / "bin" / "serve")]
    return Serve("--workers", "1", *arguments, folder=folder, command=command, environ=given)


# --- what is in it -------------------------------------------------------------------------------


def test_the_name_says_what_it_is_for(archive, source):
    python = "cp{}{}".format(*sys.version_info)
    assert archive.parent == source.root / "var" / "releases"
    assert re.fullmatch(rf"carboy-[\d.]+-{python}-(musl)?(linux|macosx)_\w+\.tar\.gz", archive.name)


def test_production_and_nothing_else(unpacked):
    manifest = json.loads((unpacked / "release.json").read_text("utf-8"))
    found = {entry["name"].lower(): entry for entry in manifest["distributions"]}
    assert {"carboy", "flask", "sqlalchemy", "waitress"} <= found.keys()
    unwanted = {"pytest", "webtest", "ipdb", "flask-debugtoolbar", "eggcrate", "pip", "setuptools"}
    assert unwanted.isdisjoint(found)
    assert {path.name for path in (unpacked / "bin").iterdir()} == {
        "flask", "python", "serve", "verify",
    }  # fmt: skip
    assert [path.name for path in (unpacked / "etc").iterdir()] == ["production.toml"]
    top = {path.name for path in unpacked.iterdir()}
    assert top == {"bin", "eggs", "etc", "parts", "release.json", "var"}
    (own,) = (unpacked / "eggs").glob("carboy-*.egg")
    assert {path.name for path in own.iterdir() if path.suffix == ""} == {"carboy", "portal"}


def test_the_manifest_has_the_hashes_of_the_lock(unpacked):
    manifest = json.loads((unpacked / "release.json").read_text("utf-8"))
    lock = lockfile.load(PROJECT)
    others = [entry for entry in manifest["distributions"] if entry["name"] != "carboy"]
    assert len(others) > 15
    for entry in others:
        file = lockfile.File(entry["file"], entry["sha256"])
        assert file in lock.of(entry["name"], entry["version"])


def test_no_file_names_a_folder_of_the_machine_that_made_it(unpacked, source):
    for path in unpacked.rglob("*"):
        if path.is_file() and not path.is_symlink():
            data = path.read_bytes()
            assert os.fsencode(source.root) not in data, path
            assert os.fsencode(PROJECT) not in data, path


def test_every_module_is_compiled_for_this_python(unpacked):
    tag = sys.implementation.cache_tag
    compiled = {path for path in unpacked.rglob("*.pyc") if not path.is_symlink()}
    assert {path.suffixes[-2] for path in compiled} == {f".{tag}"}
    for name in ("carboy/cli.py", "portal/factory.py"):
        (path,) = unpacked.glob(f"eggs/carboy-*.egg/{name}")
        assert (path.parent / "__pycache__" / f"{path.stem}.{tag}.pyc").is_file()


# --- it runs -------------------------------------------------------------------------------------


def test_it_runs_where_it_is_unpacked_and_where_it_is_moved(unpacked, tmp_path):
    with start(unpacked).ready() as server:
        assert "production" in server.output
        assert server.get()[0] == 200
    moved = unpacked.rename(tmp_path / "moved")
    with start(moved).ready() as server:
        assert server.get()[0] == 200
    assert (tmp_path / "var" / "portal.sqlite").is_file()


def test_its_interpreter_gives_the_eggs_to_its_children(unpacked):
    code = (
        "import flask, multiprocessing, subprocess, sys\n"
        "if __name__ == '__main__':\n"
        "    print(subprocess.check_output([sys.executable, '-c', 'import flask; print(1)']))\n"
        "    with multiprocessing.get_context('spawn').Pool(1) as pool:\n"
        "        print(pool.apply(str, [flask.Flask.__name__]))\n"
    )
    script = unpacked.parent / "script.py"
    script.write_text(code)
    assert run([unpacked / "bin" / "python", script], cwd="/").stdout == "b'1\\n'\nFlask\n"
    routes = [unpacked / "bin" / "flask", "routes"]
    assert "pages." in run(routes, cwd="/", environ={"CARBOY_SECRET_KEY": KEY}).stdout


def test_another_python_that_is_asked_to_run_a_command_leaves_it_to_its_own(unpacked):
    said = run([sys.executable, "-S", unpacked / "bin" / "serve", "--version"], cwd="/", code=None)
    assert said.returncode == 0, said.stderr


def test_any_user_runs_it_and_nothing_is_written(archive, tmp_path_factory):
    place = tmp_path_factory.mktemp("public")
    for folder in (place, *list(place.parents)[:2]):
        folder.chmod(0o755)
    unpacked = unpack(archive, place)
    for path in (unpacked, *unpacked.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode & ~0o222)
    before = sorted(unpacked.rglob("*"))
    (unpacked.parent / "var").mkdir()
    prefix = []
    if os.getuid() == 0:
        shutil.chown(unpacked.parent / "var", NOBODY, NOBODY)
        prefix = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--"]
    environ = {**clean_environ(), "HOME": "/nonexistent", "CARBOY_SECRET_KEY": KEY}
    serve = [*prefix, str(unpacked / "bin" / "serve")]
    with Serve(
        "--workers", "1", folder=unpacked.parent / "var", command=serve,
        environ={**environ, "CARBOY_ROOT": "", "TMPDIR": str(unpacked.parent / "var")},
    ).ready() as server:  # fmt: skip
        assert server.get()[0] == 200
    said = run([*prefix, unpacked / "bin" / "verify"], cwd="/", environ={"HOME": "/nonexistent"})
    assert said.stdout.endswith(" files, all as made\n")
    assert sorted(unpacked.rglob("*")) == before


def test_verify_names_what_was_changed(unpacked):
    (path,) = unpacked.glob("eggs/Flask-*.egg/flask/app.py")
    rewrite(path, "import", "import  ")
    said = run([sys.executable, unpacked / "bin" / "verify"], cwd="/", code=1)
    assert re.fullmatch(r"eggs/Flask-.*/flask/app\.py: sha256 \w+ instead of \w+\n", said.stdout)


# --- another Python ------------------------------------------------------------------------------


def lose_python(unpacked):
    for path in unpacked.glob("parts/*/bin/python"):
        path.unlink()
        path.symlink_to("/bin/sh")  # anything that is another program


@pytest.fixture
def only_python(tmp_path):
    """Return a function that makes the PATH on which `python` is a given program."""
    folder = tmp_path / "path"
    folder.mkdir()
    for name in ("dirname", "readlink", "cat"):
        (folder / name).symlink_to(shutil.which(name))

    def place(name, program):
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(program)

    place.path = str(folder)
    return place


def test_a_python_in_another_place_is_found(unpacked, only_python, tmp_path):
    lose_python(unpacked)
    only_python("python3", Path(sys.base_prefix, "bin", "python{}.{}".format(*sys.version_info)))
    environ = {"PATH": only_python.path, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    with start(unpacked, **environ).ready() as server:
        assert server.get()[0] == 200
        assert server.tell("reload").returncode == 0
        assert server.get()[0] == 200
    assert (tmp_path / "it's here, ü" / "var" / "portal.sqlite").is_file()


def test_no_python_says_so_in_one_line(unpacked, only_python):
    lose_python(unpacked)
    for command in ("serve", "flask", "python", "verify"):
        environ = {"PATH": only_python.path}
        said = run([unpacked / "bin" / command], cwd="/", environ=environ, code=1)
        assert re.fullmatch(
            r"this release needs CPython [\d.]+ on .*, which is not at /.*;"
            r" and there is none on PATH\n", said.stderr,
        )  # fmt: skip


def test_the_wrong_python_says_so_in_one_line(unpacked, only_python, tmp_path):
    lose_python(unpacked)
    version = "{}.{}".format(*sys.version_info)
    rewrite(unpacked / "release.json", f'"python": "{version}"', '"python": "3.5"')
    only_python("python3", sys.executable)
    environ = {"PATH": only_python.path, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    said = run([unpacked / "bin" / "serve"], cwd="/", environ=environ, code=1)
    assert said.stderr.endswith(f"/path/python3 is cpython {version}\n")
    assert said.stderr.startswith(f"this release needs CPython {version} on ")
    assert said.stderr.count("\n") == 1


@pytest.mark.parametrize("command", ["serve", "flask", "python"])
def test_the_wrong_machine_is_told_before_anything_else_fails(unpacked, command):
    machine = os.uname().machine
    for path in unpacked.glob("parts/*/lib/python*/site-packages/check.pth"):
        rewrite(path, repr(machine), "'sparc'")
    said = run([unpacked / "bin" / command, "-c", "pass"], cwd="/", code=1)
    assert (said.stdout, said.stderr.count("\n")) == ("", 1)
    assert said.stderr.endswith(f"; this is {sys.platform} on {machine}\n")


# --- deployment ----------------------------------------------------------------------------------


def test_a_link_is_switched_and_the_server_told(pristine, tmp_path):
    for version in ("one", "two"):
        link(pristine, tmp_path / f"release-{version}")
    (path,) = tmp_path.glob("release-two/eggs/carboy-*.egg/portal/templates/base.html")
    rewrite(path, "<body", "<!-- two --><body")
    switch(tmp_path, "one")
    with start(tmp_path / "current").ready() as server:
        assert "<!-- two -->" not in server.get()[1]
        switch(tmp_path, "two")
        told = server.tell("reload")
        assert told.returncode == 0, told.stderr
        assert "<!-- two -->" in server.get()[1]
        shutil.rmtree(tmp_path / "release-one")
        told = server.tell("reload")
        assert told.returncode == 0, told.stderr
        assert "<!-- two -->" in server.get()[1]


def switch(folder, version):
    (folder / "next").symlink_to(f"release-{version}")
    (folder / "next").replace(folder / "current")


# --- the same bytes, without a network -----------------------------------------------------------


def without_network():
    """Return what a command is run by so that it reaches nothing; nothing where that cannot be."""
    command = ("unshare", "--net", "--map-root-user", "--")
    try:
        subprocess.run([*command, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        return ()
    return command


def test_another_folder_gives_the_same_bytes_without_a_network(archive, tmp_path):
    other = project.copy(tmp_path / "plain")
    (other.root / "eggs").symlink_to(project.EGGS)
    (tmp_path / "temporary files").mkdir()
    environ = {"TMPDIR": str(tmp_path / "temporary files"), "LC_ALL": "C", "PYTHONHASHSEED": "7"}
    second = release(other, "-o", str(tmp_path / "out") + "/", prefix=without_network(), **environ)
    assert second == tmp_path / "out" / archive.name
    assert second.read_bytes() == archive.read_bytes()
    assert list((tmp_path / "temporary files").iterdir()) == []
    assert not (other.root / "src" / "carboy.egg-info").exists()
