"""What a release runs on: the Python and the platform that it was made with."""

import importlib.machinery
import os
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from eggcrate import environment

_GLIBC = re.compile(r"manylinux(?:_(\d+)_(\d+)|(1|2010|2014))_")
# PEP 600 maps the old names.
_OLD_GLIBC = {"1": (2, 5), "2010": (2, 12), "2014": (2, 17)}


@dataclass(frozen=True)
class Target:
    """What has to be there where the release is started.

    ``extension`` is the suffix of compiled modules: it names implementation, version, ABI and on
    Linux machine and C library. ``glibc`` is the oldest one that all compiled modules run with.
    """

    python: str
    extension: str
    system: str
    machine: str
    glibc: str
    base: environment.Base

    @classmethod
    def current(cls, eggs: Iterable[Path]) -> "Target":
        """Return the target of the running build environment, for what is in ``eggs``."""
        return cls(
            python="{}.{}".format(*sys.version_info),
            extension=importlib.machinery.EXTENSION_SUFFIXES[0],
            system=sys.platform,
            machine=os.uname().machine,
            glibc=oldest_glibc(eggs),
            base=versioned(environment.Base.current()),
        )

    def needs(self) -> dict[str, str]:
        """Return what shipped/release_fit.py compares with the Python that it runs in."""
        return {
            "python": self.python,
            "extension": self.extension,
            "system": self.system,
            "machine": self.machine,
            "glibc": self.glibc,
        }


def versioned(base: environment.Base) -> environment.Base:
    """Return the base by a name that says its version.

    /usr/bin/python3 is another Python after an upgrade of the system; /usr/bin/python3.11 is not.
    """
    path = Path(base.home, "python{}.{}".format(*sys.version_info) + sys.abiflags)
    if path.exists() and path.samefile(base.executable):
        return environment.Base(str(path), base.home)
    return environment.Base(str(Path(base.executable).resolve()), base.home)


def oldest_glibc(eggs: Iterable[Path]) -> str:
    """Return the oldest glibc that the compiled modules in ``eggs`` run with; "" if any does.

    A wheel says so in its tags; what was compiled here needs the one that is here.
    """
    needed = (0, 0)
    for egg in eggs:
        for path in egg.glob("*.dist-info/WHEEL"):
            text = path.read_text("utf-8", "replace")
            tags = re.findall(r"^Tag: *(\S+)", text, re.MULTILINE)
            needed = max(needed, min(map(_glibc_of, tags), default=(0, 0)))
    return ".".join(map(str, needed)) if any(needed) else ""


def _glibc_of(tag: str) -> tuple[int, int]:
    platform = tag.rpartition("-")[2]
    if platform.startswith("linux_"):
        return _running_glibc()
    versions = [
        _OLD_GLIBC[old] if old else (int(major), int(minor))
        for major, minor, old in _GLIBC.findall(platform)
    ]
    return min(versions, default=(0, 0))


def _running_glibc() -> tuple[int, int]:
    try:
        said = os.confstr("CS_GNU_LIBC_VERSION") or ""
    except ValueError:
        said = ""
    found = re.fullmatch(r"glibc (\d+)\.(\d+).*", said)
    return (int(found[1]), int(found[2])) if found else (0, 0)
