"""`serve config`: print every option and setting, its layer and its source; secrets masked."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, TextIO

from carboy.options import OPTIONS
from carboy.settings import Resolved
from carboy.settings.masking import masked

HEADINGS = ("name", "value", "layer", "source")


def run(resolved: Resolved, *, as_json: bool, stream: TextIO, errors: TextIO | None = None) -> int:
    """Print what was resolved to `stream` and its problems to `errors` (stderr).

    Pass what `resolve(strict=False)` returned. Returns 1 if there are problems, else 0.
    """
    stream.write(_document(resolved) if as_json else _table(resolved))
    for problem in resolved.problems:
        print(problem, file=errors or sys.stderr)
    return 1 if resolved.problems else 0


def _options(resolved: Resolved) -> dict[str, Any]:
    values = vars(resolved.options)
    names = (option.name for option in OPTIONS if option.name in values)
    return {name: masked(values[name]) for name in names}


def _settings(resolved: Resolved) -> dict[str, Any]:
    return dict(sorted(resolved.settings.masked().items()))


def _document(resolved: Resolved) -> str:
    content = {
        "environment": resolved.env,
        "options": _with_origin(resolved, _options(resolved)),
        "settings": _with_origin(resolved, _settings(resolved)),
        "problems": list(resolved.problems),
    }
    return json.dumps(content, indent=2, default=_plain, ensure_ascii=False) + "\n"


def _with_origin(resolved: Resolved, values: dict[str, Any]) -> dict[str, Any]:
    return {
        name: {
            "value": value,
            "layer": resolved.provenance[name].layer,
            "source": resolved.provenance[name].source,
        }
        for name, value in values.items()
    }


def _plain(value: Any) -> Any:
    """Return as JSON what only Python knows."""
    return value.total_seconds() if isinstance(value, timedelta) else str(value)


def _table(resolved: Resolved) -> str:
    rows = [HEADINGS, *_rows(resolved)]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = ("  ".join([*map(str.ljust, row, widths), row[3]]) for row in rows)
    return "".join(line.rstrip() + "\n" for line in lines)


def _rows(resolved: Resolved) -> Iterator[tuple[str, str, str, str]]:
    for name, value in (_options(resolved) | _settings(resolved)).items():
        origin = resolved.provenance[name]
        yield name, _shown(value), origin.layer, origin.source


def _shown(value: Any) -> str:
    """Return a value in one line, text without quotes where that is plain."""
    if value is None or value == () or value == []:
        return "-"
    if isinstance(value, str) and value.isprintable() and value == value.strip() != "":
        return value
    return json.dumps(value, default=_plain, ensure_ascii=False)
