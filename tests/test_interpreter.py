"""bin/python is a real interpreter over the project's eggs."""

import json
import os
import pty
import re
import select
import subprocess
import time

import pytest

from support.scratch import PROJECT, clean_environ, run

PYTHON = PROJECT / "bin" / "python"

pytestmark = pytest.mark.skipif(
    not PYTHON.is_file(), reason="bin/python is missing: run bin/buildout"
)


def python(*arguments, cwd=PROJECT, **kwargs):
    return run([str(PYTHON), *map(str, arguments)], cwd=cwd, **kwargs)


def script(folder, text, name="script.py"):
    path = folder / name
    path.write_text(text)
    return path


def test_version():
    assert python("-V").stdout.startswith("Python 3.")


def test_code_with_arguments():
    assert python("-c", "import sys; print(sys.argv)", "a", "b c").stdout == "['-c', 'a', 'b c']\n"


@pytest.mark.parametrize(
    ("options", "expression"),
    [
        (["-u"], "sys.stdout.write_through"),
        (["-X", "dev"], "sys.flags.dev_mode"),
        (["-X", "importtime"], "'importtime' in sys._xoptions"),
        (["-W", "error"], "'error' in sys.warnoptions"),
        (["-I"], "sys.flags.isolated"),
        (["-E", "-s", "-B", "-O"], "sys.flags.optimize and sys.flags.dont_write_bytecode"),
    ],
)
def test_options_with_the_eggs(options, expression):
    code = f"import sys, flask; assert {expression}"
    python(*options, "-c", code)


def test_warnings_are_errors_if_asked():
    result = python("-W", "error", "-c", "import warnings; warnings.warn('x')", code=1)
    assert "UserWarning: x" in result.stderr


def test_script_with_arguments_finds_its_neighbours(tmp_path):
    script(tmp_path, "value = 42\n", "neighbour.py")
    path = script(tmp_path, "import sys, neighbour\nprint(sys.argv[1:], sys.path[0])\n")
    assert python(path, "--host=x", "y", cwd="/").stdout == f"['--host=x', 'y'] {tmp_path}\n"


def test_script_on_standard_input():
    assert python("-", "a", stdin="import sys, flask; print(sys.argv)").stdout == "['-', 'a']\n"
    assert python(stdin="import flask; print(1)").stdout == "1\n"


def test_inspect_after_a_script(tmp_path):
    path = script(tmp_path, "found = 'yes' * 2\n")
    assert "yesyes" in python("-i", path, stdin="print(found)\n").stdout


def test_shebang(tmp_path):
    if " " in str(PYTHON):
        pytest.skip("a #! line cannot name a path with a space")
    path = script(tmp_path, f"#!{PYTHON}\nimport sys, flask\nprint(sys.argv[1:])\n")
    path.chmod(0o755)
    assert run([str(path), "a b"], cwd="/").stdout == "['a b']\n"


def test_modules():
    assert "pytest" in python("-m", "pytest", "--version").stdout
    result = python("-m", "flask", "--app", "portal:create_app", "routes", cwd="/")
    assert "/static/<path:filename>" in result.stdout


def test_pytest_as_a_module(tmp_path):
    script(tmp_path, "def test_it():\n    import flask\n", "test_it.py")
    assert "1 passed" in python("-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=tmp_path).stdout


def test_debugger(tmp_path):
    path = script(tmp_path, "import flask\nx = 6 * 7\n")
    assert "42" in python("-m", "pdb", path, stdin="next\nnext\np x\nquit\n", code=None).stdout


def test_debugger_of_a_command_stays_in_its_interpreter():
    """The script's header leads to another environment; a debugger must not be lost on the way."""
    result = python("-m", "pdb", PROJECT / "bin/serve", stdin="next\np 6 * 7\nquit\n", code=None)
    assert "42" in result.stdout


def test_what_it_starts_has_the_eggs():
    code = (
        "import subprocess, sys;"
        "subprocess.run([sys.executable, '-I', '-c', 'import flask, portal'], check=True)"
    )
    python("-c", code, cwd="/")


POOL = """\
import multiprocessing
from concurrent.futures import ProcessPoolExecutor


def work(number):
    import flask
    return number * 2


if __name__ == "__main__":
    context = multiprocessing.get_context({method!r})
    with context.Pool(2) as pool:
        print(pool.map(work, [1, 2]))
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        print(list(pool.map(work, [3, 4])))
"""


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_pools_of_processes(tmp_path, method):
    path = script(tmp_path, POOL.format(method=method))
    assert python(path).stdout == "[2, 4]\n[6, 8]\n"


def test_tools_see_a_virtual_environment():
    code = (
        "import json, sys, sysconfig; print(json.dumps([sys.prefix, sys.prefix != sys.base_prefix,"
        " sysconfig.get_path('purelib'), sys.executable]))"
    )
    prefix, virtual, packages, executable = json.loads(python("-c", code).stdout)
    assert prefix == str(PROJECT / "parts/python")
    assert virtual
    assert packages.startswith(prefix)
    assert executable == f"{prefix}/bin/python"


def test_sources_come_before_eggs():
    path = json.loads(python("-c", "import json, sys; print(json.dumps(sys.path))").stdout)
    first_egg = next(i for i, entry in enumerate(path) if "/eggs-" in entry)
    assert path.index(str(PROJECT / "src")) < first_egg


class Terminal:
    """An interpreter at the other end of a pseudo-terminal."""

    def __init__(self, *arguments, **environ):
        self.master, slave = pty.openpty()
        self.process = subprocess.Popen(
            [PYTHON, *arguments], stdin=slave, stdout=slave, stderr=slave, cwd="/",
            env={**clean_environ(), "TERM": "xterm", "PYTHON_BASIC_REPL": "1", **environ},
            start_new_session=True,
        )  # fmt: skip
        os.close(slave)
        self.said = ""

    def type(self, text):
        os.write(self.master, text.encode())

    def expect(self, pattern, seconds=20):
        end = time.monotonic() + seconds
        while not (found := re.search(pattern, self.said)):
            ready, _, _ = select.select([self.master], [], [], max(0, end - time.monotonic()))
            assert ready, f"{pattern!r} was not said: {self.said!r}"
            self.said += os.read(self.master, 4096).decode()
        self.said = self.said[found.end() :]

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.master)


@pytest.fixture
def terminal(tmp_path):
    terminal = Terminal(HOME=str(tmp_path), PYTHON_HISTORY=str(tmp_path / "history"))
    yield terminal
    terminal.close()


def test_prompt_has_history_and_completion(terminal):
    terminal.expect(">>> ")
    terminal.type("import flask; print(6 * 7)\n")
    terminal.expect("\n42")
    terminal.expect(">>> ")
    terminal.type("\x1b[A\n")  # the line above, again
    terminal.expect("\n42")
    terminal.expect(">>> ")
    terminal.type("flask.Fla\t\t")
    terminal.expect(r"flask\.Flask\b")
