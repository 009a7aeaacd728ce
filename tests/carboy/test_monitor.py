import contextlib
import errno
import os
import selectors
import shutil
import socket
import time
from pathlib import Path

import pytest

from carboy import inotify, monitor
from carboy.inotify import Inotify
from carboy.monitor import POLL_INTERVAL, Monitor, is_source
from support.live import save


@pytest.fixture(params=["notify", "poll"])
def watching(request):
    """Start a monitor on paths, by notifications and by polling: both tell the same."""
    with contextlib.ExitStack() as stack:

        def watching(*paths):
            watcher = Monitor(notify=request.param == "notify")
            stack.callback(watcher.close)
            watcher.watch(paths)
            assert watcher.changes() == set()
            return watcher

        yield watching


@pytest.fixture
def tree(tmp_path):
    """`src` with one package, beside it what is not watched."""
    package = tmp_path / "src" / "package"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("one = 1\n")
    return tmp_path / "src"


def names(paths):
    return sorted(path.name for path in paths)


def test_nothing_changes(tree, watching):
    watcher = watching(tree)
    (tree / "package" / "__init__.py").read_text()
    assert watcher.changes() == set()


@pytest.mark.parametrize(
    "change",
    [
        lambda path: save(path, "two = 22\n"),
        lambda path: path.write_text("two = 22\n"),
        lambda path: path.write_text("one = 2\n"),  # the same size
        lambda path: path.write_text(""),
        lambda path: path.open("a").close() or os.utime(path, (1, 1)),  # restored from long ago
        lambda path: os.utime(path, (2**33, 2**33)),
        lambda path: path.unlink(),
        lambda path: path.rename(path.with_name("__init__.txt")),
        lambda path: path.unlink() or path.mkdir(),
    ],
)
def test_a_file_that_changes_in_any_way_is_told_once(tree, watching, change):
    path = tree / "package" / "__init__.py"
    os.utime(path, (1000, 1000))
    watcher = watching(tree)
    change(path)
    assert watcher.changes() == {path}
    assert watcher.changes() == set()


def test_a_truncated_file_is_told_again_when_it_is_written(tree, watching):
    path = tree / "package" / "__init__.py"
    watcher = watching(tree)
    with path.open("w") as file:
        assert watcher.changes() == {path}
        file.write("two = 2\n")
    assert watcher.changes() == {path}


def test_new_files_and_nested_new_folders(tree, watching):
    watcher = watching(tree)
    (tree / "new.py").touch()
    assert names(watcher.changes()) == ["new.py"]
    deep = tree / "a" / "b" / "c"
    deep.mkdir(parents=True)
    (deep / "deep.html").touch()
    assert names(watcher.changes()) == ["deep.html"]
    (deep / "deep.html").write_text("x")
    (deep / "later.py").touch()
    assert names(watcher.changes()) == ["deep.html", "later.py"]


def test_a_folder_that_is_moved_in_about_and_away(tmp_path, tree, watching):
    watcher = watching(tree)
    outside = tmp_path / "outside"
    (outside / "sub").mkdir(parents=True)
    for path in (outside / "one.py", outside / "sub" / "two.py"):
        path.touch()
    outside.rename(tree / "inside")
    assert names(watcher.changes()) == ["one.py", "two.py"]
    (tree / "inside").rename(tree / "renamed")
    assert len(watcher.changes()) == 4
    (tree / "renamed" / "sub" / "two.py").write_text("x")
    assert watcher.changes() == {tree / "renamed" / "sub" / "two.py"}
    (tree / "renamed").rename(outside)
    assert names(watcher.changes()) == ["one.py", "two.py"]
    (outside / "one.py").write_text("x")
    assert watcher.changes() == set()


def test_a_folder_that_is_deleted_and_made_again(tree, watching):
    watcher = watching(tree)
    package = tree / "package"
    shutil.rmtree(package)
    assert watcher.changes() == {package / "__init__.py"}
    package.mkdir()
    (package / "__init__.py").touch()
    assert watcher.changes() == {package / "__init__.py"}
    (package / "__init__.py").write_text("again = 1\n")
    assert watcher.changes() == {package / "__init__.py"}


