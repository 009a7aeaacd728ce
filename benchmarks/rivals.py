"""Who is measured under load, and how each is started in production."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.peers import Programs

LISTEN = "127.0.0.1:{port}"


@dataclass(frozen=True)
class Rival:
    """One way to serve an application.

    `program` is a key of `Programs`; in `arguments` stand `{port}`, `{app}`, `{workers}` and
    `{threads}`. `needs` are the distributions that have to be installed for it.
    `patience` is added where idle connections have to stay open.
    """

    name: str
    program: str
    arguments: tuple[str, ...]
    needs: tuple[str, ...] = ()
    app: str = "flask_app:app"
    workers: int = 2
    threads: int = 4
    # Processes that are no workers.
    others: int = 1
    patience: tuple[str, ...] = ()

    def command(self, programs: Programs, port: int) -> list[str]:
        """Return the command that serves on `port` of the loopback address."""
        values = {
            "port": port,
            "app": self.app,
            "workers": self.workers,
            "threads": self.threads,
        }
        return [*programs[self.program], *(text.format(**values) for text in self.arguments)]

    def patient(self) -> "Rival":
        """Return it with what keeps idle connections open."""
        return self.having(*self.patience)

    def having(self, *arguments: str) -> "Rival":
        """Return it with further arguments."""
        return dataclasses.replace(self, arguments=(*self.arguments, *arguments))

    def serving(self, app: str) -> "Rival":
        """Return it with another application."""
        return dataclasses.replace(self, app=app)


CARBOY = Rival(
    "Carboy",
    "serve",
    (
        "--env=production",
        "--app={app}",
        f"--bind={LISTEN}",
        "--workers={workers}",
        "--threads={threads}",
        # The others write none unless they are told to; `bin/bench log` tells what it costs.
        "--access-log=off",
    ),
)
WAITRESS = Rival(
    "waitress, forked",
    "python",
    ("forked_waitress.py", "{port}", "{app}", "{workers}", "{threads}"),
    ("waitress",),
)
# Its control socket would lie in the home folder.
_GUNICORN = (*("-m", "gunicorn", f"--bind={LISTEN}", "--workers={workers}", "--no-control-socket"),)
GUNICORN_SYNC = Rival("gunicorn sync", "python", (*_GUNICORN, "{app}"), ("gunicorn",), threads=1)
GTHREAD = Rival(
    "gunicorn gthread",
    "python",
    (*_GUNICORN, "--worker-class=gthread", "--threads={threads}", "{app}"),
    ("gunicorn",),
    patience=("--keep-alive=75", "--worker-connections=10000"),
)
GRANIAN = Rival(
    "granian",
    "python",
    (
        *("-m", "granian", "--interface=wsgi", "--no-access-log", "--host=127.0.0.1"),
        *("--port={port}", "--workers={workers}", "--blocking-threads={threads}", "{app}"),
    ),
    ("granian",),
    patience=("--backpressure=10000",),
)
# By its HTTP router, which keeps connections; a process of its own.
UWSGI = Rival(
    "uWSGI",
    "python",
    (
        *("-c", "import sys, pyuwsgi; pyuwsgi.run(sys.argv[1:])", f"--http={LISTEN}"),
        *("--http-keepalive", "--master", "--die-on-term", "--disable-logging"),
        *("--processes={workers}", "--threads={threads}", "--module={app}"),
    ),
    ("pyuwsgi",),
    others=2,
)

# The first one is what the others are compared with.
SERVERS = (CARBOY, WAITRESS, GUNICORN_SYNC, GTHREAD, GRANIAN, UWSGI)


def _own(name: str, *arguments: str, workers: int = 1) -> Rival:
    """Return a framework on its own server; several workers have a parent, one has none."""
    needs = (name.partition(",")[0],)
    others = 1 if workers > 1 else 0
    return Rival(name, "python", arguments, needs, workers=workers, others=others)


def _by_gunicorn(framework: str) -> Rival:
    app = f"{framework.lower()}_app:app"
    needs = (framework, *GTHREAD.needs)
    return dataclasses.replace(GTHREAD, name=f"{framework}, gunicorn", app=app, needs=needs)


# Each framework on its own server and on one that its users would pick; Tornado's is its own.
FRAMEWORKS = (
    dataclasses.replace(CARBOY, name="Flask, Carboy"),
    _own("Bottle, wsgiref", "bottle_app.py", "{port}"),
    _by_gunicorn("Bottle"),
    _own("Django, runserver", "django_app.py", "runserver", "--noreload", LISTEN),
    _by_gunicorn("Django"),
    _own("Pyramid, waitress", "pyramid_app.py", "{port}"),
    _by_gunicorn("Pyramid"),
    _own("Tornado, 1 process", "tornado_app.py", "{port}", "1"),
    _own("Tornado, 2 processes", "tornado_app.py", "{port}", "2", workers=2),
)

# Whose versions are told.
DISTRIBUTIONS = (
    *("Flask", "Werkzeug", "waitress", "gunicorn", "granian", "pyuwsgi"),
    *("bottle", "Django", "pyramid", "tornado"),
)


def select(rivals: Sequence[Rival], names: Sequence[str]) -> tuple[Rival, ...]:
    """Return those whose name contains one of `names`, in either case; all without names."""
    wanted = [name.lower() for name in names]
    return tuple(
        rival
        for rival in rivals
        if not wanted or any(name in rival.name.lower() for name in wanted)
    )
