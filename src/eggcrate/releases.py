"""The releases of a project in an index: which there are, and what each of them requires."""

import hashlib
import tarfile
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.metadata import parse_email
from packaging.requirements import InvalidRequirement, Requirement
from packaging.version import InvalidVersion, Version

from eggcrate import choice, fetch, filenames, relock, targets
from eggcrate.cache import Cache
from eggcrate.index import Index, Link
from eggcrate.lockfile import File
from eggcrate.targets import TARGETS, Target


class MetadataError(Exception):
    """Why it is not known what a release requires, in one line."""


@dataclass(frozen=True)
class Release:
    """The files of one version of a project."""

    version: Version
    links: tuple[Link, ...]

    @property
    def is_wanted(self) -> bool:
        """Whether anybody should still choose it: it is final, and not all of it yanked."""
        return not self.version.is_prerelease and any(link.yanked is None for link in self.links)

    def serves(self, wanted: Iterable[Target]) -> bool:
        """Tell whether it has a file for each of the targets."""
        wanted = list(wanted)
        fitting = relock.running(wanted, self.links)
        names = [link.name for link in self.links]
        return fitting == wanted and not any(targets.missing(names, wanted))


@dataclass(frozen=True)
class Described:
    """What a release says of itself: the name as the project spells it, and its requirements."""

    name: str
    requires: tuple[Requirement, ...]


class Releases:
    """All projects of an index; what was asked once is not asked again."""

    def __init__(self, index: Index, cache: Cache) -> None:
        self._index = index
        self._cache = cache
        self._releases: dict[str, list[Release]] = {}
        self._described: dict[tuple[str, Version], Described] = {}

    def of(self, name: str) -> list[Release]:
        """Return the releases of a project, newest first."""
        if name not in self._releases:
            self._releases[name] = list(_grouped(name, self._index.files(name, complete=True)))
        return self._releases[name]

    def describe(self, name: str, release: Release) -> Described:
        """Return what a release requires.

        Raise :exc:`MetadataError`, or what :func:`fetch.fetch` raises.
        """
        key = name, release.version
        if key not in self._described:
            self._described[key] = _parsed(name, release, self._metadata(name, release))
        return self._described[key]

    def prepare(self, names: Iterable[str]) -> None:
        """Ask for several projects at once what a resolution will ask for one by one."""
        relock.each(self._prepare, names)

    def _prepare(self, name: str) -> None:
        fitting = (one for one in self.of(name) if one.is_wanted and one.serves(TARGETS))
        if newest := next(fitting, None):
            self.describe(name, newest)

    def _metadata(self, name: str, release: Release) -> bytes:
        if described := next((link for link in release.links if link.metadata), None):
            return self._beside(name, described)
        link = _smallest_trouble(release)
        if link.sha256:
            file = File(link.name, link.sha256)
            path = fetch.fetch(file, name, self._index, self._cache)
        else:
            _, path = fetch.fetch_unhashed(link, self._index, self._cache)
        return _inside(path, link.name)

    def _beside(self, name: str, link: Link) -> bytes:
        """Return the metadata that the index keeps beside a file (PEP 658)."""
        content = b"".join(self._index.read(link.url + ".metadata"))
        actual = hashlib.sha256(content).hexdigest()
        if actual != link.metadata:
            raise MetadataError(
                f"{name}: the metadata of {link.name} has sha256 {actual}, but the index says"
                f" {link.metadata}"
            )
        return content


def _grouped(name: str, links: dict[str, Link]) -> Iterator[Release]:
    found: dict[Version, list[Link]] = {}
    for file, link in links.items():
        try:
            version = Version(filenames.version(file, name) or "")
        except InvalidVersion:
            continue  # from before there were rules (PEP 440)
        found.setdefault(version, []).append(link)
    for version in sorted(found, reverse=True):
        yield Release(version, tuple(found[version]))


def _smallest_trouble(release: Release) -> Link:
    """Return the file to read: the one that the build will want too, else any wheel, else any."""
    links = {link.name: link for link in release.links}
    chosen = choice.choose(File(name, "") for name in links)
    wheels = [name for name in links if not filenames.is_source(name)]
    if chosen is None or filenames.is_source(chosen.name):
        return links[min(wheels)] if wheels else release.links[0]
    return links[chosen.name]


def _inside(path: Path, filename: str) -> bytes:
    """Return the metadata in a wheel or a source distribution (PEP 427, 643)."""
    try:
        if filename.endswith(".tar.gz"):
            return _in_tar(path)
        with zipfile.ZipFile(path) as archive:
            ending = ".dist-info/METADATA" if filename.endswith(".whl") else "/PKG-INFO"
            names = [name for name in archive.namelist() if name.endswith(ending)]
            return archive.read(next(name for name in names if name.count("/") == 1))
    except (OSError, tarfile.TarError, zipfile.BadZipFile, StopIteration):
        raise MetadataError(f"{filename} holds no metadata") from None


def _in_tar(path: Path) -> bytes:
    with tarfile.open(path) as archive:
        for member in archive:
            if member.name.endswith("/PKG-INFO") and member.name.count("/") == 1:
                file = archive.extractfile(member)
                return file.read() if file else b""
    raise tarfile.TarError


def _parsed(name: str, release: Release, content: bytes) -> Described:
    raw, _ = parse_email(content)
    try:
        requires = tuple(map(Requirement, raw.get("requires_dist", ())))
    except InvalidRequirement as error:
        reason = str(error).splitlines()[0]
        raise MetadataError(f"{name} {release.version}: {reason}") from None
    return Described(raw.get("name", name), requires)
