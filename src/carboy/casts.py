"""From what a person writes to a value, or a `ValueError` that says what was expected."""

import math
from collections.abc import Callable
from ipaddress import ip_network
from typing import Any

from carboy.errors import did_you_mean

ENVIRONMENTS = ("development", "testing", "production")

Cast = Callable[[Any], Any]


def text(value: Any) -> str:
    """Return a text that is not empty."""
    if not isinstance(value, str) or not value:
        raise ValueError(f"expected a text, got {value!r}")
    return value


def choice(*names: str) -> Cast:
    """Return a cast to one of some names."""
    expected = f"{', '.join(names[:-1])} or {names[-1]}"

    def cast(value: Any) -> str:
        if value in names:
            return str(value)
        hint = did_you_mean(str(value), names)
        raise ValueError(f"expected {expected}, got {value!r}{hint}")

    return cast


environment = choice(*ENVIRONMENTS)


def _whole(value: Any) -> int:
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit():
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError
    return value


def number(least: int, most: int | None = None) -> Cast:
    """Return a cast to a whole number within limits."""
    limits = f"from {least} to {most}" if most is not None else f"of {least} or more"

    def cast(value: Any) -> int:
        try:
            found = _whole(value)
        except ValueError:
            found = least - 1
        if found < least or (most is not None and found > most):
            raise ValueError(f"expected a whole number {limits}, got {value!r}")
        return found

    return cast


def seconds(value: Any) -> float:
    """Return a finite number of seconds, 0 or more."""
    try:
        duration = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        duration = math.nan
    if not 0 <= duration < math.inf:
        raise ValueError(f"expected seconds, a number of 0 or more, got {value!r}")
    return duration


def proxy(value: Any) -> str:
    """Return an address, a network or `unix`, which stands for all peers on Unix sockets."""
    try:
        return value if value == "unix" else str(ip_network(text(value)))
    except ValueError as error:
        hint = f" ({error})" if "host bits" in str(error) else ""
        raise ValueError(f"expected an address, a network or unix, got {value!r}{hint}") from None


_WORDS = {"1": True, "true": True, "yes": True, "on": True}
_WORDS |= {"0": False, "false": False, "no": False, "off": False}


def boolean(value: Any) -> bool:
    """Return the truth of a bool, or of one of the usual words for one."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in _WORDS:
        return _WORDS[value.strip().lower()]
    raise ValueError(f"expected true or false, got {value!r}")
