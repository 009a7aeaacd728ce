"""Fetch and unpack all that the parts will need, in parallel, before zc.buildout asks for it.

Only a hint: zc.buildout's own resolution stays the judge. What fails here is left to it, and
reported where it needs the distribution; what it needs besides is supplied one by one. A wrong
hash, though, is no mishap, and ends the build.
"""

import logging
import queue
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import Any

from eggcrate import fetch
from eggcrate.depot import Depot, Places
from eggcrate.lockfile import normalised
from eggcrate.offers import Wanted
from eggcrate.progress import Progress, shown
from eggcrate.unpack import Egg, Metadata, UnpackError
from eggcrate.workers import Job, Workers

logger = logging.getLogger("zc.buildout.easy_install")

FETCHERS = 8  # each of them waits for the index most of the time


def prefetch(depot: Depot, installer: Any, specs: Iterable[str]) -> None:
    """Supply the folder of eggs of ``installer`` with what the requirements come to."""
    walk = Walk(installer)
    missing = walk.need(_selected(specs, ()))
    if missing:
        with shown() as progress, Workers(cache=depot.cache) as workers:
            workers.start()
            Supplying(depot, installer, walk, progress, workers).run(missing)
        installer._env_rescan_dest()


class Walk:
    """The closure of requirements, as far as it is known."""

    def __init__(self, installer: Any) -> None:
        self.installer = installer
        self.seen: set[str] = set()
        self.known: dict[str, Callable[[Iterable[str]], list[Any]]] = {}
        self.waiting: dict[str, list[Any]] = defaultdict(list)  # for metadata

    def need(self, requirements: Iterable[Any]) -> list[Any]:
        """Walk on from requirements; return those of distributions that are not there yet."""
        stack, missing = deque(requirements), []
        while stack:
            requirement = self._pinned(stack.popleft())
            if requirement is None or str(requirement) in self.seen:
                continue
            self.seen.add(str(requirement))
            name = normalised(requirement.project_name)
            if name not in self.known and name not in self.waiting:
                self._look(name, requirement)
            if name in self.known:
                stack.extend(self.known[name](requirement.extras))
                continue
            if name not in self.waiting:
                missing.append(requirement)
            self.waiting[name].append(requirement)
        return missing

    def _pinned(self, requirement: Any) -> Any:
        """Return the requirement with its pin, None if the two do not agree."""
        import zc.buildout

        try:
            return self.installer._constrain(requirement)
        except zc.buildout.UserError:
            return None

    def _look(self, name: str, requirement: Any) -> None:
        for distribution in self.installer._env[requirement.project_name]:
            if distribution in requirement:
                self.known[name] = partial(_requires, distribution)
                return

    def learn(self, name: str, metadata: Metadata) -> list[Any]:
        """Take in what a distribution requires; return what is missing now."""
        self.known[name] = partial(_selected, metadata.requires)
        waiting = self.waiting.pop(name)
        return self.need(
            more for requirement in waiting for more in self.known[name](requirement.extras)
        )


def _requires(distribution: Any, extras: Iterable[str]) -> list[Any]:
    known = [extra for extra in extras if extra in distribution.extras]
    return list(distribution.requires(known))


def _selected(lines: Iterable[str], extras: Iterable[str]) -> list[Any]:
    """Return the requirements whose markers hold for this interpreter and one of the extras."""
    contexts = [{"extra": extra} for extra in ("", *extras)]
    return [
        requirement
        for line in lines
        if len(contexts) > 1 or "extra" not in line.partition(";")[2]  # to parse takes long
        for requirement in _parsed(line)
        if requirement.marker is None or any(map(requirement.marker.evaluate, contexts))
    ]


def _parsed(line: str) -> Iterator[Any]:
    import pkg_resources

    try:
        yield pkg_resources.Requirement.parse(line)
    except ValueError:
        logger.debug("Not a requirement: %r", line)


class Supplying:
    """The threads that fetch and the workers that unpack; what they say is heard in one thread."""

    def __init__(
        self, depot: Depot, installer: Any, walk: Walk, progress: Progress, workers: Workers
    ) -> None:
        self.depot = depot
        self.places: Places = installer._index
        self.prefer_final: bool = installer._prefer_final
        self.folder = Path(installer._dest)
        self.walk = walk
        self.progress = progress
        self.workers = workers
        self.jobs: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.events: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self.threads = 0
        self.pending = 0
        self.broken = False

    def run(self, missing: Iterable[Any]) -> None:
        """Return when all that could be supplied is in its place."""
        try:
            self._start(missing)
            while self.pending:
                self.events.get()()
                self.pending -= 1
        finally:
            self.broken = True  # for those that go on after an error
            for _ in range(self.threads):
                self.jobs.put(None)

    def _start(self, missing: Iterable[Any]) -> None:
        for requirement in missing:
            self.pending += 1
            self.progress.expect()
            self.jobs.put(requirement)
            if self.threads < FETCHERS:
                self.threads += 1
                # A daemon: Ctrl-C does not wait for an index.
                threading.Thread(target=self._fetch_all, daemon=True).start()

    def _fetch_all(self) -> None:
        for requirement in iter(self.jobs.get, None):
            try:
                event = self._fetch(requirement)
            except BaseException as error:  # pip ends the process where its settings are wrong
                event = partial(self._failed, requirement, error)
            self.events.put(event)

    def _fetch(self, requirement: Any) -> Callable[[], None]:
        if self.broken:
            raise LookupError("nothing can be fetched")
        wanted = Wanted(requirement, prefer_final=self.prefer_final)
        offer = self.depot.offer(wanted, self.places)
        if offer is None:
            raise LookupError(f"nothing satisfies {requirement}")
        offer, path = self.depot.artifact(offer, self.places)
        if offer.source:
            return self.progress.drop  # zc.buildout's own resolution builds it, if it has to
        return partial(
            self._unpacking, requirement, self.workers.submit(path, offer.file, self.folder)
        )

    def _failed(self, requirement: Any, error: BaseException) -> None:
        if isinstance(error, fetch.MismatchError):
            raise error
        if isinstance(error, fetch.NoAnswerError):
            self.broken = True  # each of the others would take as long to find out
        self.progress.drop()
        logger.debug("Not prefetched: %s: %s", requirement, error)

    def _unpacking(self, requirement: Any, job: Job) -> None:
        self.pending += 1
        job.egg.add_done_callback(
            lambda egg: self.events.put(partial(self._placed, requirement, egg))
        )
        try:
            metadata = job.metadata.result()
        except UnpackError:
            return  # so says job.egg, too
        self._start(self.walk.learn(normalised(requirement.project_name), metadata))

    def _placed(self, requirement: Any, egg: "Future[Egg]") -> None:
        try:
            made = egg.result()
        except UnpackError as error:
            self._failed(requirement, error)
            return
        self.depot.shelf(self.folder).add(made.path)
        self.progress.finish(f"{made.name} {made.version}")
