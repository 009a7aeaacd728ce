import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from eggcrate import environment
from eggcrate.release import tree
from eggcrate.release.shipped import release_twin
from eggcrate.release.target import Target
from support.scratch import base_python


@pytest.fixture
def release(tmp_path):
    """A release that imports from one egg, with nothing where its Python should be."""
    root = tmp_path / "it's ü" / "release"
    packages = environment.site_packages(root / "parts" / "app")
    packages.mkdir(parents=True)
    for name in ("release_fit.py", "release_twin.py"):
        shutil.copy(tree.SHIPPED / name, packages)
    (packages / "eggs.pth").write_text("../../../../../eggs/x.egg\n")
    (root / "parts" / "app" / "bin").mkdir()
    (root / "parts" / "app" / "bin" / "python").symlink_to("/nowhere/python")
    (root / "eggs" / "x.egg").mkdir(parents=True)
    (root / "eggs" / "x.egg" / "crate.py").touch()
    write_manifest(root, Target.current(()).needs())
    return root


def write_manifest(root, needs):
    (root / "release.json").write_text(json.dumps({"target": needs}))


def start(release, **environ):
    part = release / "parts" / "app"
    script = environment.site_packages(part) / "release_twin.py"
    return subprocess.Popen(
        [base_python(), "-I", script, part], stdout=subprocess.PIPE, text=True,
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", **{k: str(v) for k, v in environ.items()}},
    )  # fmt: skip


def find(release, code=0, **environ):
    process = start(release, **environ)
    said = process.communicate(timeout=30)[0].strip()
    assert process.returncode == code, said
    return said


def test_its_interpreter_has_the_eggs(release, tmp_path):
    python = find(release, XDG_CACHE_HOME=tmp_path / "cache")
    assert python.startswith(str(tmp_path / "cache"))
    code = "import crate, sys; print(sys.executable, sys.prefix, sys.flags.isolated)"
    said = subprocess.check_output([python, "-I", "-c", code], text=True)
    assert said == f"{python} {Path(python).parents[1]} 1\n"


def test_it_looks_like_the_release(release, tmp_path):
    (release / "etc").mkdir()
    twin = Path(find(release, XDG_CACHE_HOME=tmp_path / "cache")).parents[3]
    assert {path.name for path in twin.iterdir()} == {"eggs", "etc", "parts", "release.json"}
    assert (twin / "etc").samefile(release / "etc")
    lib = release / "parts" / "app" / "lib"
    assert (twin / "parts" / "app" / "lib").samefile(lib)  # what the commands know it by


def test_it_is_made_once(release, tmp_path):
    first = find(release, XDG_CACHE_HOME=tmp_path)
    made = Path(first).lstat().st_ctime_ns
    assert find(release, XDG_CACHE_HOME=tmp_path) == first
    assert Path(first).lstat().st_ctime_ns == made


def test_another_release_at_the_same_place_has_another(release, tmp_path):
    first = find(release, XDG_CACHE_HOME=tmp_path)
    write_manifest(release, {**Target.current(()).needs(), "version": "2"})
    assert find(release, XDG_CACHE_HOME=tmp_path) != first


def test_what_was_tidied_away_is_made_again(release, tmp_path):
    first = find(release, XDG_CACHE_HOME=tmp_path)
    Path(first).unlink()
    assert find(release, XDG_CACHE_HOME=tmp_path) == first
    assert os.access(first, os.X_OK)


def test_that_of_a_release_that_is_gone_is_removed(release, tmp_path):
    first = find(release, XDG_CACHE_HOME=tmp_path)
    moved = release.rename(release.with_name("moved"))
    assert find(moved, XDG_CACHE_HOME=tmp_path) != first
    assert not Path(first).parents[3].exists()


def test_many_at_once(release, tmp_path):
    started = [start(release, XDG_CACHE_HOME=tmp_path) for _ in range(6)]
    said = {process.communicate(timeout=60)[0] for process in started}
    assert len(said) == 1
    assert os.access(said.pop().strip(), os.X_OK)
    assert not list(tmp_path.glob("eggcrate-releases-*/new-*"))


@pytest.mark.parametrize("variable", ["CACHE_DIRECTORY", "XDG_CACHE_HOME", "HOME", "TMPDIR"])
def test_places(release, tmp_path, variable):
    folder = tmp_path / "mine"
    folder.mkdir()
    assert find(release, **{variable: folder}).startswith(str(folder))


def test_a_folder_that_others_can_write_to_is_not_used(release, tmp_path):
    for name in ("open", "fine"):
        (tmp_path / name / f"eggcrate-releases-{os.getuid()}").mkdir(parents=True, mode=0o700)
    (tmp_path / "open" / f"eggcrate-releases-{os.getuid()}").chmod(0o777)
    found = find(release, XDG_CACHE_HOME=tmp_path / "open", TMPDIR=tmp_path / "fine")
    assert found.startswith(str(tmp_path / "fine"))


def test_twins_of_releases_that_are_gone_are_forgotten(release, tmp_path):
    """What this user may not look at any more (here: goes in circles) is not known to be gone."""
    folder = release_twin.private(tmp_path)
    for name in ("gone", "hidden"):
        (folder / name).mkdir()
        (folder / name / "release.json").symlink_to("release.json" if name == "hidden" else "no")
    find(release, XDG_CACHE_HOME=tmp_path)
    assert (folder / "hidden").is_dir()
    assert not (folder / "gone").exists()


def test_a_link_to_a_folder_is_not_used(tmp_path):
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (tmp_path / f"eggcrate-releases-{os.getuid()}").symlink_to("elsewhere")
    with pytest.raises(PermissionError):
        release_twin.private(tmp_path)


def test_a_python_that_does_not_fit_says_so(release, tmp_path):
    write_manifest(release, {**Target.current(()).needs(), "python": "3.5"})
    said = find(release, code=1, XDG_CACHE_HOME=tmp_path)
    assert said.endswith("is cpython {}.{}".format(*sys.version_info))
    assert list(tmp_path.glob("eggcrate-*")) == []


def test_no_place_says_so(release, tmp_path):
    blocked = tmp_path / f"eggcrate-releases-{os.getuid()}"
    blocked.touch()
    (tmp_path / "cache").touch()
    said = find(release, code=1, XDG_CACHE_HOME=tmp_path / "cache", TMPDIR=tmp_path)
    assert "would do, but cannot be linked to" in said
    assert "\n" not in said
