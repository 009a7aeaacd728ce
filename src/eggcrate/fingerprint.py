"""What the last successful run of bin/buildout was made from, and what it has made.

If all of that is as it was, a run would change nothing, and there is none: zc.buildout is not even
imported. Who writes a fingerprint (:mod:`eggcrate.recording`) answers for what is in it.
"""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from eggcrate import probes

FORMAT = 1
# Not in parts-directory, which is not known before the configuration is read.
PLACE = Path("parts", "fingerprint.json")

Identity = dict[str, object]


def identity(root: Path, arguments: Sequence[str]) -> Identity:
    """Return what must be the same for two runs to be the same."""
    return {
        "format": FORMAT,
        "root": str(root),
        "arguments": list(arguments),
        "folder": os.getcwd(),  # noqa: PTH109
        "python": sys.version,
        "executable": sys.executable,
        "system": list(os.uname()),
        "variables": {name: probes.variable(name) for name in sorted(filter(_counts, os.environ))},
    }


def _counts(name: str) -> bool:
    """Tell whether a variable may tell zc.buildout or pip what to do."""
    return name == "HOME" or name.startswith(("BUILDOUT_", "PIP_"))


def said(root: Path, current: Identity) -> list[str] | None:
    """Return what the last run would say again, None if something may have changed since."""
    try:
        found = json.loads((root / PLACE).read_bytes())
        if found["identity"] == current and probes.hold(found["probes"]):
            return list(found["said"])
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        pass  # there is none, or none that can be read
    return None


def forget(root: Path) -> None:
    """Remove the fingerprint while a run lasts; a failed or killed run leaves it so."""
    (root / PLACE).unlink(missing_ok=True)


def warned(root: Path) -> list[str]:
    """Return the warnings of the last run, if that has ended well."""
    try:
        return list(json.loads((root / PLACE).read_bytes())["warned"])
    except (OSError, ValueError, LookupError, TypeError):
        return []


def leave(root: Path, warned: list[str]) -> None:
    """Write what is to be known of a run that has ended well and has no fingerprint."""
    _write(root, {"warned": warned})


def write(
    root: Path, current: Identity, warned: list[str], said: list[str], found: probes.Probes
) -> None:
    """Write the fingerprint of a run that has ended well."""
    _write(root, {"identity": current, "warned": warned, "said": said, "probes": found})


def _write(root: Path, value: object) -> None:
    from eggcrate import files  # imports what a run that is left out does without

    files.write(root / PLACE, json.dumps(value, indent=1) + "\n")
