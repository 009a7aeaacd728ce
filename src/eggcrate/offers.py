"""Which artifact satisfies a requirement: what the lock has, else (unlocked) what the index has."""

import platform
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from eggcrate import choice, filenames
from eggcrate.index import Link
from eggcrate.lockfile import File, Lock, normalised


@dataclass(frozen=True)
class Wanted:
    """What is looked for. ``source``: a source distribution and no wheel."""

    requirement: Any  # pkg_resources.Requirement, the pin applied
    source: bool = False
    prefer_final: bool = True

    @property
    def name(self) -> str:
        """Return the distribution's name as the requirement spells it."""
        return str(self.requirement.project_name)

    @property
    def pinned(self) -> bool:
        """Tell whether there is only one version that would do."""
        specs = self.requirement.specs
        return len(specs) == 1 and specs[0][0] in ("==", "===")


@dataclass(frozen=True)
class Offer:
    """An artifact that will do. ``link`` says where it is, if it is not in the lock."""

    name: str
    version: str
    file: File  # without a hash if the index publishes none
    link: Link | None = None

    @property
    def source(self) -> bool:
        """Tell whether it has to be built."""
        return filenames.is_source(self.file.name)

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


def locked(wanted: Wanted, lock: Lock) -> Offer | None:
    """Return the best artifact of the lock that this interpreter can use."""
    name = normalised(wanted.name)
    versions = {
        version: spelled
        for found, spelled in lock.entries
        if found == name and (version := _wanted(wanted, spelled))
    }
    for version in _best_first(versions, wanted):
        spelled = versions[version]
        file = _choose(lock.entries[name, spelled], wanted)
        if file is not None:
            return Offer(wanted.name, spelled, file)
    return None


def indexed(wanted: Wanted, links: Mapping[str, Link]) -> Offer | None:
    """Return the best artifact of the index that this interpreter can use.

    Like zc.buildout, take an older version where the newest has no file that fits.
    """
    versions = defaultdict(list)
    for link in links.values():
        version = _wanted(wanted, filenames.version(link.name, normalised(wanted.name)) or "")
        if version is not None and _is_open(link, wanted):
            versions[version].append(link)
    for version in _best_first(versions, wanted):
        file = _choose((File(link.name, link.sha256 or "") for link in versions[version]), wanted)
        if file is not None:
            return Offer(wanted.name, str(version), file, links[file.name])
    return None


def _wanted(wanted: Wanted, text: str) -> Version | None:
    """Return a version if it satisfies the requirement, of any kind: finals are preferred later."""
    try:
        version = Version(text)
    except InvalidVersion:
        return None
    satisfies = wanted.requirement.specifier.contains(version, prereleases=True)
    return version if satisfies else None


def _best_first(versions: Iterable[Version], wanted: Wanted) -> list[Version]:
    def rank(version: Version) -> tuple[bool, Version]:
        return not (wanted.prefer_final and version.is_prerelease), version

    return sorted(versions, key=rank, reverse=True)


def _choose(files: Iterable[File], wanted: Wanted) -> File | None:
    if wanted.source:
        files = [file for file in files if filenames.is_source(file.name)]
    return choice.choose(files)


def _is_open(link: Link, wanted: Wanted) -> bool:
    """Tell whether a file is for this Python, and not withdrawn (PEP 592) unless it is pinned."""
    if link.yanked is not None and not wanted.pinned:
        return False
    try:
        supported = SpecifierSet(link.requires_python)
    except InvalidSpecifier:
        return True
    return supported.contains(platform.python_version(), prereleases=True)
