import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.scratch import PROJECT, Scratch, base_python, run

UNREACHABLE = {
    "PIP_CONFIG_FILE": os.devnull,
    "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
    "PIP_EXTRA_INDEX_URL": "",
    "PIP_FIND_LINKS": "",
}


@pytest.fixture
def bare(tmp_path):
    """A project without its build environment."""
    return Scratch(tmp_path / "project", tools=False)


@pytest.fixture
def scratch(tmp_path):
    return Scratch(tmp_path / "project")


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
    result = bare.run(base_python(), "-I", "-c", code, code=1)
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


@pytest.mark.live
def test_a_pin_that_does_not_exist_is_named(bare, tmp_path):
    (tmp_path / "links").mkdir()
    result = bare.bootstrap(
        "--setuptools-version=0.0.1", "--find-links", str(tmp_path / "links"),
        environ={**UNREACHABLE, "PIP_NO_INDEX": "1"}, code=1,
    )  # fmt: skip
    assert "No matching distribution found for pip==" in line(result)


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
    (scratch.root / "parts/buildout.new").mkdir()  # what a killed run leaves
    result = scratch.bootstrap(code=None)
    if "no package index is reachable" in result.stderr:
        pytest.skip(result.stderr.strip())
    assert result.returncode == 0, result.stderr
    stamp = json.loads((scratch.root / "parts/buildout/bootstrap.json").read_text())
    assert stamp["pins"]["wheel"] == "0.45.1"
    assert [path.name for path in (scratch.root / "parts").iterdir()] == ["buildout"]
    scratch.buildout()
    assert scratch.bootstrap().stdout == ""


@pytest.mark.live
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
