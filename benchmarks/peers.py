"""Who is measured, and how each is started. All serve the same file; ready is a first 200."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.subject import MODULE


@dataclass(frozen=True)
class Peer:
    """One way to serve an application in development.

    `program` is a key of `Programs`; `{port}` stands in `arguments` for the port.
    """

    name: str
    program: str
    arguments: tuple[str, ...]

    def command(self, programs: "Programs", port: int) -> list[str]:
        """Return the command that serves on `port` of the loopback address."""
        return [*programs[self.program], *(text.format(port=port) for text in self.arguments)]


# "serve": Carboy's own command; "python": an interpreter with the other peers installed.
Programs = Mapping[str, Sequence[str]]

APPLICATION = f"{MODULE}:app"
LISTEN = "127.0.0.1:{port}"
# What its script says; it cannot be run with `-m`.
HUPPER = "from hupper.cli import main; main()"

# The first one is what the others are compared with.
PEERS = (
    Peer("Carboy", "serve", ("--app", APPLICATION, "--bind", LISTEN)),
    Peer(
        "flask run --debug",
        "python",
        ("-m", "flask", "--app", APPLICATION, "run", "--debug", "--port", "{port}"),
    ),
    Peer(
        "gunicorn --reload",
        "python",
        ("-m", "gunicorn", "--reload", "--bind", LISTEN, APPLICATION),
    ),
    Peer(
        "hupper + waitress",
        "python",
        ("-c", HUPPER, "-m", "waitress", f"--listen={LISTEN}", APPLICATION),
    ),
)

# Whose versions are told; Carboy's is that of this project.
DISTRIBUTIONS = ("Flask", "Werkzeug", "gunicorn", "hupper", "waitress")
# What would make a peer watch in another way, if somebody had installed it.
OPTIONAL = ("watchdog", "inotify", "pywatchman")


def select(names: Sequence[str]) -> tuple[Peer, ...]:
    """Return the peers whose name contains one of `names`, in either case; all without names."""
    wanted = [name.lower() for name in names]
    return tuple(
        peer for peer in PEERS if not wanted or any(name in peer.name.lower() for name in wanted)
    )
