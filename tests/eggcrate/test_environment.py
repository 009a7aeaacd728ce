import os
import subprocess
import sys
from pathlib import Path

import pytest

from eggcrate import environment


@pytest.fixture
def eggs(tmp_path):
    folders = [tmp_path / "project/eggs/ä.egg", tmp_path / "elsewhere/b.egg"]
    for number, folder in enumerate(folders):
        folder.mkdir(parents=True)
        (folder / f"module{number}.py").write_text(f"value = {number}\n")
    return environment.SearchPath(tuple(map(str, folders)))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "project/parts/app"


def python(path, *arguments, **environ):
    result = subprocess.run(
        [path / "bin/python", *arguments],
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=True,
    )
    return result.stdout


def snapshot(path):
    files = [(file, file.lstat()) for file in path.rglob("*")]
    return {file: (found.st_mtime_ns, found.st_ino) for file, found in files}


def test_imports_the_eggs_in_isolated_mode_too(path, eggs):
    environment.write(path, environment.Base.current(), eggs)
    code = "import module0, module1, sys; print(sys.prefix, sys.prefix != sys.base_prefix)"
    assert python(path, "-I", "-c", code).split() == [str(path), "True"]


def listed(path):
    return (environment.site_packages(path) / "eggs.pth").read_text("utf-8").splitlines()


def test_eggs_are_one_folder_and_listed_relative_to_the_project(path, eggs):
    environment.write(path, environment.Base.current(), eggs)
    folder, *lines = listed(path)
    assert lines == ["# ../../../../../eggs/ä.egg", f"# {eggs.folders[1]}"]
    entries = python(path, "-I", "-c", "import sys; print(*sys.path, sep='\\n')").splitlines()
    assert entries[-1] == str(environment.site_packages(path) / folder)
    assert not any(entry.endswith(".egg") for entry in entries)


def test_eggs_that_share_a_name_are_listed_in_their_order(path, eggs):
    for folder in eggs.folders:
        (Path(folder) / "both.py").write_text(f"place = {folder!r}\n")
    environment.write(path, environment.Base.current(), eggs)
    assert listed(path) == ["../../../../../eggs/ä.egg", eggs.folders[1]]
    assert python(path, "-c", "import both; print(both.place)").strip() == eggs.folders[0]


def test_what_was_written_is_read(path, eggs, tmp_path):
    source, code = str(tmp_path / "project/src"), ("import sys; sys.mark = 1",)
    for folders in ((source, *eggs.folders, str(tmp_path)), eggs.folders[:1], ()):
        search = environment.SearchPath(folders, code)
        environment.write(path, environment.Base.current(), search)
        assert environment.read(path) == search


def test_what_a_running_server_imports_from_stays_when_its_eggs_change(path, eggs):
    environment.write(path, environment.Base.current(), eggs)
    [folder] = environment.site_packages(path).glob("eggs-*")
    environment.write(path, environment.Base.current(), environment.SearchPath(eggs.folders[:1]))
    assert listed(path) == ["../../../../../eggs/ä.egg"]
    assert (folder / "module1.py").is_file()


def test_distributions_are_found_through_their_links(path, eggs):
    for number, folder in enumerate(eggs.folders):
        metadata = Path(folder) / f"dist{number}-1.{number}.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(f"Name: dist{number}\nVersion: 1.{number}\n")
        (metadata / "entry_points.txt").write_text(
            f"[group]\nname{number} = module{number}:value\n"
        )
    environment.write(path, environment.Base.current(), eggs)
    code = (
        "from importlib.metadata import distributions, entry_points, version;"
        "print(version('dist0'), version('dist1'), len(list(distributions())),"
        " *sorted(entry.load() for entry in entry_points(group='group')))"
    )
    assert python(path, "-I", "-c", code) == "1.0 1.1 2 0 1\n"


def test_code_runs_after_the_folders_are_known(path, eggs):
    code = ("import module1; import sys; sys.mark = module1.value",)
    search = environment.SearchPath(eggs.folders, code)
    environment.write(path, environment.Base.current(), search)
    assert python(path, "-I", "-c", "import sys; print(sys.mark)") == "1\n"


def test_is_told_apart_as_the_standard_library_does(path, eggs):
    environment.write(path, environment.Base.current(), eggs)
    for name in ("python3", "python{}.{}".format(*sys.version_info)):
        assert os.access(path / "bin" / name, os.X_OK)
    code = "import sysconfig, sys; print(sysconfig.get_path('purelib')); import json, ssl, _ctypes"
    assert python(path, "-c", code).strip() == str(environment.site_packages(path))


def test_second_write_touches_nothing(path, eggs):
    base = environment.Base.current()
    environment.write(path, base, eggs, "x = 1")
    before = snapshot(path)
    environment.write(path, base, eggs, "x = 1")
    assert snapshot(path) == before


def test_initialization_runs_at_start_after_the_eggs(path, eggs):
    base = environment.Base.current()
    environment.write(path, base, eggs, "import module0, sys\nsys.mark = module0.value\n")
    assert python(path, "-c", "import sys; print(sys.mark)") == "0\n"
    environment.write(path, base, eggs)
    assert python(path, "-c", "import sys; print(hasattr(sys, 'mark'))") == "False\n"


def test_a_change_of_python_leaves_no_other_behind(path, eggs):
    (path / "lib/python3.9/site-packages").mkdir(parents=True)
    environment.write(path, environment.Base.current(), eggs)
    assert [p.name for p in (path / "lib").iterdir()] == [
        environment.site_packages(path).parent.name
    ]
