"""Change pins in a configuration file, and nothing else of it: comments, order, spelling stay."""

import re
from collections.abc import Iterator
from pathlib import Path

from eggcrate import files
from eggcrate.lockfile import normalised

_PIN = re.compile(r"(?P<name>[\w.-]+)(?P<sign>\s*=\s*(?:==\s*)?)(?P<version>\S+)(?P<rest>\s*)")
_SECTION = re.compile(r"\[\s*versions\s*\]")


class VersionsFile:
    """The [versions] section, without a condition, of the file at ``path``."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines = path.read_bytes().decode("utf-8").splitlines(keepends=True)

    def set(self, name: str, version: str) -> None:
        """Pin another version of what is pinned. Raise ``KeyError`` if it is not."""
        number, match = self._find(name)
        line = self._lines[number]
        self._lines[number] = line[: match.start("version")] + version + match["rest"]

    def add(self, name: str, version: str, beside: str | None = None) -> None:
        """Pin what is not pinned, in the group of ``beside`` and in the order of the alphabet."""
        try:
            group = self._group(self._find(beside)[0] if beside else self._last())
        except KeyError:
            group = self._group(self._last())
        if not self._lines[-1].endswith("\n"):
            self._lines[-1] += self._newline()
        self._lines.insert(self._place(name, group), f"{name} = {version}{self._newline()}")

    def save(self) -> bool:
        """Write the file if it differs; return whether it did."""
        mode = self._path.stat().st_mode & 0o7777
        return files.write(self._path, "".join(self._lines), mode)

    def _pins(self) -> Iterator[tuple[int, re.Match[str]]]:
        """Yield the number of the line of each pin, and what it consists of."""
        inside = False
        for number, line in enumerate(self._lines):
            if line.startswith("["):
                inside = _SECTION.match(line) is not None
            elif inside and (match := _PIN.fullmatch(line)):
                yield number, match

    def _find(self, name: str) -> tuple[int, re.Match[str]]:
        wanted = normalised(name)
        for number, match in self._pins():
            if normalised(match["name"]) == wanted:
                return number, match
        raise KeyError(name)

    def _last(self) -> int:
        """Return the line of the last pin, or of the section's header if there is none."""
        numbers = [number for number, _ in self._pins()]
        headers = [number for number, line in enumerate(self._lines) if _SECTION.match(line)]
        return max(numbers, default=headers[-1])

    def _group(self, number: int) -> range:
        """Return the lines around one up to a blank line or a header."""
        start = end = number
        while start > 0 and self._belongs(start - 1):
            start -= 1
        while end + 1 < len(self._lines) and self._belongs(end + 1):
            end += 1
        return range(start, end + 1)

    def _belongs(self, number: int) -> bool:
        line = self._lines[number]
        return bool(line.strip()) and not line.startswith("[")

    def _place(self, name: str, group: range) -> int:
        """Return the line before which a name belongs, above the comment of what follows it.

        A comment that opens the group is its heading.
        """
        for number, match in self._pins():
            if number in group and match["name"].lower() > name.lower():
                while number - 1 > group.start and self._lines[number - 1].startswith("#"):
                    number -= 1
                return number
        return group.stop

    def _newline(self) -> str:
        return "\r\n" if self._lines[0].endswith("\r\n") else "\n"
