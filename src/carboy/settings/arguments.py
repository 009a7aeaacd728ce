"""The layers that a caller hands over: `--set KEY=VALUE`, and the factory's mapping."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from carboy.options import BY_NAME
from carboy.settings.declarations import is_key
from carboy.settings.model import Given, Provenance

COMMAND_LINE: Final = "command line"


def options_of(command: Mapping[str, Any]) -> Iterator[Given]:
    """Yield the server options that stand on the command line."""
    for name, value in command.items():
        if value is not None:
            yield Given((name,), value, Provenance(COMMAND_LINE, _flag(name, value)))


def _flag(name: str, value: Any) -> str:
    option = BY_NAME.get(name)
    flag = option.flags[0] if option else f"--{name}"
    return f"--no-{flag[2:]}" if option and option.boolean and value is False else flag


def settings_of(sets: Sequence[str], problems: list[str]) -> Iterator[Given]:
    """Yield the settings of `--set`; `KEY__part=VALUE` sets a part of a dict."""
    for text in sets:
        key, equals, value = text.partition("=")
        path = tuple(key.split("__"))
        if equals and is_key(path[0]) and all(path):
            yield Given(path, value, Provenance(COMMAND_LINE, f"--set {key}"), "text")
        else:
            # Without the value: it may be a secret.
            problems.append(f"--set {key}: {_bad_key(key)} ({COMMAND_LINE} --set)")


def _bad_key(key: str) -> str:
    option = BY_NAME.get(key)
    if option:
        return f"is a server option: use {option.flags[0]}"
    return "expected KEY=VALUE with a KEY in upper case"


def settings_in_mapping(mapping: Mapping[str, Any], problems: list[str]) -> Iterator[Given]:
    """Yield the settings that a caller gives the factory."""
    for key, value in mapping.items():
        if is_key(key):
            yield Given((key,), value, Provenance("mapping", "factory"))
        else:
            problems.append(f"{key}: settings are written in upper case (mapping factory)")
