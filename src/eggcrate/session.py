"""How to get to an index: as the pinned pip does, from its configuration and the environment.

Proxies, certificates, trusted hosts, netrc and keyrings are read by one program on a machine, and
that is pip. It is imported when something is to be fetched, and not before.
"""

import functools
import importlib
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

# Fewer than pip's 5, which wait 8 seconds: whoever is offline would rather know.
_RETRIES = 2


@dataclass(frozen=True)
class Sources:
    """What pip's configuration says: where to look, and the session to look with."""

    session: Any
    indexes: tuple[str, ...]
    find_links: tuple[str, ...]


def configured() -> Sources:
    """Return what `pip install` would use without options."""
    # It would warn of each retry; what failed in the end is said in an exception.
    logging.getLogger("pip").setLevel(logging.ERROR)
    cmdoptions = importlib.import_module("pip._internal.cli.cmdoptions")
    commands = importlib.import_module("pip._internal.cli.index_command")
    command = commands.IndexGroupCommand("install", "")
    group = cmdoptions.make_option_group(cmdoptions.index_group, command.parser)
    command.parser.add_option_group(group)
    # No questions: they would come from several threads at once.
    options, _ = command.parse_args(["--no-input"])
    # What is downloaded is kept by its hash elsewhere (cache.py), and a list of files grows old.
    options.cache_dir = None
    indexes = [] if options.no_index else [options.index_url, *options.extra_index_urls]
    session = command._build_session(options, retries=min(options.retries, _RETRIES))
    _keep_certificates(session)
    return Sources(
        session,
        tuple(url for url in indexes if url),
        tuple(options.find_links),
    )


def _keep_certificates(session: Any) -> None:
    """Let the certificates of the authorities be read once, and not for each connection.

    OpenSSL 3 takes 0.1 s of a processor for it. pip has one context for all connections already,
    which several threads begin to use at the same time.
    """
    context = session.get_adapter("https://").poolmanager.connection_pool_kw.get("ssl_context")
    for owner, name in (
        (context, "load_verify_locations"),  # pip's own, or those of the option `cert`
        (getattr(context, "_ctx", None), "set_default_verify_paths"),  # truststore: the system's
    ):
        if hasattr(owner, name):
            setattr(owner, name, _once(getattr(owner, name)))


def _once(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that asks another one once for each set of arguments."""
    guard, known = threading.Lock(), functools.cache(function)

    @functools.wraps(function)
    def once(*args: Any, **kwargs: Any) -> Any:
        with guard:
            return known(*args, **kwargs)

    return once


def explain(error: BaseException) -> str:
    """Return in a few words why a request failed: what the system said, at the bottom of it all."""
    reason = error
    for deeper in _chain(error):
        reason = deeper
        if isinstance(deeper, OSError) and deeper.strerror:
            break
    text = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
    return " ".join(str(text).split())


def _chain(error: BaseException) -> list[BaseException]:
    """Return the error and what it says it comes from, outermost first."""
    found: list[BaseException] = []
    following: Any = error
    while isinstance(following, BaseException) and following not in found:
        found.append(following)
        inner = [getattr(following, "reason", None), following.__cause__, *following.args]
        inner.append(following.__context__)
        following = next((one for one in inner if isinstance(one, BaseException)), None)
    return found
