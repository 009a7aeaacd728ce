"""What a build is supplied from: the lock, the index, the cache, and the folders of eggs."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from eggcrate import choice, fetch, filenames, lockfile, modes, offers, session
from eggcrate.cache import Cache
from eggcrate.eggs import Eggs
from eggcrate.index import Index, UnavailableError
from eggcrate.lockfile import Lock
from eggcrate.modes import Mode
from eggcrate.offers import Offer, Wanted
from eggcrate.shelf import Shelf

logger = logging.getLogger("zc.buildout.easy_install")


class NotLockedError(fetch.FetchError):
    """What is wanted is not in the lock."""


@dataclass(frozen=True)
class Places:
    """Where to look for distributions: zc.buildout lets each part say.

    ``configured``: the places of pip's configuration count, too.
    """

    index: str | None
    links: tuple[str, ...]
    hosts: tuple[str, ...]
    configured: bool = True


class Depot:
    """The supplies of one run of zc.buildout. What finds and fetches is thread-safe."""

    def __init__(self, mode: Mode, lock: Lock, cache: Cache) -> None:
        self.mode = mode
        self.lock = lock
        self.cache = cache
        self._shelves: dict[Path, Shelf] = {}
        self._indexes: dict[Places, Index] = {}
        self._sources: session.Sources | None = None
        self._guard = threading.Lock()

    @classmethod
    def of(cls, buildout: Any) -> "Depot":
        """Return the supplies that a buildout asks for. Raise ``UserError``."""
        options = buildout["buildout"]
        mode = modes.of(buildout)
        return cls(mode, _lock(Path(options["directory"]), mode), Cache.configured(options))

    def shelf(self, folder: Path) -> Shelf:
        """Return the eggs of a folder that may be used."""
        if folder not in self._shelves:
            self._shelves[folder] = Shelf(folder, self._validity(folder))
        return self._shelves[folder]

    def _validity(self, folder: Path) -> Callable[[str, str, str], bool]:
        locked, made = Eggs(folder, self.lock), Eggs(folder, None)
        for line in made.stale():
            logger.info("%s.", line)

        def valid(path: str, name: str, version: str) -> bool:
            eggs = made if self._is_free(name, version) else locked
            return eggs.valid(path)

        return valid

    def _is_free(self, name: str, version: str) -> bool:
        """Tell whether a version may be installed without being in the lock."""
        return self.mode is Mode.UNLOCKED and choice.choose(self.lock.of(name, version)) is None

    def has_source(self, name: str, version: str) -> bool:
        """Tell whether the lock has a source distribution of a version."""
        return any(filenames.is_source(file.name) for file in self.lock.of(name, version))

    def unlocked(self, folder: Path, working_set: Any) -> set[str]:
        """Return which eggs of a working set were not compared with the lock."""
        shelf = self.shelf(folder)
        return {
            f"{distribution.project_name} {distribution.version}"
            for distribution in working_set
            if Path(distribution.location).parent == folder
            and (
                not shelf.has(distribution.location)
                or self._is_free(distribution.project_name, distribution.version)
            )
        }

    def offer(self, wanted: Wanted, places: Places) -> Offer | None:
        """Return the artifact to install, None if there is none that would do.

        Raise :exc:`NotLockedError` where only the lock counts, and it has none.
        """
        offer = offers.locked(wanted, self.lock)
        if offer is None and self.mode is Mode.LOCKED:
            raise NotLockedError(self._absence(wanted))
        return offer or self.latest(wanted, places)

    def _absence(self, wanted: Wanted) -> str:
        name = lockfile.normalised(wanted.name)
        kind = "a source distribution of " if wanted.source else ""
        versions = sorted(version for found, version in self.lock.entries if found == name)
        there = f" for this platform and Python (it has {', '.join(versions)})" if versions else ""
        return (
            f"versions.lock has nothing for {kind}{wanted.requirement}{there}; run bin/lock, which"
            " locks what is pinned, or set `eggcrate = unlocked` in [buildout] to do without"
        )

    def latest(self, wanted: Wanted, places: Places) -> Offer | None:
        """Return what the index has, locked or not."""
        try:
            return offers.indexed(wanted, self.index(places).files(wanted.name))
        except UnavailableError as failure:
            raise fetch.explained(failure, str(wanted.requirement)) from None

    def index(self, places: Places) -> Index:
        """Return what knows where files are."""
        with self._guard:
            if places not in self._indexes:
                self._indexes[places] = self._index(places)
            return self._indexes[places]

    def _index(self, places: Places) -> Index:
        sources = session.configured() if self._sources is None else self._sources
        self._sources = sources  # one for all: it keeps connections alive
        urls, links = [places.index] if places.index else [], list(places.links)
        if places.configured:
            urls, links = urls or list(sources.indexes), [*links, *sources.find_links]
        return Index(sources.session, urls, links, places.hosts)

    def artifact(self, offer: Offer, places: Places) -> tuple[Offer, Path]:
        """Fetch what is offered; return the offer, its hash known by now, and where it is."""
        if offer.link is not None and not offer.file.sha256:
            file, path = fetch.fetch_unhashed(offer.link, self.index(places), self.cache)
            return replace(offer, file=file), path
        # The cache first: who finds all in it needs no index, and nothing that speaks HTTP.
        found = self.cache.find(offer.file)
        if found is None:
            found = fetch.fetch(offer.file, offer.name, self.index(places), self.cache)
        return offer, found


def _lock(folder: Path, mode: Mode) -> Lock:
    import zc.buildout

    try:
        lock = lockfile.load(folder)
    except lockfile.LockError as error:
        raise zc.buildout.UserError(str(error)) from None
    if lock is None and mode is Mode.LOCKED:
        raise zc.buildout.UserError(
            f"there is no {folder / lockfile.NAME}; run bin/lock, which writes it, or set"
            " `eggcrate = unlocked` in [buildout] to do without"
        )
    return lock or Lock({})
