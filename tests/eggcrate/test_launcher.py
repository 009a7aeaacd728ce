import ast
import subprocess
import sys
from pathlib import Path

import pytest

from eggcrate import launcher

AWKWARD = ["plain", "a b", "it's", "''", "a'''b", "q\"q", "back\\slash", "\\N{x}\\u", "$HOME`x`",
           "new\nline", "ü-日本", "'"]  # fmt: skip


@pytest.mark.parametrize("text", AWKWARD)
def test_quote_gives_the_shell_the_same_word(text):
    printed = subprocess.run(
        ["/bin/sh", "-c", f"printf %s {launcher.quote(text)}"], check=True, capture_output=True
    )
    assert printed.stdout.decode() == text


@pytest.mark.parametrize("name", AWKWARD)
def test_scripts_are_python_without_warnings(name):
    target = launcher.Target(Path("/x") / name / "parts/app", Path("/x") / name / "parts")
    text = launcher.call(target, "a.b", "c.d", "1, x='y'", "import os\nos.x = 1")
    tree = ast.parse(text)
    assert ast.unparse(tree.body[-1]).splitlines()[-1].strip() == "sys.exit(a.b.c.d(1, x='y'))"


def test_what_must_be_first_stays_first():
    target = launcher.Target(Path("/p/parts/app"), Path("/p/parts"))
    text = launcher.script(target, "print(1)\n", "from __future__ import annotations\n")
    compile(text, "script", "exec")


def test_relative_target_names_no_absolute_path(tmp_path):
    target = launcher.Target(tmp_path / "parts/app", tmp_path / "parts", tmp_path / "bin")
    assert str(tmp_path) not in launcher.call(target, "a", "b") + launcher.interpreter(target)


def test_interpreter_passes_everything_on(tmp_path):
    environment = tmp_path / "it's"
    (environment / "bin").mkdir(parents=True)
    (environment / "bin/python").symlink_to(sys.executable)
    command = tmp_path / "python"
    command.write_text(launcher.interpreter(launcher.Target(environment, tmp_path)))
    code = "import sys; print(sys.argv, sys.flags.isolated)"
    result = subprocess.run(
        ["/bin/sh", command, "-I", "-c", code, "a b", ""], check=True, capture_output=True
    )
    assert result.stdout == b"['-c', 'a b', ''] 1\n"
