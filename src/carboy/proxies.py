"""What reverse proxies say of their clients, believed from those that are trusted.

`carboy.parser` keeps the headers by which a proxy speaks apart from the others; an application
never sees them unless `wrap` puts them back, because the peer is trusted.
"""

import logging
from collections.abc import Iterable, Mapping
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

from waitress.proxy_headers import MalformedProxyHeader, parse_proxy_headers
from waitress.utilities import BadRequest

from carboy.application import WSGIApplication
from carboy.errors import UserError

# Where a request's environment holds them until then, if there are any.
KEY = "carboy.forwarded"

_X_HEADERS = {f"x-forwarded-{name}" for name in ("for", "host", "port", "proto", "by")}
# The address that waitress gives all peers on a Unix socket.
UNIX = "localhost"

_logger = logging.getLogger("carboy")


class Trusted:
    """The addresses and networks of trusted proxies; `address in trusted` asks.

    Raises `UserError` for what is neither an address, a network nor `unix`.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        texts = tuple(texts)
        self._has_unix = "unix" in texts
        self._networks = tuple(_network(text) for text in texts if text != "unix")
        self._knows = lru_cache(maxsize=4096)(self._look_up)

    def __bool__(self) -> bool:
        return self._has_unix or bool(self._networks)

    def __contains__(self, address: str) -> bool:
        return self._knows(address)

    def _look_up(self, address: str) -> bool:
        if address == UNIX:
            return self._has_unix
        try:
            found = ip_address(address)
        except ValueError:
            return False
        if isinstance(found, IPv6Address) and found.ipv4_mapped:
            found = found.ipv4_mapped
        return any(found in network for network in self._networks)

    def hops(self, addresses: Iterable[str]) -> int:
        """Return how many of a chain count: the trusted ones at its end, and one before them."""
        count = 1
        for address in reversed([_bare(text) for text in addresses]):
            if address == UNIX or address not in self:
                break
            count += 1
        return count


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(text)
    except ValueError as error:
        raise UserError(
            f"trusted_proxy: {text!r} is no address, no network and not 'unix' ({error})"
        ) from None


def wrap(application: WSGIApplication, trusted: Trusted) -> WSGIApplication:
    """Return the application as it is to be served behind these proxies."""
    return Believer(application, trusted) if trusted else application


class Believer:
    """Corrects the environment by what a trusted proxy says; answers 400 if that makes no sense."""

    def __init__(self, application: WSGIApplication, trusted: Trusted) -> None:
        self._application = application
        self._trusted = trusted

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Answer a request as WSGI applications do."""
        forwarded = environ.pop(KEY, None)
        peer = environ["REMOTE_ADDR"]
        if forwarded and peer in self._trusted:
            try:
                believe(environ, forwarded, self._trusted)
            except MalformedProxyHeader as error:
                _logger.warning(
                    "malformed %s from %s: %s: %r", error.header, peer, error.reason, error.value
                )
                refusal: Any = BadRequest(f"Header {error.header} malformed.")
                return list(refusal.wsgi_response(environ, start_response))
        return self._application(environ, start_response)


def believe(environ: dict[str, Any], forwarded: Mapping[str, str], trusted: Trusted) -> None:
    """Correct an environment by the headers of a trusted proxy, which become visible in it.

    Those that begin with X- count; Forwarded (RFC 7239) only where there is none of them, because
    a proxy that sets the former passes the latter on as its client sent it. Raises waitress's
    `MalformedProxyHeader`.
    """
    is_old = any(f"X_FORWARDED_{name}" in forwarded for name in ("FOR", "PROTO", "HOST", "PORT"))
    for name, value in forwarded.items():
        if name != "FORWARDED" or not is_old:
            environ[f"HTTP_{name}"] = value
    if is_old:
        count = trusted.hops(forwarded.get("X_FORWARDED_FOR", "").split(","))
        _keep(environ, count, "FOR", "PROTO", "PORT")
        _simplify(environ)
        _parse(environ, count, _X_HEADERS)
        # An application that looks for itself, as Werkzeug's ProxyFix does, finds the same.
        _keep(environ, count, "HOST")
        if "HTTP_X_FORWARDED_FOR" in environ:
            environ["HTTP_X_FORWARDED_FOR"] = environ["REMOTE_ADDR"]
    elif "FORWARDED" in forwarded:
        _parse(environ, trusted.hops(_fors(forwarded["FORWARDED"])), {"forwarded"})


def client_of(peer: str, forwarded: Mapping[str, str], trusted: Trusted) -> str:
    """Return the address of whose request it is: the peer's, or what a trusted proxy says."""
    if not forwarded or peer not in trusted:
        return peer
    environ = {
        "REMOTE_ADDR": peer,
        "SERVER_NAME": "",
        "SERVER_PORT": "",
        "wsgi.url_scheme": "http",
    }
    try:
        believe(environ, forwarded, trusted)
    except MalformedProxyHeader:
        return peer  # it will be refused
    return environ["REMOTE_ADDR"]


def _parse(environ: dict[str, Any], count: int, names: set[str]) -> None:
    try:
        parse_proxy_headers(environ, count, names, logger=_logger)
    except IndexError:  # an address of nothing but punctuation
        raise MalformedProxyHeader("Forwarded", "no address", "") from None


def _simplify(environ: dict[str, Any]) -> None:
    """Take brackets and port from an IPv6 address, which waitress would not understand."""
    text = environ.pop("HTTP_X_FORWARDED_FOR", "")
    if text and not _bare(text):
        raise MalformedProxyHeader("X-Forwarded-For", "no address", text)
    if text:
        environ["HTTP_X_FORWARDED_FOR"] = _bare(text) if "[" in text else text


def _keep(environ: dict[str, Any], count: int, *names: str) -> None:
    """Leave of a header to which each proxy may have added what the first trusted one said."""
    for key in (f"HTTP_X_FORWARDED_{name}" for name in names):
        if key in environ:
            environ[key] = environ[key].split(",")[-count:][0].strip()


def _fors(text: str) -> list[str]:
    """Return the address of each element of a Forwarded header, or an empty text."""
    return [
        next(
            (
                value
                for name, _, value in (pair.partition("=") for pair in element.split(";"))
                if name.strip().lower() == "for"
            ),
            "",
        )
        for element in text.split(",")
    ]


def _bare(address: str) -> str:
    """Return an address of a header without quotes, brackets and port."""
    address = address.strip().strip('"')
    if address.startswith("["):
        return address[1:].partition("]")[0]
    return address.rpartition(":")[0] if address.count(":") == 1 else address
