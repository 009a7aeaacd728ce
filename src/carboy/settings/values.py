"""Turn what a source gives into the type that a declaration asks for."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, NoReturn

from carboy.casts import boolean
from carboy.settings.model import Form

# What a declaration may name, and how an error calls it. `any` is the type of what a foreign
# application is given without a declaration.
TYPES = {
    "str": "a string",
    "int": "int",
    "float": "a number",
    "bool": "true or false",
    "seconds": "a number of seconds",
    "list": 'a list, such as ["a", "b"]',
    "dict": 'a table, such as {"a": 1}',
    "path": "a path",
    "any": "a value",
}


def convert(kind: str, value: Any, *, form: Form, root: Path) -> Any:
    """Return `value` as a `kind`; None stays None, which is "not set".

    Raises ValueError; the message says what was expected, but never the value: it may be secret.
    """
    try:
        if form != "native":
            value = _parse(kind, value, form)
        return None if value is None else _CHECKS[kind](value, root)
    except (TypeError, ValueError):
        raise ValueError(f"expected {TYPES[kind]}") from None


def _parse(kind: str, text: str, form: Form) -> Any:
    """Read text: JSON if that gives the declared type, else the text for a string."""
    if kind == "bool":
        return boolean(text)
    if kind not in ("str", "path", "any"):
        return parse_json(text)
    if form == "verbatim":
        return text
    try:
        value = parse_json(text)
    except ValueError:
        return text
    return value if kind == "any" or isinstance(value, str) else text


def parse_json(text: str) -> Any:
    """Return the value of strict JSON; NaN and Infinity are words, not numbers."""
    return json.loads(text, parse_constant=_refuse)


def _refuse(word: str) -> NoReturn:
    raise ValueError(word)


def _exactly(*types: type) -> Callable[[Any, Path], Any]:
    def check(value: Any, _root: Path) -> Any:
        if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
            raise TypeError
        return value

    return check


def _float(value: Any, root: Path) -> float:
    return float(_exactly(int, float)(value, root))


def _list(value: Any, root: Path) -> list[Any]:
    return list(_exactly(list, tuple, set, frozenset)(value, root))


def _dict(value: Any, _root: Path) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise TypeError
    return dict(value)


def _path(value: Any, root: Path) -> Path:
    if not value or not isinstance(value, str | os.PathLike):
        raise TypeError
    return Path(os.path.normpath(root / os.fspath(value)))


_CHECKS: dict[str, Callable[[Any, Path], Any]] = {
    "str": _exactly(str, bytes),  # Flask signs with a SECRET_KEY of bytes as well
    "int": _exactly(int),
    "float": _float,
    "bool": _exactly(bool),
    "seconds": _exactly(int, float, timedelta),
    "list": _list,
    "dict": _dict,
    "path": _path,
    "any": lambda value, _root: value,
}
