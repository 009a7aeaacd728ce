import dataclasses
import shutil
import subprocess

import pytest

from eggcrate.environment import Base
from eggcrate.release import start
from eggcrate.release.target import Target


@pytest.fixture
def folder(tmp_path):
    """The bin/ of an environment whose Python only says how it was called."""
    folder = tmp_path / '$HOME\'s "b" `c` \\d' / "bin"
    folder.mkdir(parents=True)
    program = folder.parent / "recorded"
    program.write_text('#!/bin/sh\nprintf \'%s|\' "$0" "$@"\n')
    program.chmod(0o755)
    (folder / "python").symlink_to(program)
    (folder / "start").write_text(text(program))
    (folder / "start").chmod(0o755)
    return folder


def text(program):
    base = Base(str(program), str(program.parent))
    return start.text(dataclasses.replace(Target.current(()), base=base), "# notice")


def run(folder, *arguments, code=0):
    command = [folder / "start", *arguments]
    environ = {"PATH": str(folder.parent)}
    result = subprocess.run(command, env=environ, capture_output=True, text=True, cwd="/")
    assert result.returncode == code, result.stderr
    return result.stdout or result.stderr


def test_the_link_is_what_is_run(folder):
    assert run(folder, "-c", "a b", "") == f"{folder}/python|-c|a b||"


def test_it_is_found_through_links(folder, tmp_path):
    (tmp_path / "link").symlink_to(folder)
    assert run(tmp_path / "link") == f"{folder}/python|"


@pytest.mark.parametrize("program", ["/nowhere", "/bin/sh"])
def test_a_link_to_anything_else_is_not(folder, program):
    (folder / "python").unlink()
    (folder / "python").symlink_to(program)
    said = run(folder, code=1)
    assert said.endswith(f", which is not at {folder.parent}/recorded; and there is none on PATH\n")
    assert said.startswith("this release needs CPython ")


def test_a_python_on_the_path_that_does_not_start_is_told(folder):
    (folder / "python").unlink()
    (folder.parent / "python3").symlink_to(shutil.which("false"))
    assert run(folder, code=1).endswith(f"; and {folder.parent}/python3 does not start\n")
