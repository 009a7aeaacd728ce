"""RECORD: the files of a distribution with their hashes (PEP 376, 427)."""

import base64
import csv
import hashlib
import io
import os
from collections.abc import Iterator, Mapping

NAME = "RECORD"
STRONG = ("sha256", "sha384", "sha512")  # PEP 427: sha256 or better

MISSING, ADDED, CHANGED = "is missing", "was added", "was changed"


class RecordError(ValueError):
    """A RECORD that cannot be read."""


def parse(text: str) -> dict[str, str]:
    """Return path -> hash, ``""`` where there is none. Raise ``RecordError``."""
    rows: dict[str, str] = {}
    try:
        for row in csv.reader(io.StringIO(text, newline=""), strict=True):
            if row and row[0] in rows:
                raise RecordError(f"{row[0]!r} is there twice")
            if row:
                rows[row[0]] = row[1]
    except (csv.Error, IndexError) as error:
        raise RecordError(f"{NAME} cannot be read: {error}") from None
    return rows


def dumps(rows: Mapping[str, tuple[str, int | str]]) -> str:
    """Return the text of a RECORD; ``rows`` are path -> (hash, size)."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows((path, *rows[path]) for path in sorted(rows))
    return text.getvalue()


def digest(data: bytes | memoryview, algorithm: str = "sha256") -> str:
    """Return a hash as RECORD spells it."""
    value = base64.urlsafe_b64encode(hashlib.new(algorithm, data).digest())
    return f"{algorithm}={value.rstrip(b'=').decode()}"


def agrees(data: bytes, expected: str) -> bool:
    """Tell whether ``data`` has the hash ``expected``; one of a weak algorithm proves nothing."""
    algorithm, _, value = expected.partition("=")
    return algorithm in STRONG and digest(data, algorithm) == f"{algorithm}={value.rstrip('=')}"


def differences(folder: str, rows: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield (file, what is wrong) for all in which a folder is not as its RECORD says."""
    found = dict(walk(folder))
    for path in sorted({*rows, *found}):
        if path not in found:
            yield path, MISSING
        elif path not in rows:
            yield path, ADDED
        elif not found[path]:
            yield path, "is not a regular file"
        elif rows[path] and not _agrees(os.path.join(folder, path), rows[path]):  # noqa: PTH118
            yield path, CHANGED


def walk(folder: str, prefix: str = "") -> Iterator[tuple[str, bool]]:
    """Yield (path in the folder, whether it is a regular file) for all that are no folders."""
    with os.scandir(os.path.join(folder, prefix)) as entries:  # noqa: PTH118
        for entry in list(entries):
            if entry.is_dir(follow_symlinks=False):
                yield from walk(folder, f"{prefix}{entry.name}/")
            else:
                yield f"{prefix}{entry.name}", entry.is_file(follow_symlinks=False)


def _agrees(path: str, expected: str) -> bool:
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            return agrees(file.read(), expected)
    except OSError:
        return False