@pytest.mark.parametrize(
    "name",
    [
        *(".git/x.py", "__pycache__/x.py", "x.egg-info/x.py", "x-1.dist-info/x.py", "y.egg/x.py"),
        *("node_modules/x.js", "var/x.json", "eggs/x.py", "parts/x.py", "build/x.py"),
        *(".x.py.swp", ".#x.py", "#x.py#", "~x.py", "x.py~", "x.pyc", "x.sqlite", "x.db", "x.log"),
        *("4913", "x.png", "x", ".x.py"),
    ],
)
def test_what_nobody_edits_is_ignored(tree, watching, name):
    watcher = watching(tree)
    path = tree / name
    path.parent.mkdir(exist_ok=True)
    path.touch()
    path.write_text("x")
    path.unlink()
    assert watcher.changes() == set()


def test_an_environment_is_ignored_whatever_its_name(tree, watching):
    (tree / "mine").mkdir()
    (tree / "mine" / "pyvenv.cfg").touch()
    watcher = watching(tree)
    (tree / "mine" / "x.py").touch()
    assert watcher.changes() == set()


@pytest.mark.parametrize("name", sorted(monitor.IGNORED_DIRECTORIES))
def test_a_package_with_the_name_of_something_generated_is_watched(tree, watching, name):
    (tree / name).mkdir()
    (tree / name / "__init__.py").touch()
    watcher = watching(tree)
    (tree / name / "x.py").touch()
    assert names(watcher.changes()) == ["x.py"]


@pytest.mark.parametrize("name", ["x.py", "x.html", "x.toml", "x.po", "x.css", "x.sql", "é x.md"])
def test_what_is_edited_is_a_source(tree, watching, name):
    (tree / "templates").mkdir()
    watcher = watching(tree)
    (tree / name).touch()
    assert watcher.changes() == {tree / name}
    assert is_source(tree / name)


def test_a_single_file_in_a_folder_that_is_not_watched(tmp_path, tree, watching):
    single = tmp_path / "etc" / "settings"
    single.parent.mkdir()
    single.touch()
    watcher = watching(tree, single)
    (single.parent / "other.toml").touch()
    (single.parent / "folder").mkdir()
    (single.parent / "folder" / "x.py").touch()
    assert watcher.changes() == set()
    save(single, "x = 1\n")
    assert watcher.changes() == {single}
    single.unlink()
    assert watcher.changes() == {single}
    single.touch()
    assert watcher.changes() == {single}


def test_a_single_file_that_does_not_exist_yet(tmp_path, watching):
    single = tmp_path / "settings.toml"
    watcher = watching(single)
    single.touch()
    assert watcher.changes() == {single}


def test_single_files_of_a_watched_tree_with_names_that_are_no_source(tree, watching):
    single = tree / ".env"
    watcher = watching(tree, single)
    single.touch()
    (tree / "new.py").touch()
    assert watcher.changes() == {single, tree / "new.py"}


def test_relative_paths(tree, watching, monkeypatch):
    monkeypatch.chdir(tree)
    watcher = watching(Path("settings.cfg"), Path("package"))
    Path("settings.cfg").touch()
    Path("package/x.py").touch()
    assert watcher.changes() == {Path("settings.cfg"), Path("package/x.py")}


def test_watching_again_changes_nothing(tree, watching):
    watcher = watching(tree)
    watcher.watch([tree, tree / "package" / "__init__.py"])
    assert watcher.changes() == set()
    (tree / "package" / "__init__.py").write_text("")
    assert watcher.changes() == {tree / "package" / "__init__.py"}


def test_a_link_to_a_file_that_is_pointed_elsewhere(tmp_path, tree, watching):
    for name in ("one", "two"):
        (tmp_path / name).write_text(name * len(name))
    link = tree / "settings.toml"
    link.symlink_to(tmp_path / "one")
    os.utime(tmp_path / "one", (1000, 1000))
    watcher = watching(tree)
    (tree / ".draft").symlink_to(tmp_path / "two")
    (tree / ".draft").replace(link)
    assert watcher.changes() == {link}


def test_a_link_to_nothing_and_a_link_in_a_circle(tree, watching):
    (tree / "gone.py").symlink_to("nowhere")
    (tree / "circle").symlink_to(tree, target_is_directory=True)
    watcher = watching(tree)
    (tree / "nowhere").touch()
    assert watcher.changes() == {tree / "gone.py"}


