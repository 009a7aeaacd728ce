"""Where the files of a wheel belong in an egg: as zc.buildout and pip lay them out.

What pip would install outside (data, headers, scripts of Python) is not part of an egg; nor is the
``__init__.py`` of a namespace, as namespaces are native ones in eggs (PEP 420).
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping

from eggcrate import binaries, eggs
from eggcrate.wheel import Wheel, WheelError

_DROPPED = ("data", "headers")  # schemes
_NAMESPACES = (("pkg_resources", "declare_namespace"), ("pkgutil", "extend_path"))


def layout(wheel: Wheel) -> dict[str, str]:
    """Return path in the egg -> name in the wheel. Raise ``WheelError``."""
    placed: dict[str, str] = {}
    for name in wheel.members:
        path = _place(wheel, name)
        if path is None:
            continue
        if path in placed or path == eggs.MARK:
            raise WheelError(f"{wheel.file.name} is refused: two files are to be {path}")
        placed[path] = name
    folders = {folder for path in placed for folder in parents(path)}
    for path in folders & placed.keys():
        raise WheelError(f"{wheel.file.name} is refused: {path} is both a file and a folder")
    for path in list(_namespaces(wheel, placed)):
        del placed[path]
    return placed


def parents(path: str) -> Iterator[str]:
    """Yield the folders that a relative path lies in, the innermost first."""
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path


def _place(wheel: Wheel, name: str) -> str | None:
    """Return where a file belongs, None for nowhere."""
    top, _, rest = name.partition("/")
    if name.endswith(".pyc") and "__pycache__/" in name:
        return None  # who knows what it was compiled from
    if top == wheel.info:
        return f"{eggs.name(wheel.name, wheel.version)}.dist-info/{rest}"
    return _place_data(wheel, name, rest) if top.endswith(".data") else name


def _place_data(wheel: Wheel, name: str, rest: str) -> str | None:
    scheme, _, path = rest.partition("/")
    if path and scheme in ("purelib", "platlib"):
        return path
    if path and scheme == "scripts":
        # Scripts are made by entry points; other programs are what the wheel is about.
        is_binary = "/" not in path and not wheel.begins(name, b"#!")
        return f"{binaries.FOLDER}/{path}" if is_binary else None
    if path and scheme in _DROPPED:
        return None
    raise WheelError(f"{wheel.file.name} is refused: nobody knows where {name!r} belongs")


def _namespaces(wheel: Wheel, placed: Mapping[str, str]) -> Iterator[str]:
    """Yield each ``__init__.py`` that is alone in its folder and only declares a namespace."""
    folders: dict[str, list[str]] = defaultdict(list)
    for path in placed:
        folder, _, file = path.rpartition("/")
        folders[folder].append(file)
    for folder, files in folders.items():
        path = f"{folder}/__init__.py" if folder else "__init__.py"
        if files == ["__init__.py"] and _declares_namespace(wheel.content(placed[path])):
            yield path


def _declares_namespace(source: bytes) -> bool:
    """Judge as zc.buildout's ``check_namespace_init_file`` does."""
    stripped = [line.strip() for line in source.decode(errors="replace").splitlines()]
    lines = [line for line in stripped if line and not line.startswith("#")]
    return len(lines) <= 6 and any(_declared(lines, *pair) for pair in _NAMESPACES)


def _declared(lines: list[str], module: str, function: str) -> bool:
    first = next((i for i, line in enumerate(lines) if module in line), len(lines))
    return any(function in line for line in lines[first:])
