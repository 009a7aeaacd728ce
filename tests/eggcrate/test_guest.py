"""eggcrate in a buildout that is not this project: two lines, and no more."""

import pytest

from eggcrate import guest, lockfile
from eggcrate.lockfile import File, Lock
from support import guestbook, twins
from support.scratch import PROJECT, Scratch, base_python, run
from support.twins import Twin
from support.wheels import download, wheel

TWO_LINES = "extensions = eggcrate\neggcrate = unlocked\n"


def test_a_guest_is_who_has_no_stamp(monkeypatch, tmp_path):
    monkeypatch.setattr("sys.prefix", str(tmp_path))
    assert guest.is_guest()
    (tmp_path / guest.STAMP).write_text("{}")
    assert not guest.is_guest()


def test_other_commands_of_these_names_are_left_alone(tmp_path):
    path = tmp_path / "lock"
    assert guest._is_free(path, "eggcrate.locking")
    path.write_text("#!/bin/sh\nexec xdg-screensaver lock\n")
    assert not guest._is_free(path, "eggcrate.locking")


@pytest.fixture(scope="module")
def folder(tmp_path_factory, stock):
    """What both projects need: distributions, which a person's own default.cfg names, and tools."""
    folder = tmp_path_factory.mktemp("guest")
    download({**guestbook.TOOLS, **guestbook.EGGS, **guestbook.LATER}, folder / "links")
    (folder / ".buildout").mkdir()
    (folder / ".buildout/default.cfg").write_text(f"[buildout]\nfind-links = {folder}/links\n")
    return folder


def start(folder, name, *more):
    """Write the project, and put the tools into an environment that is its own folder."""
    root = folder / name
    guestbook.write(root)
    run([base_python(), "-m", "venv", "--without-pip", root], cwd=folder)
    pip = [PROJECT / "parts/buildout/bin/python", "-m", "pip", "--python", root / "bin/python"]
    options = ["--no-index", "--find-links", folder / "links", "--no-cache-dir", "--quiet"]
    pins = [f"{name}=={version}" for name, version in guestbook.TOOLS.items()]
    run([*map(str, [*pip, "install", *options, *pins, *more])], cwd=folder)
    return Twin(root, root / "bin" / "buildout", twins.environ(folder))


@pytest.fixture(scope="module")
def plain(folder):
    """The project as its people have it."""
    project = start(folder, "plain")
    project.build()
    return project


@pytest.fixture(scope="module")
def hosting(folder):
    """The same project with eggcrate and two lines."""
    carboy = Scratch(folder / "carboy")
    carboy.bootstrap()
    carboy.run("bin/eggcrate", "wheel", "-o", folder)
    [made] = folder.glob("eggcrate-*.whl")
    project = start(folder, "hosting", made)
    text = guestbook.BUILDOUT.replace("[buildout]\n", f"[buildout]\n{TWO_LINES}")
    project.write("buildout.cfg", text)
    said = project.build()
    assert "Not in versions.lock, so not compared with it: collective.recipe" in said.out
    return project


@pytest.mark.live
def test_the_same_is_built(plain, hosting):
    assert hosting.commands() == plain.commands()
    eggs = {name for name in hosting.names("eggs/v5/*.egg") if "setuptools" not in name}
    assert eggs == plain.names("eggs/v5/*.egg")
    for project in (plain, hosting):
        assert "port" not in (project.root / "development.ini").read_text()
        assert "Ran 1 tests with 0 failures" in project.run("test").out
        code = "import guestbook, pyramid, waitress; print(guestbook.__name__)"
        assert project.run("py", "-c", code).out == "guestbook\n"


@pytest.mark.live
def test_it_is_locked_by_a_command_of_its_own(hosting):
    project = hosting
    text = (project.root / "buildout.cfg").read_text()
    project.write("buildout.cfg", text.replace("eggcrate = unlocked\n", ""))
    refused = project.build(code=1)
    assert refused.error.startswith("there is no ROOT/versions.lock; run bin/lock, which writes it")
    assert "versions.lock: " in project.run("lock", cwd=project.root.parent).out
    assert "versions.lock" not in project.build().out
    assert project.run("eggcrate", "verify").out.endswith("eggs verified\n")
    damage(project, "waitress")
    refused = project.build(code=1)
    assert refused.error.startswith("waitress: waitress-3.0.2-py3-none-any.whl ")
    assert "ffffffff" in refused.error
    (project.root / "versions.lock").unlink()
    project.write("buildout.cfg", text)


@pytest.mark.live
def test_another_extension_has_to_be_locked(hosting, folder):
    """zc.buildout fetches all extensions before eggcrate is there; the build ends when it is."""
    project, text = hosting, (hosting.root / "buildout.cfg").read_text()
    locked = text.replace("eggcrate = unlocked\n", "")
    pinned = locked.replace("[server]", "[versions]\nsly = 1.0\n\n[server]")
    project.write("buildout.cfg", locked)
    project.run("lock")
    entry = "[zc.buildout.extension]\ndefault = sly:load\n"
    code = "def load(buildout):\n    open('ran', 'a').close()\n"
    wheel(folder / "links", "sly", files={"sly.py": code}, entry_points=entry)
    project.write("buildout.cfg", pinned.replace("= eggcrate\n", "= eggcrate sly\n"))
    assert project.build(code=1).error.startswith("versions.lock has nothing for sly==1.0")
    (project.root / "ran").unlink(missing_ok=True)
    project.run("lock")
    project.build()
    assert project.names("ran")
    assert "sly" not in project.build().out
    project.write("buildout.cfg", text)


def damage(project, name):
    """Let the lock expect other bytes of a distribution, and forget its egg."""
    path = project.root / "versions.lock"
    lock = lockfile.read(path)
    entries = {
        key: tuple(File(file.name, "f" * 64 if key[0] == name else file.sha256) for file in files)
        for key, files in lock.entries.items()
    }
    path.write_text(lockfile.dumps(Lock(entries)))


@pytest.mark.live
def test_its_commands_run_in_environments_of_their_parts(hosting):
    said = hosting.run("py", "-c", "import sys; print(sys.prefix, sys.executable)").out
    assert said == "ROOT/parts/app ROOT/parts/app/bin/python\n"
