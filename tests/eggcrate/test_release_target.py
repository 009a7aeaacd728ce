import os
import subprocess
import sys
from pathlib import Path

import pytest

from eggcrate.environment import Base
from eggcrate.release import target
from eggcrate.release.target import Target


def egg(folder, *tags):
    info = folder / "x-1.egg" / "x-1.dist-info"
    info.mkdir(parents=True)
    (info / "WHEEL").write_text("Wheel-Version: 1.0\n" + "".join(f"Tag: {tag}\n" for tag in tags))
    return info.parent


@pytest.mark.parametrize(
    ("tags", "glibc"),
    [
        (["py3-none-any"], ""),
        (["cp311-cp311-manylinux_2_28_x86_64"], "2.28"),
        (["cp311-cp311-manylinux_2_17_x86_64", "cp311-cp311-manylinux2014_x86_64"], "2.17"),
        (["cp311-cp311-manylinux2014_x86_64.manylinux_2_28_x86_64"], "2.17"),
        (["cp311-cp311-manylinux1_x86_64"], "2.5"),
        (["cp311-cp311-musllinux_1_2_x86_64"], ""),
        (["cp311-cp311-macosx_11_0_arm64"], ""),
    ],
)
def test_the_oldest_glibc_of_a_wheel(tmp_path, tags, glibc):
    assert target.oldest_glibc([egg(tmp_path, *tags)]) == glibc


def test_the_newest_of_several_wheels_counts(tmp_path):
    eggs = [
        egg(tmp_path / "a", "cp311-cp311-manylinux_2_9_x86_64"),
        egg(tmp_path / "b", "cp311-cp311-manylinux_2_17_x86_64"),
        egg(tmp_path / "c", "py3-none-any"),
    ]
    assert target.oldest_glibc(eggs) == "2.17"


def test_what_was_compiled_here_needs_what_is_here(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "confstr", lambda name: "glibc 2.36")
    assert target.oldest_glibc([egg(tmp_path, "cp311-cp311-linux_x86_64")]) == "2.36"


def test_the_python_is_named_with_its_version(tmp_path):
    name = "python{}.{}".format(*sys.version_info)
    (tmp_path / name).touch()
    (tmp_path / "python3").symlink_to(name)
    base = target.versioned(Base(str(tmp_path / "python3"), str(tmp_path)))
    assert base == Base(str(tmp_path / name), str(tmp_path))


def test_a_python_of_the_same_version_that_is_another_is_not(tmp_path):
    for name in ("python{}.{}".format(*sys.version_info), "python3"):
        (tmp_path / name).touch()
    (tmp_path / "python").symlink_to("python3")
    base = target.versioned(Base(str(tmp_path / "python"), str(tmp_path)))
    assert base == Base(str(tmp_path / "python3"), str(tmp_path))


def test_the_running_one():
    found = Target.current(())
    version = subprocess.check_output([found.base.executable, "-V"], text=True)
    assert version.startswith(f"Python {found.python}.")
    assert Path(found.base.home).is_dir()