def test_a_folder_that_is_not_there_is_no_error(tmp_path, watching):
    watcher = watching(tmp_path / "a" / "b" / "c.py")
    assert watcher.changes() == set()


def test_a_folder_that_cannot_be_read_is_no_error(tree, watching):
    locked = tree / "locked"
    locked.mkdir()
    watcher = watching(tree)
    locked.chmod(0)
    try:
        (tree / "x.py").touch()
        assert names(watcher.changes()) == ["x.py"]
    finally:
        locked.chmod(0o700)


def test_three_thousand_files(tree, watching):
    for number in range(3000):
        folder = tree / str(number % 30)
        folder.mkdir(exist_ok=True)
        (folder / f"m{number}.py").touch()
    began = time.process_time()
    watcher = watching(tree)
    (tree / "7" / "m7.py").write_text("x")
    assert names(watcher.changes()) == ["m7.py"]
    assert time.process_time() - began < 2


def test_notifications_wake_a_selector(tree):
    watcher = Monitor()
    with contextlib.closing(watcher), selectors.DefaultSelector() as selector:
        assert watcher.interval is None
        watcher.watch([tree])
        selector.register(watcher, selectors.EVENT_READ)
        assert selector.select(0) == []
        (tree / "new.py").touch()
        assert selector.select(5)
        watcher.changes()
        assert selector.select(0) == []


def test_polling_has_an_interval_and_no_descriptor():
    watcher = Monitor(notify=False)
    assert (watcher.interval, watcher.fileno()) == (POLL_INTERVAL, -1)
    watcher.close()


def test_after_lost_notifications_everything_is_compared(tree, monkeypatch):
    watcher = Monitor()
    with contextlib.closing(watcher):
        watcher.watch([tree])
        (tree / "package" / "new.py").touch()
        (tree / "more").mkdir()
        (tree / "more" / "x.py").touch()
        with monkeypatch.context() as patch:
            patch.setattr(Inotify, "_events", lambda self: iter([(-1, inotify._OVERFLOW)]))
            assert names(watcher.changes()) == ["new.py", "x.py"]
        assert watcher.changes() == set()
        (tree / "more" / "x.py").write_text("x")
        assert names(watcher.changes()) == ["x.py"]


def limited(monkeypatch, watches):
    """Let the kernel refuse to watch more directories than that."""
    add, count = Inotify.add, iter(range(watches))

    def refuse(self, directory):
        if next(count, None) is None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return add(self, directory)

    monkeypatch.setattr(Inotify, "add", refuse)


@pytest.mark.parametrize("watches", range(4))
def test_at_the_limit_of_watches_polling_takes_over(tree, monkeypatch, capfd, watches):
    (tree / "other").mkdir()
    limited(monkeypatch, watches)
    watcher = Monitor()
    with contextlib.closing(watcher):
        watcher.watch([tree])
        (tree / "deeper" / "still").mkdir(parents=True)
        (tree / "deeper" / "still" / "x.py").touch()
        (tree / "package" / "__init__.py").write_text("")
        assert names(watcher.changes()) == ["__init__.py", "x.py"]
        assert watcher.interval == POLL_INTERVAL
        assert watcher.changes() == set()
    assert capfd.readouterr() == ("", "")


def test_without_notifications_in_the_kernel_it_polls(tree, monkeypatch):
    def refuse(_self):
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr(Inotify, "__init__", refuse)
    watcher = Monitor()
    watcher.watch([tree])
    (tree / "x.py").touch()
    assert names(watcher.changes()) == ["x.py"]
    assert watcher.interval == POLL_INTERVAL
    watcher.close()


def test_a_change_is_not_forgotten_when_more_is_watched(tree, watching):
    watcher = watching(tree)
    path = tree / "package" / "__init__.py"
    path.write_text("saved while the worker was starting\n")
    watcher.watch([path])  # the worker is ready and names its modules
    assert watcher.changes() == {path}


