import importlib.util
import os
import subprocess
import sys
from importlib.machinery import EXTENSION_SUFFIXES, PathFinder

import pytest

from eggcrate import bytecode, eggs

# Sets of constants, a name and characters that other modules have, too, and a warning.
SOURCE = b"""\
def load(a):
    if a in {"CONTENT_TYPE", "CONTENT_LENGTH", "path"} or a not in {"CONTENT_TYPE"}:
        return a[1:2], "\\d", (1, (2.0, "path")), b"x", __file__
    return a in {"CONTENT_LENGTH", "CONTENT_TYPE", "path"}, "not interned !", a.used_once
def characters(a):
""" + b"".join(b"    yield f'{a}\\x%02x'\n" % n for n in range(256))

COMPILE = """\
import hashlib, sys
if sys.argv[2:]:
    import argparse, decimal, http.client, unittest
    interned = [sys.intern(text) for text in ("", *map(chr, range(256)))]
    kept = compile("CONTENT_TYPE = {'path', 'load'}; a.used_once", "x", "exec")
from eggcrate import bytecode
print(hashlib.sha256(bytecode.compiled(open(sys.argv[1], "rb").read(), "a/b.py", 1)).hexdigest())
"""


def test_where_bytecode_belongs():
    for source in ("a.py", "b/c.d.py", "b/__init__.py"):
        found = bytecode.path(source)
        assert found == importlib.util.cache_from_source(source)
        assert bytecode.is_bytecode(found)
        assert bytecode.source(found) == source
    for other in ("a.pyc", f"a.{bytecode.TAG}.pyc", "__pycache__/a.cpython-20.pyc"):
        assert not bytecode.is_bytecode(other)


def test_what_an_extension_module_comes_before_needs_none(tmp_path):
    for suffix in EXTENSION_SUFFIXES:
        files = {"crate/a.py", f"crate/a{suffix}", f"crate/b.c{suffix}", f"deep/b{suffix}"}
        for file in [*files, "crate/b.py"]:
            (tmp_path / file).parent.mkdir(exist_ok=True)
            (tmp_path / file).touch()
        assert not bytecode.is_wanted("crate/a.py", files)
        assert bytecode.is_wanted("crate/b.py", files)
        assert not bytecode.is_wanted(f"crate/a{suffix}", files)
        for name, wanted in (("a", suffix), ("b", ".py")):
            spec = PathFinder.find_spec(name, [str(tmp_path / "crate")])
            assert spec.origin == str(tmp_path / f"crate/{name}{wanted}")
        (tmp_path / f"crate/a{suffix}").unlink()


def test_python_takes_it_for_the_source_of_that_time_and_size(tmp_path):
    source = tmp_path / "module.py"
    source.write_bytes(b"def f():\n    return __file__, f.__code__.co_filename\n")
    os.utime(source, (2**32 + 5, 2**32 + 5))
    data = bytecode.compiled(source.read_bytes(), "elsewhere.py", 2**32 + 5)
    assert bytecode.mtime(data) == 5
    compiled = tmp_path / bytecode.path("module.py")
    compiled.parent.mkdir()
    compiled.write_bytes(data)
    program = "import module; print(module.__cached__, *module.f())"
    command = [sys.executable, "-v", "-B", "-c", program]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(compiled), str(source), str(source)]
    assert f"matches {source}" in done.stderr


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="slices are constants there")
def test_the_same_source_gives_the_same_bytes_in_any_process(tmp_path):
    source = tmp_path / "source.py"
    source.write_bytes(SOURCE)
    path = os.pathsep.join(sys.path)
    found = {
        subprocess.run(
            [sys.executable, "-c", COMPILE, source, *other], check=True, capture_output=True,
            env={**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": seed},
        ).stdout
        for seed, other in (("0", []), ("1", []), ("2", ["other"]), ("3", ["other"]))
    }  # fmt: skip
    assert len(found) == 1


@pytest.mark.parametrize("source", [b"print 'x'\n", b"{{ x }\n", b"\0", b"\xff", b"(" * 500])
def test_what_cannot_be_compiled_is_left_alone(source, capfd):
    assert bytecode.compiled(source, "x.py", 1) is None
    assert capfd.readouterr() == ("", "")


def test_a_warning_of_the_compiler_is_nobodys(capfd, recwarn):
    assert bytecode.compiled(b'x = "\\d" is 1\n', "x.py", 1)
    assert capfd.readouterr() == ("", "")
    assert not recwarn


# --- eggs of zc.buildout's own ---


def make(path, name="module.py"):
    path.mkdir()
    (path / name).write_text("x = 1\n")
    return path


def compiled(path):
    return [file.name for file in path.rglob("*.pyc")]


def test_eggs_are_compiled_once_and_nothing_else(tmp_path):
    egg, source = make(tmp_path / "a.egg"), make(tmp_path / "src")
    ours = make(tmp_path / "b.egg")
    (ours / eggs.MARK).touch()
    bytecode.ensure([str(egg), str(source), str(ours), str(tmp_path / "missing.egg")])
    [name] = compiled(egg)
    assert name.startswith("module.")
    assert compiled(source) == compiled(ours) == []
    (egg / "__pycache__" / name).unlink()
    bytecode.ensure([str(egg)])
    assert compiled(egg) == []


def test_files_for_another_python_are_no_error(tmp_path, capfd):
    egg = make(tmp_path / "a.egg")
    (egg / "old.py").write_text("print 'x'\n")
    bytecode.ensure([str(egg)])
    assert len(compiled(egg)) == 1
    assert capfd.readouterr() == ("", "")
