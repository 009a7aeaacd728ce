import importlib.util
import marshal
import os
import subprocess
import sys
from pathlib import Path

import pytest

from eggcrate import bytecode
from eggcrate.release import compiled

SOURCE = "def greet(name):\n    return f'hello {name}'\n"


@pytest.fixture
def module(tmp_path):
    path = tmp_path / "greeting.py"
    path.write_text(SOURCE)
    return path


def place(data, path):
    target = Path(importlib.util.cache_from_source(path))
    target.parent.mkdir(exist_ok=True)
    target.write_bytes(data)


def test_it_is_used_whatever_the_date_of_the_source(module):
    place(compiled.of("eggs/x.egg/greeting.py", module, marked=False), module)
    os.utime(module, (1, 1))
    command = [sys.executable, "-v", "-B", "-c", "import greeting; print(greeting.greet.__code__)"]
    environ = {"PYTHONPATH": str(module.parent)}
    result = subprocess.run(command, env=environ, capture_output=True, text=True, check=True)
    assert f"code object from '{importlib.util.cache_from_source(module)}'" in result.stderr
    assert f'file "{module}"' in result.stdout  # the name is the one where it lies now


def test_what_a_marked_egg_has_is_taken(module):
    place(bytecode.compiled(SOURCE.replace("hello", "hullo").encode(), "m.py", 1), module)
    data = compiled.of("greeting.py", module, marked=True)
    assert marshal.loads(data[16:]).co_filename == "m.py"
    assert data[4:16] == b"\x01\0\0\0" + importlib.util.source_hash(SOURCE.encode())


def test_what_was_not_compiled_there_is_not_compiled_here(module):
    assert compiled.of("greeting.py", module, marked=True) is None


def test_what_is_for_another_python_is_left_out(module):
    module.write_text("print 'hello'\n")
    assert compiled.of("greeting.py", module, marked=False) is None


def test_what_another_egg_has_is_not_trusted(module):
    place(bytecode.compiled(b"import os\n", "m.py", 1), module)
    data = compiled.of("greeting.py", module, marked=False)
    assert "greet" in marshal.loads(data[16:]).co_names


def test_the_same_source_gives_the_same_bytes_in_any_process(module):
    module.write_text("x = ']' in set('a]') and (']', 'name', 1.5, other.name)\n")
    code = (
        "{} = __import__('sys').intern; y = [{}(']'), {}('name'), {}('other')]\n"
        "import hashlib, pathlib, sys\nfrom eggcrate.release import compiled\n"
        "data = compiled.of('m.py', pathlib.Path(sys.argv[1]), marked=False)\n"
        "print(hashlib.sha256(data).hexdigest())\n"
    )
    environ = {"PYTHONPATH": os.pathsep.join(sys.path)}
    found = {
        subprocess.check_output([sys.executable, "-c", code, module], env=environ | more)
        for code in (code.replace("{}", "f"), code.partition("\n")[2])
        for more in ({"PYTHONHASHSEED": "1"}, {"PYTHONHASHSEED": "2"})
    }
    assert len(found) == 1