def test_a_deletion_is_not_forgotten_when_more_is_watched(tree, watching):
    watcher = watching(tree)
    path = tree / "package" / "__init__.py"
    path.unlink()
    watcher.watch([tree / "package" / "other.py"])
    assert watcher.changes() == {path}


@pytest.mark.parametrize("replace", [shutil.rmtree, lambda path: path.rename(path.parent / ".old")])
def test_a_folder_that_is_replaced_at_once(tree, watching, replace):
    package = tree / "package"
    (package / "sub").mkdir()
    (package / "sub" / "x.py").touch()
    watcher = watching(tree)
    replace(package)
    (package / "sub").mkdir(parents=True)
    assert names(watcher.changes()) == ["__init__.py", "x.py"]
    (package / "sub" / "x.py").touch()
    assert names(watcher.changes()) == ["x.py"]
    (package / "sub" / "x.py").write_text("x")
    assert names(watcher.changes()) == ["x.py"]


def test_a_watched_root_that_is_deleted_and_made_again(tree, watching):
    watcher = watching(tree)
    shutil.rmtree(tree)
    assert names(watcher.changes()) == ["__init__.py"]
    tree.mkdir()
    (tree / "x.py").touch()
    assert names(watcher.changes()) == ["x.py"]


def test_a_single_file_whose_folder_comes_later(tmp_path, watching):
    single = tmp_path / "etc" / "development.toml"
    watcher = watching(single)
    single.parent.mkdir()
    single.touch()
    assert watcher.changes() == {single}


@pytest.mark.parametrize("number", [errno.EACCES, errno.ENOTDIR])
def test_one_folder_that_cannot_be_watched_does_not_end_the_notifications(
    tree, monkeypatch, number
):
    add = Inotify.add

    def refuse(self, directory):
        if directory.name == "locked":
            raise OSError(number, os.strerror(number))
        return add(self, directory)

    monkeypatch.setattr(Inotify, "add", refuse)
    (tree / "locked").mkdir()
    watcher = Monitor()
    with contextlib.closing(watcher):
        watcher.watch([tree])
        assert watcher.interval is None


def test_many_modules_in_one_folder_are_watched_quickly(tree):
    paths = [tree / f"m{number}.py" for number in range(1500)]
    for path in paths:
        path.touch()
    watcher = Monitor()
    with contextlib.closing(watcher):
        watcher.watch([tree])
        began = time.process_time()
        watcher.watch(paths)
        assert time.process_time() - began < 1


def test_a_project_below_a_folder_named_templates(tmp_path, watching):
    project = tmp_path / "templates" / "project"
    project.mkdir(parents=True)
    watcher = watching(project)
    (project / "data.sqlite").touch()
    assert watcher.changes() == set()


def test_a_directory_is_no_source_whatever_its_name(tree, watching):
    (tree / "templates" / "sub").mkdir(parents=True)
    (tree / "x.py").mkdir()
    watcher = watching(tree)
    for folder in (tree / "templates", tree / "templates" / "sub", tree / "x.py"):
        (folder / ".x.swp").touch()
    assert watcher.changes() == set()


def test_the_same_folder_by_two_names(tree, watching, monkeypatch):
    monkeypatch.chdir(tree)
    watcher = watching(tree, Path("settings.cfg"))
    (tree / "new.py").touch()
    assert watcher.changes() == {tree / "new.py"}


def test_a_selector_survives_the_limit_of_watches(tree, monkeypatch):
    watcher = Monitor()
    with contextlib.closing(watcher), selectors.DefaultSelector() as selector:
        watcher.watch([tree])
        selector.register(watcher, selectors.EVENT_READ)
        limited(monkeypatch, 0)
        (tree / "new").mkdir()
        assert watcher.changes() == set()
        assert watcher.interval == POLL_INTERVAL
        ours, theirs = socket.socketpair()
        with ours, theirs:  # one of them may get the number that the monitor had
            selector.register(ours, selectors.EVENT_READ)
            selector.register(theirs, selectors.EVENT_READ)
            assert selector.select(0) == []


def test_any_file_in_a_folder_of_templates_is_a_source(tree, watching):
    (tree / "templates").mkdir()
    watcher = watching(tree)
    (tree / "templates" / "mail.txt").touch()
    assert watcher.changes() == {tree / "templates" / "mail.txt"}
