"""`serve run`: bind the sockets, say what is served, and be the master until told to stop."""

import contextlib
import resource
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from carboy import application, binds, project
from carboy.application import ApplicationError
from carboy.console import Console
from carboy.master import Master
from carboy.monitor import Monitor
from carboy.settings import Resolved


def run(resolved: Resolved) -> int:
    """Serve until stopped; return the exit code. Raises `UserError` for what keeps it from it."""
    options: Any = resolved.options
    application.split(require_application(options))
    application.working_folder(options.chdir)
    _raise_limit()
    listeners = binds.open_sockets(binds.resolve(options.bind, options.host, options.port))
    root = project.root()
    console = Console(root=root)
    monitor = Monitor() if options.reload else None
    try:
        if monitor:
            monitor.watch(watched(resolved, root))
        console.banner(_banner(resolved, [binds.describe(sock) for sock in listeners]), "Carboy")
        return Master(options, listeners, console, monitor=monitor).run()
    finally:
        if monitor:
            monitor.close()
        for sock in listeners:
            binds.close(sock)


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


def _banner(resolved: Resolved, addresses: Sequence[str]) -> Iterable[tuple[str, str]]:
    options: Any = resolved.options
    yield "serving", ", ".join(addresses)
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
