"""Settings files: TOML, JSON and Flask's Python syntax."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from carboy.errors import did_you_mean
from carboy.options import BY_NAME
from carboy.settings.model import Given, Provenance

SERVER = "server"


def given_in(path: Path, source: str, problems: list[str]) -> list[Given]:
    """Return the server options and settings in a file; what is wrong goes to `problems`."""
    parse = _PARSERS.get(path.suffix.lower())
    if parse is None:
        kinds = ", ".join(_PARSERS)
        problems.append(f"{source}: unknown kind of settings file; expected {kinds}")
        return []
    try:
        content = parse(path)
    except ValueError as error:
        problems.append(f"{source}: {error}")
        return []
    return list(_given(content, Provenance("file", source), problems))


def _given(content: dict[str, Any], origin: Provenance, problems: list[str]) -> Iterator[Given]:
    server = content.pop(SERVER, {})
    if not isinstance(server, dict):
        problems.append(f"{SERVER}: expected a table of server options ({origin})")
        server = {}
    for name, value in server.items():
        problem = _option_problem(name)
        if problem:
            problems.append(f"[{SERVER}] {name}: {problem} ({origin})")
        else:
            yield Given((name,), value, origin)
    for key, value in content.items():
        if key.isupper():
            yield Given((key,), value, origin)
        else:
            problems.append(f"{key}: {_stray(key, content)} ({origin})")


def _option_problem(name: str) -> str | None:
    option = BY_NAME.get(name)
    if option is None:
        known = (option.name for option in BY_NAME.values() if option.in_file)
        return f"unknown server option{did_you_mean(name, known)}"
    if not option.in_file:
        return "cannot be set in a file; it decides which files are read"
    return None


def _stray(key: str, content: dict[str, Any]) -> str:
    if key in BY_NAME:
        return f"a server option belongs into the table [{SERVER}]"
    if not isinstance(content[key], dict):
        return f"settings are written in upper case; did you mean {key.upper()}?"
    return f"unknown table{did_you_mean(key, [SERVER])}"


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"is not UTF-8: {error.reason} at byte {error.start}") from None


def parse_toml(path: Path) -> dict[str, Any]:
    """Return the content of a TOML file; raises ValueError in one line."""
    import tomllib

    return tomllib.loads(_text(path))


def _parse_json(path: Path) -> dict[str, Any]:
    content = json.loads(_text(path))
    if not isinstance(content, dict):
        raise ValueError("expected an object with a key for each setting")
    return content


def _parse_python(path: Path) -> dict[str, Any]:
    """Return the upper-case names of a Python file, as Flask's `from_pyfile` does."""
    names: dict[str, Any] = {"__file__": str(path), "__name__": "config"}
    try:
        exec(compile(_text(path), str(path), "exec"), names)  # noqa: S102  # the format is Python
    except (Exception, SystemExit) as error:
        line = _line(error, path)
        if line is None:  # the file itself could not be read
            raise
        raise ValueError(f"line {line}: {_summary(error)}") from None
    return {name: value for name, value in names.items() if name.isupper()}


def _line(error: BaseException, path: Path) -> int | None:
    """Return the line of the settings file that an error came from."""
    from traceback import extract_tb  # only ever needed on the way to an error

    if isinstance(error, SyntaxError) and error.filename == str(path):
        return error.lineno
    frames = extract_tb(error.__traceback__)
    return next((frame.lineno for frame in reversed(frames) if frame.filename == str(path)), None)


def _summary(error: BaseException) -> str:
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    return " ".join(f"{type(error).__name__}: {text}".split())


_PARSERS: dict[str, Callable[[Path], dict[str, Any]]] = {
    ".toml": parse_toml,
    ".json": _parse_json,
    ".cfg": _parse_python,
    ".py": _parse_python,
}
