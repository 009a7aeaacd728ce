"""Distributions of every kind that a buildout may meet, each as small as it can be."""

from pathlib import Path

from support.wheels import sdist, setup_py, wheel

GREETER = """\
import sys


def greet(*args, **kwargs):
    print("greet", sys.argv[1:], args, sorted(kwargs.items()))


def shout():
    try:
        import bullhorn
    except ImportError:
        return "no bullhorn"
    print(bullhorn.loud("shout"))
"""
BULLHORN = """\
version = "{}"


def main():
    print(loud("horn"))


def loud(word):
    return word.upper() + version
"""
SWITCHER = """\
def load(buildout):
    section = buildout["buildout"]
    name = section["switch"]
    section["develop"] += "\\n" + name
    buildout[name] = {"recipe": "zc.recipe.egg", "eggs": name}
    section["parts"] += "\\n" + name


def unload(buildout):
    print("Switched back.")
"""
PKGUTIL = "__path__ = __import__('pkgutil').extend_path(__path__, __name__)\n"
PKG_RESOURCES = "__import__('pkg_resources').declare_namespace(__name__)\n"


def fill(folder: Path) -> None:
    """Write the distributions into a folder that `find-links` may name."""
    folder.mkdir(parents=True, exist_ok=True)
    _commands(folder)
    _namespaces(folder)
    _sources(folder)
    _extensions(folder)


def _commands(folder: Path) -> None:
    wheel(
        folder,
        "greeter",
        files={"greeter.py": GREETER},
        requires=[
            'seldom; python_version < "3"',
            'always; python_version >= "3"',
        ],
        extras={"loud": ["bullhorn >= 1"]},
        entry_points="[console_scripts]\ngreet = greeter:greet\nshout = greeter:shout\n",
    )
    wheel(folder, "always", files={"always.py": "word = 'always'\n"})
    for version in ("1.0", "2.0", "3.0b1"):
        wheel(
            folder,
            "bullhorn",
            version,
            files={"bullhorn.py": BULLHORN.format(version)},
            entry_points="[console_scripts]\nhorn = bullhorn:main\n",
        )
    # The name in its metadata is spelt differently from that of its file.
    wheel(
        folder,
        "Dotted.Name",
        "2.0",
        files={"dotted_name/__init__.py": "def main():\n    print('dotted')\n"},
        entry_points="[console_scripts]\ndotted = dotted_name:main\n",
    )
    wheel(
        folder,
        "bundle",
        files={"bundle.py": "def main():\n    print('bundle')\n"},
        requires=["greeter", "dotted-name"],
        entry_points="[console_scripts]\nbundle = bundle:main\n",
    )
    wheel(folder, "fussy", files={"fussy.py": ""}, requires=["bullhorn < 2"])


def _namespaces(folder: Path) -> None:
    for part in ("one", "two"):
        module = f"name = 'native {part}'\n"
        wheel(folder, f"native.{part}", files={f"native/{part}/__init__.py": module})
        module = f"name = 'old {part}'\n"
        files = {"old/__init__.py": PKGUTIL, f"old/{part}.py": module}
        wheel(folder, f"old.{part}", files=files)
        files = {"older/__init__.py": PKG_RESOURCES, f"older/{part}.py": f"name = 'older {part}'\n"}
        wheel(folder, f"older.{part}", files=files, metadata={"namespace_packages.txt": "older\n"})


def _sources(folder: Path) -> None:
    for name in ("unbuilt", "tailored"):
        text = f"import sys\n\n\ndef main():\n    print({name!r}, sys.argv[1:])\n"
        setup = setup_py(name, modules=[name], console=[f"{name} = {name}:main"])
        sdist(folder, name, files={f"{name}.py": text, "setup.py": setup})


def _extensions(folder: Path) -> None:
    wheel(
        folder,
        "switcher",
        files={"switcher.py": SWITCHER},
        entry_points="[zc.buildout.extension]\ndefault = switcher:load\n"
        "[zc.buildout.unloadextension]\ndefault = switcher:unload\n",
    )
