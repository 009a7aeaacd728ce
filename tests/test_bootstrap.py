import contextlib
import fcntl
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support import toolbox
from support.scratch import PROJECT, Scratch, base_python, run

# Nothing can be had: no index, no folder of wheels, no cache.
UNREACHABLE = {
    "PIP_CONFIG_FILE": os.devnull,
    "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
    "PIP_EXTRA_INDEX_URL": "",
    "PIP_FIND_LINKS": "",
    "XDG_CACHE_HOME": os.devnull,
}


@pytest.fixture
def bare(tmp_path):
    """A project without its build environment."""
    return Scratch(tmp_path / "project", tools=False)


@pytest.fixture
def scratch(tmp_path):
    return Scratch(tmp_path / "project")


@pytest.fixture
def box(bare, tmp_path):
    """A project with build tools that are small and do nothing, in a folder beside it."""
    return toolbox.Toolbox(bare, tmp_path / "links", tmp_path / "cache")


def line(result):
    """Return the only line on stderr."""
    assert "Traceback" not in result.stderr
    [text] = result.stderr.splitlines()
    return text


def snapshot(root):
    return {
        path: (path.lstat().st_mtime_ns, path.lstat().st_ino)
        for path in root.rglob("*")
        if "__pycache__" not in path.parts
    }


def test_second_run_changes_nothing_and_is_quick(scratch):
    assert "bin/buildout" in scratch.bootstrap().stdout
    before = snapshot(scratch.root)
    result = scratch.bootstrap()
    assert result.stdout == ""
    assert result.stderr == ""
    assert snapshot(scratch.root) == before


def test_version_is_printed(bare):
    assert bare.bootstrap("--version").stdout.startswith("bootstrap.py ")


@pytest.mark.parametrize("version", ["3.6", "3.7", "3.8", "3.9", "3.10"])
def test_older_python_gets_one_line(version):
    pythons = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
    found = shutil.which(f"python{version}") if not pythons else str(pythons[0])
    if not found or subprocess.run([found, "-V"], check=False, capture_output=True).returncode:
        pytest.skip(f"no Python {version} on this machine")
    result = run([found, str(PROJECT / "bootstrap.py")], cwd=PROJECT, code=1)
    assert line(result).startswith("bootstrap: Python 3.11 or newer is needed, and this is 3.")


