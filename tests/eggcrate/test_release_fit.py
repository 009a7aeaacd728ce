import os
import subprocess
import sys

import pytest

from eggcrate.release.shipped import release_fit
from eggcrate.release.target import Target

HERE = {**Target.current(()).needs(), "glibc": ""}


def test_this_python_fits():
    assert release_fit.misfit(HERE) == ""


@pytest.mark.parametrize(
    ("needed", "reason"),
    [
        ({"python": "3.9"}, f"{sys.executable} is cpython {HERE['python']}"),
        ({"machine": "sparc"}, f"this is {sys.platform} on {HERE['machine']}"),
        ({"system": "plan9"}, f"this is {sys.platform} on {HERE['machine']}"),
        ({"extension": ".x.so"}, f"{sys.executable} is for modules that end in"),
    ],
)
def test_what_does_not_fit(needed, reason):
    assert release_fit.misfit({**HERE, **needed}).startswith(reason)


@pytest.mark.parametrize(
    ("needed", "found", "reason"),
    [
        ("2.17", "glibc 2.36", ""),
        ("2.36", "glibc 2.36", ""),
        ("2.100", "glibc 2.36", "this system has glibc 2.36"),
        ("3.1", "glibc 2.36.9000", "this system has glibc 2.36.9000"),
        ("2.17", "", ""),  # the suffix of extension modules tells other libraries apart
    ],
)
def test_the_c_library(monkeypatch, needed, found, reason):
    monkeypatch.setattr(os, "confstr", lambda name: found or None)
    assert release_fit.misfit({**HERE, "glibc": needed}) == reason


def test_it_ends_the_process_in_one_line(tmp_path):
    (tmp_path / "check.py").write_text(
        f"from eggcrate.release.shipped import release_fit\n"
        f"release_fit.require({ {**HERE, 'python': '3.5'} })\nprint('goes on')\n"
    )
    result = subprocess.run(
        [sys.executable, tmp_path / "check.py"], capture_output=True, text=True,
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("this release needs CPython 3.5 on ")
    assert result.stderr.count("\n") == 1
