"""What is locked for: CPython 3.11 to 3.14 on Linux (glibc and musl) and macOS, x86-64 and arm64.

A file counts if one of these targets could use it, however old or new its libc or its macOS is.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product

from packaging.markers import Marker
from packaging.specifiers import SpecifierSet

from eggcrate.filenames import is_source

MINORS = (11, 12, 13, 14)

# Of the names of platforms (PEP 425, 600, 656) and what they stand for here.
_PLATFORMS = {
    "linux-x86_64": re.compile(r"(manylinux\w*|linux)_x86_64"),
    "linux-aarch64": re.compile(r"(manylinux\w*|linux)_aarch64"),
    "musl-x86_64": re.compile(r"(musllinux_\w+|linux)_x86_64"),
    "musl-aarch64": re.compile(r"(musllinux_\w+|linux)_aarch64"),
    "macos-x86_64": re.compile(r"macosx_\d+_\d+_(x86_64|universal2|universal|intel|fat64)"),
    "macos-arm64": re.compile(r"macosx_\d+_\d+_(arm64|universal2)"),
}
# The first and a last patch release: "python_full_version < '3.11.3'" holds for one of them.
_PATCHES = (0, 99)
_CPYTHON = re.compile(r"cp3(\d+)")
_GENERIC = re.compile(r"py3(\d*)")


@dataclass(frozen=True)
class Target:
    """An interpreter of a platform."""

    minor: int
    platform: str

    def __str__(self) -> str:
        return f"Python 3.{self.minor} {self.platform}"

    def may_be(self, marker: Marker | None, extras: Iterable[str] = ()) -> bool:
        """Tell whether a marker holds, for some patch release and one of the extras or none."""
        return marker is None or any(
            marker.evaluate({**environment, "extra": extra})
            for environment in self._environments
            for extra in ("", *extras)
        )

    def runs(self, requires_python: SpecifierSet) -> bool:
        """Tell whether some patch release is one of those that a distribution wants."""
        return any(requires_python.contains(f"3.{self.minor}.{patch}") for patch in _PATCHES)

    @cached_property
    def _environments(self) -> list[dict[str, str]]:
        """The variables of environment markers (PEP 508), as far as they are known."""
        system, machine = self.platform.split("-")
        linux = system != "macos"
        known = {
            "implementation_name": "cpython",
            "os_name": "posix",
            "platform_machine": machine,
            "platform_python_implementation": "CPython",
            "platform_system": "Linux" if linux else "Darwin",
            "python_version": f"3.{self.minor}",
            "sys_platform": "linux" if linux else "darwin",
        }
        full = [f"3.{self.minor}.{patch}" for patch in _PATCHES]
        return [
            {**known, "python_full_version": version, "implementation_version": version}
            for version in full
        ]

    def takes(self, wheel: str) -> bool:
        """Tell whether this interpreter can use a wheel, from the name of its file."""
        return any(
            self._interpreter(python, abi) and self._platform(platform)
            for python, abi, platform in _tags(wheel)
        )

    def _platform(self, platform: str) -> bool:
        return platform == "any" or _PLATFORMS[self.platform].fullmatch(platform) is not None

    def _interpreter(self, python: str, abi: str) -> bool:
        if generic := _GENERIC.fullmatch(python):
            return abi == "none" and int(generic[1] or 0) <= self.minor
        native = _CPYTHON.fullmatch(python)
        if native is None:
            return False
        if abi == "abi3":
            return int(native[1]) <= self.minor
        return int(native[1]) == self.minor and abi in (python, "none")


TARGETS = tuple(Target(minor, platform) for platform, minor in product(_PLATFORMS, MINORS))


def relevant(filenames: Iterable[str], targets: Iterable[Target] = TARGETS) -> list[str]:
    """Return what is to be locked of all the files of a version, sorted.

    That is each wheel that any target can use, and the source distribution if some target can use
    none of them.
    """
    names, targets = sorted(filenames), list(targets)
    wheels = [name for name in names if any(target.takes(name) for target in targets)]
    sources = [name for name in names if is_source(name)]
    return sorted(wheels + sources[:1]) if any(missing(wheels, targets)) else wheels


def missing(filenames: Iterable[str], targets: Iterable[Target] = TARGETS) -> Iterator[Target]:
    """Yield the targets that can use none of the files."""
    names = list(filenames)
    if not any(is_source(name) for name in names):
        for target in targets:
            if not any(target.takes(name) for name in names):
                yield target


def _tags(wheel: str) -> Iterator[tuple[str, str, str]]:
    """Yield what the name of a wheel promises, nothing for what is no wheel (PEP 427, 425)."""
    parts = wheel.removesuffix(".whl").split("-")
    if wheel.endswith(".whl") and len(parts) in (5, 6):
        yield from product(*(part.split(".") for part in parts[-3:]))