def test_pythonpath_does_not_reach_it(scratch, tmp_path):
    for name in ("argparse", "json", "venv", "ensurepip"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('poison')")
    scratch.bootstrap(environ={"PYTHONPATH": str(tmp_path)})


def test_without_ensurepip_it_names_the_package(bare):
    code = (
        "import runpy, sys; sys.modules['ensurepip'] = None; sys.argv = ['bootstrap.py'];"
        "runpy.run_path('bootstrap.py', run_name='__main__')"
    )
    result = bare.run(base_python(), "-I", "-c", code, environ=UNREACHABLE, code=1)
    version = "{}.{}".format(*sys.version_info)
    assert line(result) == (
        "bootstrap: this Python has no ensurepip; install it "
        f"(Debian, Ubuntu: apt install python{version}-venv)"
    )


@pytest.mark.live
def test_without_an_index_it_says_so(bare):
    result = bare.bootstrap(environ=UNREACHABLE, code=1)
    assert "no package index is reachable" in line(result)
    assert list((bare.root / "parts").iterdir()) == []


def test_a_version_that_does_not_exist_is_named(box):
    box.fill_cache()
    result = box.bootstrap("--setuptools-version=0.0.1", code=1)
    assert "No matching distribution found for setuptools==0.0.1" in line(result)


def test_missing_pins_are_named(bare):
    bare.write(
        "versions.cfg",
        "[versions]\npip = 1\nsetuptools = ==2\n"
        "[versions:python_version > '3']\nwheel = 1\n[other]\nwheel = 3\n",
    )
    text = line(bare.bootstrap(code=1))
    assert text.endswith(
        "has no pin (name = version) for: "
        "wheel, packaging, platformdirs, zc.buildout, zc.recipe.egg, eggcrate"
    )


def test_missing_versions_file_is_named(bare):
    (bare.root / "versions.cfg").unlink()
    assert "versions.cfg: No such file" in line(bare.bootstrap(code=1))


def test_a_lock_that_cannot_be_read_is_named(box):
    box.project.write("versions.lock", "[pip 1.0]\nnonsense\n")
    text = line(box.bootstrap(code=1))
    assert text.startswith(f"bootstrap: {box.project.root}/versions.lock:2: ")


def test_tools_come_from_locked_files_and_then_from_the_cache(box):
    assert "Making parts/buildout" in box.bootstrap().stdout
    stamp = json.loads((box.environment / "bootstrap.json").read_text())
    assert stamp["sha256"] == {name: box.locked(name).sha256 for name in toolbox.NAMES}
    assert box.bootstrap().stdout == ""
    box.remove("links", "environment")
    box.bootstrap()
    assert (box.packages / "wheel/__init__.py").is_file()
    assert list((box.packages / "wheel/__pycache__").glob("__init__.*.pyc"))


def test_a_tool_with_another_hash_is_refused(box):
    expected = box.locked("wheel").sha256
    box.put("wheel", "import os  # and worse\n")
    assert line(box.bootstrap(code=1)) == (
        f"bootstrap: wheel 1.0: wheel-1.0-py3-none-any.whl has sha256 {box.sha256('wheel')},"
        f" but {expected} is expected"
    )
    assert list((box.project.root / "parts").iterdir()) == []
    assert not (box.project.root / "bin").exists()


def test_a_tool_that_was_changed_in_the_cache_is_fetched_again(box):
    box.fill_cache()
    [cached] = box.cache.rglob("wheel-1.0-*.whl")
    cached.write_bytes(cached.read_bytes()[:-1] + b"?")
    box.bootstrap()
    assert cached.read_bytes() == (box.links / cached.name).read_bytes()


def test_a_changed_lock_makes_it_again(box):
    box.fill_cache()
    box.bootstrap()
    box.put("wheel", "new = True\n")
    box.lock()
    box.fill_cache()
    assert "Making parts/buildout" in box.bootstrap().stdout
    assert "new" in (box.packages / "wheel/__init__.py").read_text()


def test_without_a_lock_it_does_nothing_unless_told(box):
    (box.project.root / "versions.lock").unlink()
    text = line(box.bootstrap(code=1))
    assert text.startswith(f"bootstrap: {box.project.root}/versions.lock is missing")
    assert not (box.project.root / "parts").exists()
    said = box.bootstrap("--unlocked").stdout
    assert "Taking wheel 1.0 unchecked: versions.lock does not have it.\n" in said
    assert box.bootstrap("--unlocked").stdout == ""
    assert "is missing" in line(box.bootstrap(code=1))


def test_a_tool_that_is_not_locked_is_named(box):
    (box.links / "wheel-1.0-py3-none-any.whl").unlink()
    box.lock()
    assert line(box.bootstrap(code=1)) == (
        "bootstrap: versions.lock does not have wheel 1.0; run bin/lock"
    )


def test_what_is_locked_is_checked_even_if_something_else_is_not(box):
    box.put("setuptools", "", version="2.0")
    box.put("wheel", "import os  # and worse\n")
    result = box.bootstrap("--setuptools-version=2.0", code=1)
    assert "wheel 1.0: wheel-1.0-py3-none-any.whl has sha256" in line(result)


def test_a_version_asked_for_by_name_is_taken_unchecked_and_named(box):
    box.fill_cache()
    box.put("setuptools", "", version="2.0")
    said = box.bootstrap("--setuptools-version=2.0").stdout
    assert [text for text in said.splitlines() if text.startswith("Taking")] == [
        "Taking setuptools 2.0 unchecked: versions.lock does not have it."
    ]
    box.lock()
    assert "unchecked" not in box.bootstrap("--setuptools-version=2.0").stdout


def test_folder_that_cannot_be_written(bare):
    if os.geteuid():
        (bare.root / "parts").mkdir(mode=0o555)
    elif Path("/sys/kernel").is_dir():  # root may write everywhere but there
        (bare.root / "parts").symlink_to("/sys/kernel")
    else:
        pytest.skip("root, and no folder that root cannot write to")
    assert line(bare.bootstrap(code=1)).startswith(f"bootstrap: cannot write {bare.root}/parts")


def test_file_in_the_way(bare):
    bare.write("parts", "")
    assert line(bare.bootstrap(code=1)) == f"bootstrap: cannot write {bare.root}/parts: File exists"


def test_other_arguments_run_buildout(scratch):
    result = scratch.bootstrap("query", "buildout:parts")
    assert result.stdout.splitlines()[-1] == "carton python"


def test_config_file_runs_buildout_with_it(scratch):
    scratch.write("etc/other.cfg", "[buildout]\nextends = ../buildout.cfg\nparts = python\n")
    scratch.bootstrap("-c", "etc/other.cfg")
    assert (scratch.root / "bin/python").is_file()
    assert not (scratch.root / "bin/carton").exists()


def damage_link(environment):
    (environment / "bin/python").unlink()


def damage_package(environment):
    [packages] = environment.glob("lib/python*/site-packages")
    shutil.rmtree(packages / "zc")


def damage_stamp(environment):
    # Unlinked first: the files are hard links to the project's own.
    (environment / "bootstrap.json").unlink()
    (environment / "bootstrap.json").write_text("{half")


@pytest.mark.parametrize("damage", [damage_link, damage_package, damage_stamp])
@pytest.mark.live
def test_a_broken_environment_is_made_again(scratch, damage):
    """Without an index it fails, which shows that it tried, and leaves the old one alone."""
    scratch.bootstrap()
    damage(scratch.root / "parts/buildout")
    result = scratch.bootstrap(environ=UNREACHABLE, code=1)
    assert "Making parts/buildout" in result.stdout
    assert [path.name for path in (scratch.root / "parts").iterdir()] == ["buildout"]


@pytest.mark.live
def test_a_changed_pin_makes_it_again_from_an_index(scratch):
    scratch.bootstrap()
    text = (scratch.root / "versions.cfg").read_text()
    scratch.write("versions.cfg", text.replace("\nwheel = ", "\nwheel = 0.45.1\n# "))
    assert "run `python3 bootstrap.py`" in scratch.buildout(code=1).stderr
    assert "does not have wheel 0.45.1; run bin/lock" in line(scratch.bootstrap(code=1))
    (scratch.root / "parts/buildout.new").mkdir()  # what a killed run leaves
    result = scratch.bootstrap("--unlocked", code=None)
    if "no package index is reachable" in result.stderr:
        pytest.skip(result.stderr.strip())
    assert result.returncode == 0, result.stderr
    stamp = json.loads((scratch.root / "parts/buildout/bootstrap.json").read_text())
    assert stamp["pins"]["wheel"] == "0.45.1"
    assert not (scratch.root / "parts/buildout.new").exists()
    scratch.buildout()
    assert scratch.bootstrap("--unlocked").stdout == ""


@pytest.mark.live
@pytest.mark.parametrize("delay", [0.2, 0.35, 0.5, 0.65])
def test_a_killed_run_keeps_no_other_waiting(bare, delay):
    """Nor does anything that it has started."""
    bare.bootstrap()
    shutil.rmtree(bare.root / "parts")
    command = [base_python(), str(bare.root / "bootstrap.py")]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(delay)
        process.kill()
    bare.bootstrap()
    bare.buildout("-h")


def test_one_waits_for_another_and_says_so(scratch):
    parts = scratch.root / "parts"
    shutil.rmtree(parts / "buildout")
    other = os.open(parts, os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_EX)
    command = [base_python(), str(scratch.root / "bootstrap.py")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline().startswith("Another bootstrap.py is at work")
        assert process.poll() is None
        os.close(other)
        process.communicate(timeout=60)
    assert process.returncode == 0


def test_settings_of_pip_that_put_packages_elsewhere_are_not_followed(scratch, tmp_path):
    (tmp_path / "pip.conf").write_text("[global]\nuser = true\n")
    elsewhere = {"PIP_CONFIG_FILE": str(tmp_path / "pip.conf"), "PIP_TARGET": str(tmp_path / "t")}
    scratch.bootstrap()
    scratch.buildout(environ=elsewhere)
    scratch.run("bin/carton")
    assert not (tmp_path / "t").exists()


@pytest.mark.live
def test_moved_project_repairs_itself(scratch):
    scratch.build()
    scratch.root = scratch.root.rename(scratch.root.with_name("moved ü"))
    assert scratch.run("bin/buildout", code=None).returncode != 0
    scratch.bootstrap(environ=UNREACHABLE)
    scratch.buildout()
    said = json.loads(scratch.run("bin/carton").stdout)
    assert said["executable"] == str(scratch.root / "parts/carton/bin/python")


@pytest.mark.live
def test_copied_project_leaves_the_original_alone(scratch, tmp_path):
    scratch.build()
    before = snapshot(scratch.root)
    copy = Scratch.__new__(Scratch)
    copy.root = tmp_path / "copy"
    shutil.copytree(scratch.root, copy.root, symlinks=True)
    refused = copy.run("bin/buildout", code=1)
    assert line(refused) == (
        f"bin/buildout: {copy.root} was moved or copied; run `python3 bootstrap.py` in it first"
    )
    copy.build()
    assert str(copy.root) in copy.run("bin/carton").stdout
    assert snapshot(scratch.root) == before
