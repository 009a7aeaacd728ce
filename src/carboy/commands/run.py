"""`serve run`: bind the sockets, say what is served, and be the master until told to stop."""

import contextlib
import os
import resource
import socket
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from carboy import activation, application, binds, project, remote
from carboy.application import ApplicationError
from carboy.binds import Bind
from carboy.console import Console
from carboy.control import ControlError, ControlSocket
from carboy.errors import UserError
from carboy.master import Master
from carboy.monitor import Monitor
from carboy.notify import Notifier
from carboy.pid_file import PidFile
from carboy.settings import Resolved


def run(resolved: Resolved) -> int:
    """Serve until stopped; return the exit code. Raises `UserError` for what keeps it from it."""
    options: Any = resolved.options
    application.split(require_application(options))
    application.working_folder(options.chdir)
    _raise_limit()
    root = project.root()
    console = Console(root=root)
    notifier = Notifier.take(os.environ)
    with contextlib.ExitStack() as undo:
        listeners = _open(addresses(resolved, console), undo)
        probes = _open([binds.parse(options.status)] if options.status else [], undo)
        if options.pid_file:
            undo.enter_context(PidFile(root / options.pid_file))
        monitor = _monitor(resolved, root, undo) if options.reload else None
        console.banner(_banner(resolved, listeners, probes), "Carboy")
        control = _control(remote.control_path(options), console, undo)
        master = Master(
            options,
            listeners,
            console,
            monitor=monitor,
            control=control,
            status=probes,
            notifier=notifier,
        )
        return master.run()


def addresses(resolved: Resolved, console: Console) -> list[Bind]:
    """Return where to serve: what was configured, else what systemd has bound, else the default.

    Raises `UserError` for a debugger that other machines could reach.
    """
    options: Any = resolved.options
    passed = activation.take(os.environ)
    names = ("bind", "host", "port")
    is_explicit = any(resolved.provenance[name].layer != "default" for name in names)
    configured = binds.resolve(options.bind, options.host, options.port)
    if is_explicit or not passed:
        unused = {bind.fd for bind in passed} - {bind.fd for bind in configured}
        if unused:
            # Connections to them would wait for ever.
            console.warn(f"sockets of systemd are not served: {', '.join(names)} name others")
        return configured
    if options.debug and not all(bind.is_loopback for bind in passed):
        raise UserError("debug: systemd passed a socket that other machines can reach")
    return passed


def _open(wanted: Sequence[Bind], undo: contextlib.ExitStack) -> list[socket.socket]:
    sockets = binds.open_sockets(wanted)
    for sock in sockets:
        undo.callback(binds.close, sock)
    return sockets


def _monitor(resolved: Resolved, root: Path, undo: contextlib.ExitStack) -> Monitor:
    monitor = Monitor()
    undo.callback(monitor.close)
    monitor.watch(watched(resolved, root))
    return monitor


def _control(path: Path, console: Console, undo: contextlib.ExitStack) -> socket.socket | None:
    try:
        return undo.enter_context(ControlSocket(path)).socket
    except ControlError as error:  # what is served is worth more than what can be asked
        console.warn(str(error))
        return None


def _raise_limit() -> None:
    """Let this process and its workers open as many connections as the system allows them."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def require_application(options: Any) -> str:
    """Return the application's name; raises `ApplicationError` if none was given."""
    if options.app is None:
        raise ApplicationError("there is no application to serve: name one with --app MODULE:NAME")
    name: str = options.app
    return name


def watched(resolved: Resolved, root: Path) -> list[Path]:
    """Return what to watch in development: the project's sources, the application's, settings."""
    options: Any = resolved.options
    found = [root / "src", root / "etc", *resolved.files]
    if folder := application.working_module_folder(resolved):
        found.append(folder)
    else:
        origin = application.find_origin(options.app)
        if origin and not is_installed(origin):
            found.append(origin)
    return [path for path in found if path.is_dir() or path in resolved.files]


def is_installed(folder: Path) -> bool:
    """Return whether a folder of modules belongs to Python or to an egg: nobody edits it."""
    outside = {Path(sys.prefix), Path(sys.base_prefix)}
    return folder.suffix == ".egg" or not outside.isdisjoint([folder, *folder.parents])


def _banner(
    resolved: Resolved, listeners: Sequence[socket.socket], probes: Sequence[socket.socket]
) -> Iterable[tuple[str, str]]:
    options: Any = resolved.options
    yield "serving", ", ".join(map(binds.describe, listeners))
    if probes:
        yield "status", ", ".join(map(binds.describe, probes))
    yield "application", options.app
    yield "environment", resolved.env
    yield "workers", f"{options.workers} x {options.threads} threads"
    modes = [name for name in ("debug", "reload") if getattr(options, name)]
    yield "switched on", ", ".join(modes) or "neither debug nor reload"
    yield "settings", _origins(resolved)
    yield "to stop", "Ctrl-C"


def _origins(resolved: Resolved) -> str:
    """Return the places above the declared defaults that gave an option or a setting."""
    found = dict.fromkeys(
        f"{origin.layer} {origin.source}" if origin.layer != "file" else origin.source
        for origin in resolved.provenance.values()
        if origin.layer != "default"
    )
    return ", ".join(found) or "defaults"
