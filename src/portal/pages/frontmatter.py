"""A page as a file: YAML front matter between lines of `---`, then Markdown."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any

import yaml

from portal.pages.urls import RESERVED, SLUG

FENCE = "---"


@dataclass(frozen=True)
class Problem:
    """Something wrong in a file."""

    file: str
    line: int
    text: str

    def __str__(self) -> str:
        """Return the form that editors and compilers know."""
        return f"{self.file}:{self.line}: {self.text}"


@dataclass(frozen=True)
class Document:
    """What a file says about a page; absent times are None."""

    slug: str
    title: str
    summary: str = ""
    language: str = "en"
    position: int | None = None
    folder: bool = False
    parent: str | None = None
    created: datetime | None = None
    updated: datetime | None = None
    body: str = ""
    # Where it was read from, for problems found later: file name, and line of every key.
    file: str = field(default="", compare=False)
    lines: dict[str, int] = field(default_factory=dict, compare=False)

    def problem(self, key: str, text: str) -> Problem:
        """Return a problem with the value of `key`."""
        return Problem(self.file, self.lines.get(key, 1), f"{key}: {text}")


class MalformedError(Exception):
    """A file that is no page; `problems` lists everything wrong in it."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


def text(limit: int) -> Callable[[str], str]:
    """Return a reader of one-line texts of up to `limit` characters."""

    def read(value: str) -> str:
        if not value:
            raise ValueError("is empty")
        if len(value) > limit:
            raise ValueError(f"has {len(value)} characters, more than {limit}")
        if not value.isprintable():
            raise ValueError("has a line break or a control character")
        return value

    return read


def slug(value: str) -> str:
    """Read a slug."""
    if not re.fullmatch(SLUG, text(80)(value)):
        raise ValueError(f"{value!r} is not lower-case letters and digits joined by hyphens")
    if value in RESERVED:
        raise ValueError(f"{value!r} is taken by the site itself")
    return value


def integer(value: str) -> int:
    """Read a whole number that every database can hold."""
    try:
        number = int(value)
    except ValueError:
        raise ValueError(f"{value!r} is not a whole number") from None
    if not -(2**31) <= number < 2**31:
        raise ValueError(f"{value} is too large")
    return number


def boolean(value: str) -> bool:
    """Read true or false."""
    if value not in {"true", "false"}:
        raise ValueError(f"{value!r} is neither true nor false")
    return value == "true"


def time(value: str) -> datetime:
    """Read an ISO 8601 time; one without a zone is UTC."""
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError(f"{value!r} is no ISO 8601 time, as 2026-01-31T12:00:00+00:00") from None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


READERS: dict[str, Callable[[str], Any]] = {
    "slug": slug,
    "title": text(200),
    "summary": text(300),
    "language": text(35),
    "position": integer,
    "folder": boolean,
    "parent": slug,
    "created": time,
    "updated": time,
}


def load(source: str, *, file: str, default_slug: str, language: str) -> Document:
    """Read a page from the text of a file.

    Keys are optional but for the title: the slug is the file's name, the language the site's.
    Raises MalformedError with all problems.
    """
    head, body = split(source, file)
    values: dict[str, Any] = {"slug": default_slug, "language": language}
    lines: dict[str, int] = {}
    problems: list[Problem] = []
    for key, value, line in entries(head, file):
        try:
            values[key] = read_entry(key, value, again=key in lines)
        except ValueError as error:
            problems.append(Problem(file, line, f"{key}: {error}"))
        lines.setdefault(key, line)
    problems += missing(values, lines, file)
    if problems:
        raise MalformedError(*problems)
    return Document(**values, body=body, file=file, lines=lines)


def split(source: str, file: str) -> tuple[str, str]:
    """Return front matter and body; the body begins after one empty line."""
    first, *lines = source.replace("\r\n", "\n").removeprefix("\ufeff").split("\n")
    if first.rstrip() != FENCE:
        raise MalformedError(Problem(file, 1, f"a page begins with a line of {FENCE}"))
    for number, line in enumerate(lines):
        if line.rstrip() == FENCE:
            rest = lines[number + 1 :]
            return "\n".join(lines[:number]), "\n".join(rest[1:] if rest[:1] == [""] else rest)
    raise MalformedError(Problem(file, 1, f"the front matter has no closing line of {FENCE}"))


def entries(head: str, file: str) -> Iterator[tuple[str, yaml.Node, int]]:
    """Yield key, value and line; every scalar stays text, so `no` is Norwegian and not False."""
    try:
        node = yaml.compose(head, Loader=yaml.BaseLoader)
    except yaml.reader.ReaderError as error:
        line = head.count("\n", 0, error.position) + 2
        raise MalformedError(Problem(file, line, "a character that YAML does not allow")) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 2 if mark else 1
        raise MalformedError(Problem(file, line, str(error.problem or error.context))) from None
    if node is None:
        return
    if not isinstance(node, yaml.MappingNode):
        raise MalformedError(Problem(file, 2, "the front matter is not made of `key: value`"))
    for key, value in node.value:
        yield str(key.value), value, key.start_mark.line + 2


def read_entry(key: str, node: yaml.Node, *, again: bool) -> Any:
    """Return the value of one line; raise ValueError if it has none."""
    if key not in READERS:
        raise ValueError(f"unknown; known are {', '.join(READERS)}")
    if again:
        raise ValueError("is there twice")
    if not isinstance(node, yaml.ScalarNode):
        raise ValueError("is a list or a table, not one value")
    return READERS[key](node.value)


def missing(values: dict[str, Any], lines: dict[str, int], file: str) -> Iterator[Problem]:
    """Yield what a page cannot do without."""
    if "title" not in values and "title" not in lines:
        yield Problem(file, 1, "title: is missing")
    if "slug" not in lines:
        try:
            slug(values["slug"])
        except ValueError as error:
            yield Problem(file, 1, f"slug: is not given, and the file's name does not do: {error}")


def dump(document: Document) -> str:
    """Return the text of the file; `load` reads the same document from it."""
    values: dict[str, Any] = {}
    for key in READERS:
        value = getattr(document, key)
        if value not in _OMITTED[key]:
            values[key] = value.isoformat() if isinstance(value, datetime) else value
    head = yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=1000)
    return f"{FENCE}\n{head}{FENCE}\n\n{document.body}"


_OMITTED: dict[str, tuple[Any, ...]] = {
    spec.name: (spec.default,) if spec.name != "language" else () for spec in fields(Document)
}
