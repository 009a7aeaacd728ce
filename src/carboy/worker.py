"""A worker: a fresh interpreter that makes the application and serves it for its master."""

import contextlib
import importlib.util
import os
import resource
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from carboy import application, application_log, hooks, project, proxies
from carboy.application import WSGIApplication
from carboy.debugging import BrokenApplication, PlainErrors, pin_of, wrap
from carboy.errors import UserError
from carboy.limits import Limits
from carboy.link import Link
from carboy.observer import Observer
from carboy.orders import Orders
from carboy.serving import Server
from carboy.sight import make_observer

# Python lets a thread that computes go on for so many seconds while others wait for their turn. Of
# the usual five milliseconds, every answer that is made beside such a thread waits for several.
SWITCH_INTERVAL = 0.0005


class Worker:
    """Makes the application, tells the master how that went, serves until told to drain."""

    def __init__(self, orders: Orders, resolve: Callable[[], Any]) -> None:
        self._orders = orders
        self._resolve = resolve
        self._observer = Observer()
        self._link = Link(socket.socket(fileno=orders.link))
        self._listeners = [socket.socket(fileno=number) for number in orders.listeners]
        for number in (orders.link, orders.lifeline, *orders.listeners):
            os.set_inheritable(number, False)

    def run(self) -> int:
        """Return the exit code of the worker."""
        _die_with_master(self._orders.lifeline)
        sys.setswitchinterval(SWITCH_INTERVAL)
        # The terminal sends Ctrl-C to everyone; what it means for workers is the master's word.
        signal.signal(signal.SIGINT, lambda *_: None)
        options = SimpleNamespace(**self._orders.options)
        forget_bytecode(self._orders.changed)
        try:
            if self._orders.broken:
                raise RuntimeError(self._orders.broken)
            resolved = self._resolve()
            options = resolved.options
            # Before the application is made, which may change the working folder.
            self._observer = make_observer(options, root=project.root())
            app = self._make(resolved)
            application_log.set_up(as_json=options.log_format == "json")
        except BaseException as error:  # also SystemExit: a module may say exit()
            self._report(error)
            return self._serve(BrokenApplication(error), options) if options.reload else 1
        code = self._serve(app, options)
        hooks.worker_stopping.send(app)
        return code

    def _make(self, resolved: Any) -> WSGIApplication:
        app = make_application(resolved)
        self._link.send("made")
        if self._wait_for("prepare")["once"]:
            hooks.generation_started.send(app)
        hooks.worker_started.send(app)
        return app

    def _wait_for(self, kind: str) -> dict[str, Any]:
        message = self._link.wait()
        if message is None or message.kind != kind:
            os._exit(1)  # the master has died, or wants another generation by now
        return message.fields

    def _report(self, error: BaseException) -> None:
        text = str(error) if isinstance(error, UserError) else _format(error)
        self._link.send(
            "failed",
            text=text,
            is_user_error=isinstance(error, UserError),
            files=[str(path) for path in _files_of(error)],
        )

    def _serve(self, app: WSGIApplication, options: Any) -> int:
        if options.debug:
            app = wrap(app, evaluate=options.workers == 1)
        elif isinstance(app, BrokenApplication):
            app = PlainErrors(app)
        trusted = proxies.Trusted(options.trusted_proxy)
        server = Server(
            proxies.wrap(app, trusted),
            self._listeners,
            self._link,
            threads=options.threads,
            connection_limit=_connection_limit(),
            is_multiprocess=options.workers > 1,
            limits=Limits.of(options),
            trusted=trusted,
            observer=self._observer,
        )
        signal.signal(signal.SIGTERM, lambda *_: server.ask_to_drain(options.grace))
        self._link.send("ready", watch=_own_sources() if options.reload else [])
        if options.debug and self._orders.generation == 1:
            self._link.send("debugger", pin=pin_of(app))
        server.run()
        self._observer.close()
        return 0


def _own_sources() -> list[str]:
    """Return the imported files that somebody may edit: neither Python's nor an egg's."""
    # Not getattr: a module that loads itself lazily would do so, and may fail.
    found = {getattr(module, "__dict__", {}).get("__file__") for module in sys.modules.values()}
    outside = _outside()  # once: there may be a thousand modules
    return [path for path in found if isinstance(path, str) and not path.startswith(outside)]


def is_own(path: str) -> bool:
    """Return whether somebody may edit a file: it is neither Python's nor in an egg."""
    return not path.startswith(_outside())


def _outside() -> tuple[str, ...]:
    eggs = (entry for entry in sys.path if entry.endswith(".egg"))
    folders = (sys.prefix, sys.base_prefix, *eggs)
    return tuple(f"{folder.rstrip(os.sep)}{os.sep}" for folder in folders)


def make_application(resolved: Any) -> WSGIApplication:
    """Import the application and make it from its settings, as a worker does.

    Raises `UserError` for what the operator can mend; errors of the application pass through.
    """
    options = resolved.options
    folder = application.working_module_folder(resolved)
    os.chdir(application.working_folder(options.chdir))
    if folder:
        sys.path.insert(0, str(folder))
    # Flask reads it where the application is created, which may be at import.
    os.environ["FLASK_DEBUG"] = "1" if options.debug else "0"
    return application.load(options.app, resolved.settings, given=resolved.given)


def forget_bytecode(paths: Iterable[str]) -> None:
    """Remove the compiled forms of files that have changed.

    Python takes a compiled file for fresh if size and time in whole seconds agree (PEP 552): two
    saves within a second, `1` to `2`, would bring the first one back.
    """
    for path in paths:
        if path.endswith(".py"):
            with contextlib.suppress(OSError):
                Path(importlib.util.cache_from_source(path)).unlink()


def _die_with_master(lifeline: int) -> None:
    """End the process when the master is gone, even while the application is being imported."""

    def wait() -> None:
        with contextlib.suppress(OSError):
            os.read(lifeline, 1)
        os._exit(1)

    threading.Thread(target=wait, name="carboy-lifeline", daemon=True).start()


def _connection_limit() -> int:
    """Return how many connections may be open: what the process may open, less what it needs."""
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        soft = 65536
    return max(soft - min(256, soft // 4), 16)


def _format(error: BaseException) -> str:
    return "".join(traceback.format_exception(error)).rstrip()


def _files_of(error: BaseException) -> set[Path]:
    """Return the files that a traceback names: the next save that mends it is in one of them."""
    found: set[Path] = set()
    seen: BaseException | None = error
    while seen is not None:
        for frame in traceback.extract_tb(seen.__traceback__):
            found.add(Path(frame.filename))
        if isinstance(seen, SyntaxError) and seen.filename:
            found.add(Path(seen.filename))
        seen = seen.__cause__ or seen.__context__
    return {path.absolute() for path in found if path.name[0] != "<" and is_own(str(path))}
