"""Where rivals run: their environment, the applications, and what comes before a measurement."""

import contextlib
import importlib.metadata
import resource
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from benchmarks import environment, rivals, wrk
from benchmarks.errors import PeerError
from benchmarks.peers import Programs
from benchmarks.rivals import Rival
from benchmarks.server import Server, free_port
from benchmarks.tools import Tools

HELLO = "Hello, world!"
# Load before anything is measured, in seconds: caches of the application and of the allocator.
WARM_UP, WARM_UP_CLIENTS = 0.4, 20
_APPLICATIONS = Path(__file__).with_name("apps")


class Stage:
    """Starts rivals, each in a folder of its own with all applications."""

    def __init__(self, folder: Path, programs: Programs, versions: dict[str, str]) -> None:
        self.versions = versions
        self._folder = folder
        self._programs = programs

    def missing(self, rival: Rival) -> list[str]:
        """Return the distributions that a rival needs and that are not installed."""
        installed = {name.lower() for name in self.versions}
        return [name for name in rival.needs if name.lower() not in installed]

    def versions_of(self, chosen: Iterable[Rival]) -> dict[str, str]:
        """Return the versions of Carboy, of Flask, and of what these rivals need."""
        needs = {name.lower() for rival in chosen for name in rival.needs}
        wanted = {"carboy", "flask", "werkzeug", "waitress", *needs}
        return {name: text for name, text in self.versions.items() if name.lower() in wanted}

    @contextlib.contextmanager
    def running(self, rival: Rival) -> Iterator[Server]:
        """Start a rival; it has all its workers, nothing left to do, and has been warmed up."""
        port, place = free_port(), self.place()
        with Server(rival.command(self._programs, port), port, place) as server:
            server.wait_for(HELLO)
            server.wait_until_settled(rival.workers + rival.others)
            shot = wrk.shoot(port, clients=WARM_UP_CLIENTS, seconds=WARM_UP)
            if not shot.requests:
                raise server.failure("no answer while it was warmed up")
            yield server

    def place(self) -> Path:
        """Return a new folder with all applications."""
        place = Path(tempfile.mkdtemp(dir=self._folder))
        shutil.copytree(_APPLICATIONS, place, dirs_exist_ok=True)
        return place


@contextlib.contextmanager
def build(tools: Tools) -> Iterator[Stage]:
    """Make the environment that the rivals run in. Raises `BenchError` if wrk is missing."""
    wrk.find()
    raise_limit()
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        flat = environment.flatten(tools.servers, folder / "servers")
        programs = {"serve": tools.serve, "python": [flat]}
        yield Stage(folder, programs, versions(flat, rivals.DISTRIBUTIONS))


def versions(python: str, names: Iterable[str]) -> dict[str, str]:
    """Return Carboy's version and those of the distributions that `python` has."""
    try:
        own = importlib.metadata.version("carboy")
    except importlib.metadata.PackageNotFoundError:
        own = "not installed"
    return {"carboy": own, **environment.versions(python, names)}


def raise_limit() -> None:
    """Let the clients and all servers open as many files as the system allows."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def require_files(number: int) -> None:
    """Raise `PeerError` if this process cannot have so many files open."""
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < number:
        raise PeerError(f"{number} open files are needed, and {soft} allowed (ulimit -Hn)")
