"""Figures of many workers as those of one: also of workers that have ended."""

from collections.abc import Iterable, Mapping
from itertools import zip_longest
from typing import Any

# What grows for as long as a worker lives; the rest says how things are now.
GROWING = ("requests", "seconds", "seconds_sum", "refused", "log_lost")

Figures = dict[str, Any]


def total(parts: Iterable[Mapping[str, Any]]) -> Figures:
    """Return the sum of figures: numbers, lists of numbers and dicts of numbers, by name."""
    result: Figures = {}
    for part in parts:
        for name, value in part.items():
            result[name] = _plus(result[name], value) if name in result else value
    return result


def _plus(one: Any, other: Any) -> Any:
    if isinstance(one, dict):
        names = {**one, **other}
        return {name: one.get(name, 0) + other.get(name, 0) for name in names}
    if isinstance(one, list):
        # A worker of another version may have more buckets.
        return [a + b for a, b in zip_longest(one, other, fillvalue=0)]
    return one + other


def growing(figures: Mapping[str, Any]) -> Figures:
    """Return what of some figures stays true when their worker has ended."""
    return {name: figures[name] for name in GROWING if name in figures}
