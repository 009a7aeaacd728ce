"""Pages into and out of the database, as files; a run is kept whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from portal.database.models import Page
from portal.pages.frontmatter import Document, MalformedError, Problem, dump, load

CONTENT = ("title", "summary", "language", "position", "folder", "body")


@dataclass
class Outcome:
    """How many pages an import touched."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0

    def __str__(self) -> str:
        """Return what the operator reads."""
        return f"{self.added} added, {self.changed} changed, {self.unchanged} unchanged"


def expand(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield files; a folder stands for the Markdown files in it."""
    for path in paths:
        if path.is_dir():
            yield from sorted(path.glob("*.md"))
        else:
            yield path


def read_files(paths: Iterable[Path], *, language: str) -> list[Document]:
    """Read pages from files; raise MalformedError with the problems of all of them."""
    documents: list[Document] = []
    problems: list[Problem] = []
    for path in expand(paths):
        try:
            documents.append(read_file(path, language=language))
        except MalformedError as error:
            problems += error.problems
    if problems:
        raise MalformedError(*problems)
    return documents


def read_file(path: Path, *, language: str) -> Document:
    """Read one page from a file; raise MalformedError."""
    try:
        data = path.read_bytes()
        source = data.decode()
    except OSError as error:
        raise MalformedError(Problem(str(path), 1, str(error.strerror))) from None
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise MalformedError(Problem(str(path), line, "is not UTF-8")) from None
    return load(source, file=str(path), default_slug=path.stem, language=language)


def check(
    documents: Iterable[Document], *, folders: Mapping[str, bool], languages: Container[str]
) -> None:
    """Check what only shows when all files are read; raise MalformedError with every problem.

    `folders` tells of every page already there whether it is a folder.
    """
    documents = list(documents)
    known = dict(folders) | {document.slug: document.folder for document in documents}
    problems: list[Problem] = []
    seen: dict[str, Document] = {}
    for document in documents:
        problems += check_one(document, known, languages)
        first = seen.setdefault(document.slug, document)
        if first is not document:
            problems.append(document.problem("slug", f"{document.slug!r} is in {first.file} too"))
    if problems:
        raise MalformedError(*problems)


def check_one(
    document: Document, known: Mapping[str, bool], languages: Container[str]
) -> Iterator[Problem]:
    """Yield the problems of one page among all of them."""
    if document.language not in languages:
        yield document.problem("language", f"{document.language!r} is not one of LANGUAGES")
    parent = document.parent
    if parent is None:
        return
    if parent == document.slug:
        yield document.problem("parent", "is the page itself")
    elif parent not in known:
        yield document.problem("parent", f"there is no page {parent!r}")
    elif not known[parent]:
        yield document.problem("parent", f"the page {parent!r} is not a folder")


def import_pages(
    session: Session, documents: list[Document], *, languages: Container[str]
) -> Outcome:
    """Add the pages, or change those of the same slug; the caller commits."""
    pages = {page.slug: page for page in session.scalars(select(Page))}
    folders = {slug: page.folder for slug, page in pages.items()}
    check(documents, folders=folders, languages=languages)
    fresh = {d.slug: Page(slug=d.slug) for d in documents if d.slug not in pages}
    session.add_all(fresh.values())
    pages |= fresh
    outcome = Outcome()
    with session.no_autoflush:  # a new page has not all its columns before the end of this
        for document in documents:
            assign(pages[document.slug], document, pages)
            count(outcome, session, pages[document.slug])
    session.flush()
    return outcome


def assign(page: Page, document: Document, pages: Mapping[str, Page]) -> None:
    """Make `page` what the file says; a key that is not there means its default."""
    before = page.updated
    for name in CONTENT:
        if getattr(page, name) != getattr(document, name):
            setattr(page, name, getattr(document, name))
    parent = pages[document.parent] if document.parent else None
    if page.parent is not parent:
        page.parent = parent
    if document.created and document.created != page.created:
        page.created = document.created
    # The time in an exported file that was edited since is the old one: then it is now.
    if document.updated and document.updated != before:
        page.updated = document.updated


def count(outcome: Outcome, session: Session, page: Page) -> None:
    """Count what `assign` did."""
    if page in session.new:
        outcome.added += 1
    elif session.is_modified(page, include_collections=False):
        outcome.changed += 1
    else:
        outcome.unchanged += 1


def export_pages(session: Session, folder: Path) -> int:
    """Write every page to `folder`/slug.md and return their number.

    All files are complete on the disk before the first one takes its place, and each takes it at
    once; other files in the folder stay as they are.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pages = session.scalars(select(Page).options(joinedload(Page.parent)).order_by(Page.slug)).all()
    with tempfile.TemporaryDirectory(prefix=".export-", dir=folder) as name:
        staged = [stage(Path(name), page) for page in pages]
        for path in staged:
            path.replace(folder / path.name)
    return len(pages)


def stage(folder: Path, page: Page) -> Path:
    """Write one page to `folder`, down to the disk."""
    path = folder / f"{page.slug}.md"
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(dump(document(page)))
        file.flush()
        os.fsync(file.fileno())
    return path


def document(page: Page) -> Document:
    """Return a page as it goes into a file."""
    parent = page.parent.slug if page.parent else None
    copied = {name: getattr(page, name) for name in (*CONTENT, "created", "updated")}
    return Document(slug=page.slug, parent=parent, **copied)
