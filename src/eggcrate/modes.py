"""How strict the build is: the option ``eggcrate`` of ``[buildout]``."""

from enum import StrEnum
from typing import Any


class Mode(StrEnum):
    """What may get into the folder of eggs."""

    LOCKED = "locked"  # what versions.lock has
    UNLOCKED = "unlocked"  # beyond it what the index offers, with a warning
    OFF = "off"  # whatever zc.buildout fetches by itself, with a warning


def of(buildout: Any) -> Mode:
    """Return the mode of a buildout; raise ``UserError`` for one that there is not."""
    # Through the section, not the raw data: an option that nobody reads is reported as unused.
    value = buildout["buildout"].get("eggcrate", Mode.LOCKED)
    try:
        return Mode(value)
    except ValueError:
        raise _unknown(value) from None


def _unknown(value: str) -> Exception:
    import zc.buildout

    error: Exception = zc.buildout.UserError(
        f"[buildout] eggcrate = {value}: there is only {', '.join(Mode)}"
    )
    return error
