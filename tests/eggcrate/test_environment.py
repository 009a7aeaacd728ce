import os
import subprocess
import sys

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


def test_eggs_of_the_project_are_listed_relative_to_it(path, eggs):
    environment.write(path, environment.Base.current(), eggs)
    lines = (environment.site_packages(path) / "eggs.pth").read_text("utf-8").splitlines()
    assert lines == ["../../../../../eggs/ä.egg", eggs.folders[1]]


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
