import pytest

from eggcrate import eggs
from eggcrate.layout import layout, parents
from eggcrate.wheel import Wheel, WheelError
from support import crafted

DATA = "crate_thing-1.0.data"
BASE = eggs.name("Crate-Thing", "1.0")


def placed(folder, files):
    found = layout(Wheel.read(*crafted.wheel(folder, files)))
    return {path: name for path, name in found.items() if f"{BASE}.dist-info" not in path}


def test_modules_metadata_and_libraries(tmp_path):
    files = {
        "crate/a.py": "",
        f"{DATA}/purelib/crate/b.py": "",
        f"{DATA}/platlib/crate/c.so": "",
        f"{crafted.INFO}/licenses/LICENSE": "",
    }
    found = layout(Wheel.read(*crafted.wheel(tmp_path, files)))
    assert found == {
        "crate/a.py": "crate/a.py",
        "crate/b.py": f"{DATA}/purelib/crate/b.py",
        "crate/c.so": f"{DATA}/platlib/crate/c.so",
        f"{BASE}.dist-info/licenses/LICENSE": f"{crafted.INFO}/licenses/LICENSE",
        f"{BASE}.dist-info/METADATA": f"{crafted.INFO}/METADATA",
        f"{BASE}.dist-info/WHEEL": f"{crafted.INFO}/WHEEL",
    }


def test_what_pip_puts_elsewhere_is_left_out_but_programs(tmp_path):
    files = {
        f"{DATA}/scripts/script": "#!python\n",
        f"{DATA}/scripts/program": "\x7fELF",
        f"{DATA}/scripts/deep/program": "\x7fELF",
        f"{DATA}/data/share/man/x.1": "",
        f"{DATA}/headers/x.h": "",
    }
    assert placed(tmp_path, files) == {"bin/program": f"{DATA}/scripts/program"}


def test_bytecode_of_others_is_left_out(tmp_path):
    files = {"crate/__pycache__/a.cpython-311.pyc": "", "crate/old.pyc": "", "crate/a.py": ""}
    assert placed(tmp_path, files).keys() == {"crate/a.py", "crate/old.pyc"}


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ([f"{DATA}/nowhere/x"], "nobody knows where"),
        ([f"{DATA}/purelib"], "nobody knows where"),
        (["a.py", f"{DATA}/purelib/a.py"], "two files are to be a.py"),
        ([eggs.MARK], "two files are to be .eggcrate.json"),
        (["a", f"{DATA}/purelib/a/b"], "a is both a file and a folder"),
    ],
)
def test_what_has_no_place_is_refused(tmp_path, files, reason):
    with pytest.raises(WheelError, match=reason):
        placed(tmp_path, dict.fromkeys(files, "x"))


DECLARATIONS = {
    "pkg_resources": "__import__('pkg_resources').declare_namespace(__name__)\n",
    "pkgutil": "# of all\n\n__path__ = __import__('pkgutil').extend_path(__path__, __name__)\n",
    "long": "try:\n    __import__('pkg_resources').declare_namespace(__name__)\n"
    "except ImportError:\n    from pkgutil import extend_path\n"
    "    __path__ = extend_path(__path__, __name__)\n",
}


@pytest.mark.parametrize("declaration", DECLARATIONS.values(), ids=DECLARATIONS)
def test_namespaces_are_native(tmp_path, declaration):
    files = {"ns/__init__.py": declaration, "ns/crate/__init__.py": ""}
    assert placed(tmp_path, files).keys() == {"ns/crate/__init__.py"}


def test_what_is_no_mere_declaration_stays(tmp_path):
    declaration = DECLARATIONS["pkg_resources"]
    files = {
        "alone/__init__.py": "",
        "more/__init__.py": declaration,
        "more/module.py": "",
        "long/__init__.py": declaration + "x = 1\n" * 6,
        "other/__init__.py": "declare_namespace = 1; import pkg_resources\n"[:22],
    }
    assert placed(tmp_path, files) == {name: name for name in files}


def test_parents():
    assert list(parents("a/b/c")) == ["a/b", "a"]
    assert list(parents("a")) == []
