"""`serve check`: try everything that a start would need, and list all that is wrong."""

import functools
import os
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TextIO

from carboy import binds, project
from carboy.commands.run import require_application
from carboy.errors import UserError
from carboy.pid_file import PidFile
from carboy.settings import Resolved


def run(resolved: Resolved, *, stream: TextIO) -> int:
    """Print every problem, or that there is none; return 1 or 0.

    Sockets are bound and closed again; the application is imported and made in this process.
    """
    problems = [*resolved.problems]
    for check in (_check_application, _check_sockets, _check_files):
        problems += check(resolved)
    for problem in problems:
        print(problem, file=stream)
    if not problems:
        print(f"ready to serve {resolved.options.app} ({resolved.env})", file=stream)
    return 1 if problems else 0


def _try(what: str, action: Callable[[], Any]) -> Iterator[str]:
    try:
        action()
    except UserError as error:
        yield str(error)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a module may call exit() when imported
        yield f"{what}: {_in_one_line(error)}"


def _in_one_line(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({frames[-1].filename}:{frames[-1].lineno})" if frames else ""
    if isinstance(error, SyntaxError):
        where = f" ({error.filename}:{error.lineno})"
        return f"{type(error).__name__}: {error.msg}{where}"
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}{where}"


def _check_application(resolved: Resolved) -> Iterator[str]:
    from carboy.worker import make_application

    folder = Path.cwd()
    try:
        yield from _try("application", lambda: require_application(resolved.options))
        if resolved.options.app is not None:
            yield from _try("application", lambda: make_application(resolved))
    finally:
        os.chdir(folder)


def _check_sockets(resolved: Resolved) -> Iterator[str]:
    options: Any = resolved.options

    places = [*(options.bind or [binds.join(options.host.strip("[]"), options.port)])]
    for text in [*places, *([options.status] if options.status else [])]:
        yield from _try(f"bind {text}", functools.partial(_bind, text))


def _bind(text: str) -> None:
    for sock in binds.open_sockets([binds.parse(text)]):
        binds.close(sock)


def _check_files(resolved: Resolved) -> Iterator[str]:
    """Yield the files that cannot be read or written, without making any.

    Who checks may be somebody else than who will serve, and would own what is made here.
    """
    options: Any = resolved.options
    root = project.root()

    for path in resolved.files:
        if path.exists() and not os.access(path, os.R_OK):
            yield f"settings: {path} cannot be read"
    if options.access_log not in ("-", "off"):
        path = root / options.access_log
        yield from _unwritable("access log", path, path.parent)
    if options.pid_file:
        path = root / options.pid_file
        there = next(parent for parent in path.parents if parent.exists())  # the rest is made
        yield from _unwritable("pid file", path, there)
        yield from _try("pid file", PidFile(path).require_free)


def _unwritable(what: str, path: Path, folder: Path) -> Iterator[str]:
    if path.is_dir():
        yield f"{what}: {path} is a folder"
    elif path.exists():
        if not os.access(path, os.W_OK):
            yield f"{what}: {path} cannot be written"
    elif not (folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)):
        yield f"{what}: {path} cannot be made in {folder}"
