"""Errors in one line, for those who do not read the log."""

import re

_PLACE = re.compile(r'\s+File "([^"]+)", line (\d+)')


def in_short(text: str) -> str:
    """Return a traceback's exception and place, or the first line of any other text."""
    lines = [line for line in text.splitlines() if line.strip()]
    # What the exception says may have lines of its own; the frames before it are indented.
    frames = [number for number, line in enumerate(lines) if line.startswith("  ")]
    if not lines or not lines[0].startswith("Traceback") or not frames:
        return lines[0] if lines else "no reason is known"
    said = lines[frames[-1] + 1 :] or [lines[-1]]
    places = [match for match in map(_PLACE.match, lines) if match]
    where = f" ({places[-1][1]}:{places[-1][2]})" if places else ""
    return f"{said[0]}{where}"
