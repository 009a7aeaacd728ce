"""Where files are: package indexes and find-links, by network or in folders."""

import contextlib
import threading
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatch
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from urllib.request import url2pathname

from eggcrate import filenames, pages, session
from eggcrate.lockfile import File, normalised
from eggcrate.pages import Link

__all__ = ["Index", "Link", "UnavailableError", "UnreachableError", "configured", "shown"]

_ACCEPT = (
    "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, "
    "text/html;q=0.1"
)
_CHUNK = 1 << 18


class UnavailableError(Exception):
    """Why something could not be had from where it should be, in one line."""


class UnreachableError(UnavailableError):
    """Why a place gave no answer: it will not give one to the next question either."""


class Index:
    """All places where files may be; threads may share it.

    ``session`` is one of requests; ``urls`` are indexes, ``find_links`` folders, pages and files.
    No page of theirs is read twice.
    """

    def __init__(
        self,
        session: Any,
        urls: Iterable[str] = (),
        find_links: Iterable[str] = (),
        allow_hosts: Iterable[str] = ("*",),
    ) -> None:
        self._session = session
        self._urls = [_located(url).rstrip("/") for url in urls]
        self._find_links = [_located(url) for url in find_links]
        self._allow_hosts = tuple(allow_hosts)
        self._pages: dict[str, list[Link]] = {}
        self._reading: dict[str, threading.Lock] = {}

    def files(self, name: str, *, complete: bool = False) -> dict[str, Link]:
        """Return all files of a project by their names; none if no place knows the project.

        Indexes come before find-links, and what has a hash before what has none. A place that
        cannot be asked is passed over as long as another one knows the project. With ``complete``
        it is not, nor one where anybody on the way could change the hashes (pip's trusted-host
        allows that): :exc:`UnavailableError` is raised.
        """
        found: dict[str, Link] = {}
        failures: list[UnavailableError] = []
        if complete:
            self._check_origins()
        project = normalised(name)
        for link in self._links(project, failures):
            known = found.get(link.name)
            is_better = known is None or (link.sha256 and not known.sha256)
            if is_better and filenames.version(link.name, project):
                found[link.name] = link
        if failures and (complete or not found):
            raise failures[0]
        return found

    def find(self, name: str, file: File) -> Link:
        """Return where one file of a project is: in the first place that has it with its hash.

        Where no place says the same hash (the file may yet have it), the first one that has the
        name is returned. If none has, :exc:`UnavailableError` is raised, with the reason if one
        could not be asked.
        """
        failures: list[UnavailableError] = []
        other = None
        for link in self._links(normalised(name), failures):
            if link.name == file.name:
                if link.sha256 in (file.sha256, None):
                    return link
                other = other or link
        if other:
            return other
        failures.append(UnavailableError(f"{file.name} is not to be had from {self}"))
        raise failures[0]

    def read(self, url: str) -> Iterator[bytes]:
        """Yield the bytes of a file. Raise :exc:`UnavailableError` if they do not all arrive."""
        if path := _path(url):
            return _read(path)
        return self._download(url)

    def __str__(self) -> str:
        return (
            ", ".join(map(shown, [*self._urls, *self._find_links]))
            or "nowhere: no place is configured"
        )

    def _check_origins(self) -> None:
        for url in [*self._urls, *self._find_links]:
            if not url.startswith("file:") and not self._session.is_secure_origin(url):
                raise UnavailableError(
                    f"no hash can be taken from {shown(url)}, which is neither https nor one of"
                    " pip's trusted hosts"
                )

    def _links(self, project: str, failures: list[UnavailableError]) -> Iterator[Link]:
        """Yield the links of all places, and note which of them could not be asked."""
        for place in [f"{url}/{project}/" for url in self._urls] + self._find_links:
            try:
                yield from self._read_once(place)
            except UnavailableError as failure:
                failures.append(failure)

    def _read_once(self, place: str) -> list[Link]:
        with self._reading.setdefault(place, threading.Lock()):
            if place not in self._pages:
                links = self._page(place)
                self._pages[place] = [link for link in links if self._allows(link.url)]
        return self._pages[place]

    def _allows(self, url: str) -> bool:
        if "*" in self._allow_hosts:
            return True
        host = urlsplit(url).netloc.rpartition("@")[2]
        return not host or any(fnmatch(host, pattern) for pattern in self._allow_hosts)

    def _page(self, url: str) -> list[Link]:
        if link := pages.of_url(url):
            return [link]
        if not self._allows(url):
            raise UnavailableError(f"allow-hosts does not allow to ask {shown(url)}")
        try:
            if path := _path(url):
                return _local(path, url)
            return self._remote(url)
        except ValueError as error:
            raise UnavailableError(f"cannot understand {shown(url)}: {error}") from None

    def _remote(self, url: str) -> list[Link]:
        with _explained(url), self._session.get(url, headers={"Accept": _ACCEPT}) as response:
            if response.status_code in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
                return []
            _check(response, url)
        kind = response.headers.get("Content-Type", "")
        return pages.parse(response.content, kind, response.url)

    def _download(self, url: str) -> Iterator[bytes]:
        # As it is: what is compressed already would be compressed again.
        headers = {"Accept-Encoding": "identity"}
        with _explained(url), self._session.get(url, headers=headers, stream=True) as response:
            _check(response, url)
            yield from response.iter_content(_CHUNK)


def configured(options: Mapping[str, str] | None = None) -> Index:
    """Return the index of a ``[buildout]`` section, else the one of pip's configuration.

    ``find-links`` of both count, those of the section first.
    """
    options = options or {}
    sources = session.configured()
    index = options.get("index", "").strip()
    return Index(
        sources.session,
        [index] if index else sources.indexes,
        [*options.get("find-links", "").split(), *sources.find_links],
        options.get("allow-hosts", "*").split(),
    )


def shown(url: str) -> str:
    """Return a URL without the password that may stand in it."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


# --- folders -------------------------------------------------------------------------------------


def _located(place: str) -> str:
    """Return the URL of what is a URL or a path."""
    if urlsplit(place).scheme in ("http", "https", "file"):
        return place
    return Path(place).expanduser().absolute().as_uri()


def _path(url: str) -> Path | None:
    parts = urlsplit(url)
    return Path(url2pathname(parts.path)) if parts.scheme == "file" else None


def _local(path: Path, url: str) -> list[Link]:
    """Return what a folder holds and what its page lists; nothing if it is missing."""
    try:
        links = []
        page = path
        if path.is_dir():
            links = pages.of_folder(path)
            page, url = path / "index.html", url.rstrip("/") + "/"
        if page.is_file():
            links += pages.parse(page.read_bytes(), "text/html", url)
        return links
    except OSError as error:
        raise UnavailableError(f"cannot read {error.filename or path}: {error.strerror}") from None


def _read(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                yield chunk
    except OSError as error:
        raise UnavailableError(f"cannot read {path}: {error.strerror}") from None


# --- network -------------------------------------------------------------------------------------


def _check(response: Any, url: str) -> None:
    if response.status_code != HTTPStatus.OK:
        reason = f"{response.status_code} {response.reason or ''}".strip()
        raise UnavailableError(f"cannot get {shown(url)}: {reason}")


@contextlib.contextmanager
def _explained(url: str) -> Iterator[None]:
    """Make one line of whatever goes wrong beneath: of requests, urllib3, ssl and pip."""
    try:
        yield
    except UnavailableError:
        raise
    except Exception as error:
        reason = session.explain(error)
        raise UnreachableError(f"cannot get {shown(url)}: {reason}") from error
