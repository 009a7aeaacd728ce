import os
import time

import pytest

from eggcrate import merged


@pytest.fixture
def egg(tmp_path):
    def make(name, *files):
        folder = tmp_path / "project/eggs" / f"{name}-1.0-py3.egg"
        for file in (*files, f"{name}-1.0.dist-info/METADATA"):
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).touch()
        return str(folder)

    return make


@pytest.fixture
def packages(tmp_path):
    path = tmp_path / "project/parts/x/lib/python3/site-packages"
    path.mkdir(parents=True)
    return path


def made(packages, eggs):
    return packages / merged.folder(packages, eggs, packages.parents[4])


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("shared/one.py", "shared/two.py"),
        ("shared/__init__.py", "shared.py"),
        ("shared.cpython-311-x86_64-linux-gnu.so", "Shared/__init__.py"),
        ("bin/__init__.py", "bin/__init__.py"),
    ],
)
def test_eggs_that_share_a_name_stay_on_the_path(egg, one, other):
    eggs = [egg("a", one), egg("b", "b.py"), egg("c", other), egg("d", "d.py")]
    assert merged.mergeable(eggs) == [eggs[1], eggs[3]]


def test_what_is_not_imported_may_be_shared(egg):
    names = ("bin/tool", "__pycache__/x.pyc", ".mark", "hook.pth")
    eggs = [egg("a", "a.py", *names), egg("b", "b.py", *names)]
    assert merged.mergeable(eggs) == eggs


def test_an_egg_of_the_old_form_stays_on_the_path(egg):
    eggs = [egg("a", "a.py"), egg("b", "b.py", "EGG-INFO/PKG-INFO"), egg("c", "c.py")]
    assert merged.mergeable(eggs) == [eggs[0], eggs[2]]


def test_folders_behind_an_egg_may_hide_it_and_those_before_may_not(egg, tmp_path):
    eggs = [egg(name, f"{name}.py") for name in "abc"]
    for name in "ab":
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{name}.py").touch()
    folders = [str(tmp_path / "a"), eggs[0], str(tmp_path / "b"), *eggs[1:]]
    assert merged.mergeable(folders) == [eggs[0], eggs[2]]


def test_what_is_no_folder_is_no_egg(egg, tmp_path):
    (tmp_path / "zipped.egg").touch()
    eggs = [egg("a", "a.py"), egg("b", "b.py")]
    folders = [str(tmp_path / "zipped.egg"), str(tmp_path / "missing.egg"), *eggs]
    assert merged.mergeable(folders) == eggs
    assert merged.mergeable(folders[:2]) == []


def test_modules_packages_and_metadata_are_linked(egg, packages, tmp_path):
    folder = made(packages, [egg("a", "a.py", ".mark"), egg("b", "b/__init__.py", "b.libs/x.so")])
    assert names(folder) == ["__pycache__", "a-1.0.dist-info", "a.py", "b", "b-1.0.dist-info",
                             "b.libs"]  # fmt: skip
    assert (folder / "b/__init__.py").is_file()
    links = [path.readlink() for path in folder.iterdir() if path.is_symlink()]
    assert not any(link.is_absolute() for link in links)
    tmp_path.joinpath("project").rename(tmp_path / "moved")
    assert (tmp_path / "moved" / folder.relative_to(tmp_path / "project") / "a.py").is_file()


def test_bytecode_of_a_module_is_that_of_its_egg(egg, packages):
    one = egg("a", "a.py")
    folder = made(packages, [one, egg("b", "b.py")])
    [link] = (folder / "__pycache__").glob("a.*.pyc")
    assert link.resolve() == (packages / one / "__pycache__" / link.name).resolve()


def test_eggs_from_elsewhere_are_named_in_full(packages, tmp_path):
    (tmp_path / "e.egg/e").mkdir(parents=True)
    folder = made(packages, [str(tmp_path / "e.egg")])
    assert str((folder / "e").readlink()) == str(tmp_path / "e.egg/e")


def test_what_is_right_is_not_touched_and_what_is_not_is_replaced(egg, packages):
    eggs = [egg("a", "a.py"), egg("b", "b.py")]
    folder = made(packages, eggs)
    before = folder.stat().st_ino
    (folder / "__pycache__/b.other.pyc").touch()
    assert made(packages, eggs).stat().st_ino == before
    for damage in (
        lambda: (folder / "a.py").unlink(),
        lambda: (folder / "more.py").touch(),
        lambda: ((folder / "a.py").unlink(), (folder / "a.py").symlink_to("b.py")),
    ):
        damage()
        assert made(packages, eggs) == folder
        assert names(folder) == ["__pycache__", "a-1.0.dist-info", "a.py", "b-1.0.dist-info",
                                 "b.py"]  # fmt: skip
        assert (folder / "a.py").resolve() == packages / eggs[0] / "a.py"
    assert names(packages) == [folder.name]


def test_other_eggs_get_another_folder(egg, packages):
    one = made(packages, [egg("a", "a.py"), egg("b", "b.py")])
    other = made(packages, [egg("a", "a.py"), egg("c", "c.py")])
    assert one != other
    assert one.is_dir()


def test_only_the_newest_folders_and_the_current_one_are_kept(packages):
    for number in range(9):
        (packages / f"eggs-{number}").mkdir()
        os.utime(packages / f"eggs-{number}", (number, number))
    (packages / f"{merged._NEW}old").mkdir()
    os.utime(packages / f"{merged._NEW}old", (1, 1))
    (packages / f"{merged._NEW}young").mkdir()
    os.utime(packages / f"{merged._NEW}young", (time.time(), time.time()))
    merged.tidy(packages, "eggs-0")
    kept = ["eggs-0", "eggs-5", "eggs-6", "eggs-7", "eggs-8"]
    assert names(packages) == [f"{merged._NEW}young", *kept]
