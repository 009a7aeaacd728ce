"""A request's line and headers: waitress's parser, strict where it lets two readers disagree.

What a proxy in front reads differently from what is read here lets one client smuggle a request
into the connection of another. So everything that RFC 9112 calls wrong, and allows to be refused,
is refused, and the connection closed.
"""

import re
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import unquote_to_bytes

from waitress.buffers import OverflowableBuffer
from waitress.parser import HTTPRequestParser
from waitress.receiver import FixedStreamReceiver
from waitress.utilities import BadRequest, Error, ServerNotImplemented

from carboy.chunked import ChunkedBody

# What a proxy says of its client, as keys of `Parser.headers`: kept apart from the other headers,
# since only `carboy.proxies` may believe it.
FORWARDED = frozenset(
    {
        "FORWARDED",
        "X_FORWARDED_BY",
        "X_FORWARDED_FOR",
        "X_FORWARDED_HOST",
        "X_FORWARDED_PORT",
        "X_FORWARDED_PREFIX",
        "X_FORWARDED_PROTO",
        "X_FORWARDED_PROTOCOL",
        "X_FORWARDED_SCHEME",
        "X_FORWARDED_SERVER",
        "X_FORWARDED_SSL",
        "X_REAL_IP",
    }
)
# Headers that say one thing: twice is a contradiction, or somebody hopes for one.
_SINGLE = frozenset({"HOST", "CONTENT_LENGTH", "CONTENT_TYPE", "TRANSFER_ENCODING"})

_SPECIAL = frozenset({"CONNECTION", "CONTENT_LENGTH", "TRANSFER_ENCODING"})
# What has no HTTP_ before its name in an environment (PEP 3333).
_BARE = {"CONTENT_LENGTH": "CONTENT_LENGTH", "CONTENT_TYPE": "CONTENT_TYPE"}
# A client says the same of itself with every request, and many ask for the same: so many lines and
# so many blocks of headers are remembered with what they say, if they have no more bytes than that.
REMEMBERED, LONGEST = 256, 2048

# Possessive quantifiers: nothing that a client sends makes these try twice (GHSA-73m2-3pwg-5fgc).
_NAME = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]++"
_VALUE = r"[\t\x20-\x7e\x80-\xff]*+"
_LINE = re.compile(r"([!#$%&'*+\-.^_`|~0-9A-Z]++) ([!\"$-~]++) HTTP/1\.([0-9])")
_OTHER_VERSION = re.compile(r"[^ ]++ [^ ]++ HTTP/(?!1\.)[0-9](?:\.[0-9])?")
_FIELDS = re.compile(rf"((?:{_NAME}:{_VALUE}\r\n)*+)(?:\r\n)?")
_FOLD = re.compile(r"\r\n[ \t]++")
_ABSOLUTE = re.compile(r"(https?)://([^/?]++)(.*)", re.IGNORECASE)
_HOST = re.compile(
    r"(?:[A-Za-z0-9\-._~%!$&'()*+,;=]*+|\[[A-Za-z0-9\-._~%!$&'()*+,;=:]++\])(?::[0-9]{0,5})?"
)
# More than any limit; longer numbers cost time, and Python raises for very long ones.
_LENGTH = re.compile(r"[0-9]{1,18}")


class _VersionNotSupported(Error):  # type: ignore[misc]  # noqa: N818  # an answer
    code = 505
    reason = "HTTP Version Not Supported"


class _Refused(Exception):  # noqa: N818
    """Carries the answer to a request that is not served."""

    def __init__(self, error: Error) -> None:
        self.error = error


@lru_cache(maxsize=1024)
def _key(name: str) -> str:
    return name.upper().replace("-", "_")


class _Line(NamedTuple):
    """What a request line says."""

    command: str
    request_uri: str
    version: str
    path: str
    query: str
    proxy_scheme: str
    proxy_netloc: str
    error: Error | None


class _Fields(NamedTuple):
    """What the headers say, for all requests that have the same; never changed."""

    headers: dict[str, str]
    forwarded: dict[str, str]
    variables: dict[str, str]
    # They say something of the body or of the connection.
    are_special: bool


class Parser(HTTPRequestParser):  # type: ignore[misc]
    """One request; `error` is the answer if it is refused.

    Beyond waitress's attributes, `forwarded` holds the headers by which a proxy speaks of its
    client; those never stand in `headers`. All attributes have values from the beginning, also
    when the request cannot be read.
    """

    first_line = b""
    command = request_uri = path = query = fragment = ""
    proxy_scheme = proxy_netloc = ""
    url_scheme = "http"
    request_id = ""  # from the observer
    forwarded: dict[str, str] = {}  # noqa: RUF012  # replaced, never changed
    # The headers as an environment has them; None if they have changed since.
    _variables: dict[str, str] | None = None

    def parse_header(self, header_plus: bytes) -> None:
        """Read line and headers, all of them; sets `error` instead of raising."""
        self.first_line, _, fields = header_plus.partition(b"\r\n")
        try:
            self._read_line(self.first_line)
            self._read_fields(fields)
        except _Refused as refused:
            self.error = refused.error
            self.connection_close = True

    def _read_line(self, line: bytes) -> None:
        read = _line if len(line) <= LONGEST else _line.__wrapped__
        (
            self.command,
            self.request_uri,
            self.version,
            self.path,
            self.query,
            self.proxy_scheme,
            self.proxy_netloc,
            error,
        ) = read(line)
        self.url_scheme = self.adj.url_scheme
        if error:
            raise _Refused(error)

    def _read_fields(self, fields: bytes) -> None:
        read = _fields if len(fields) <= LONGEST else _fields.__wrapped__
        headers, self.forwarded, self._variables, are_special = read(fields)
        self.headers = headers.copy()
        self._check_host()
        if are_special or self.version == "1.0":
            self._choose_body()

    def variables(self) -> dict[str, str]:
        """Return the headers by the names that they have in an environment; not to be changed."""
        return _variables(self.headers) if self._variables is None else self._variables

    def _check_host(self) -> None:
        """Refuse what RFC 9112 (3.2) wants refused; the target's host is the one that counts."""
        if self.version == "1.1" and "HOST" not in self.headers:
            raise _bad("Host is missing")
        if self.proxy_netloc:
            if not _HOST.fullmatch(self.proxy_netloc):
                raise _bad("Invalid host in the request target")
            self.headers["HOST"] = self.proxy_netloc
            self._variables = None

    def _choose_body(self) -> None:
        headers = self.headers
        connection = headers.get("CONNECTION", "").lower()
        if self.version == "1.0":
            self.connection_close = "keep-alive" not in _members(connection)
        elif connection:
            self.connection_close = "close" in _members(connection)
        if "TRANSFER_ENCODING" in headers:
            self._variables = None
            self._expect_chunks(headers.pop("TRANSFER_ENCODING").lower())
        elif "CONTENT_LENGTH" in headers:
            self._expect_length(headers["CONTENT_LENGTH"])
        if self.body_rcv is not None and "EXPECT" in headers:
            self._read_expectation(headers["EXPECT"])

    def _expect_chunks(self, coding: str) -> None:
        if self.version == "1.0":
            raise _bad("Transfer-Encoding needs HTTP/1.1")
        if "CONTENT_LENGTH" in self.headers:
            raise _bad("Both Transfer-Encoding and Content-Length")
        if coding != "chunked":
            if "chunked" in _members(coding)[:-1]:
                raise _bad("Invalid Transfer-Encoding")
            raise _Refused(ServerNotImplemented("Transfer-Encoding requested is not supported."))
        self.chunked = True
        self.body_rcv = ChunkedBody(self._make_buffer(), self.adj.max_request_header_size)

    def _expect_length(self, length: str) -> None:
        if not _LENGTH.fullmatch(length):
            raise _bad("Content-Length is invalid")
        self.content_length = int(length)
        if self.content_length:
            self.body_rcv = FixedStreamReceiver(self.content_length, self._make_buffer())

    def _make_buffer(self) -> Any:
        return OverflowableBuffer(self.adj.inbuf_overflow)

    def _read_expectation(self, value: str) -> None:
        # Neither where there is no body (waitress would take the next request for it) nor where
        # the answer is a refusal already.
        fits = self.content_length < self.adj.max_request_body_size
        self.expect_continue = self.version == "1.1" and value.lower() == "100-continue" and fits


@lru_cache(maxsize=REMEMBERED)
def _line(line: bytes) -> _Line:
    """Read a request line; raises `_Refused`."""
    text = line.decode("latin-1")
    match = _LINE.fullmatch(text)
    if match is None:
        if _OTHER_VERSION.fullmatch(text):
            raise _Refused(_VersionNotSupported("This server speaks HTTP/1.1."))
        raise _bad("Invalid request line")
    command, target, minor = match.groups()
    # A later minor version can be answered like the last one that is known (RFC 9110, 2.5).
    version = "1.0" if minor == "0" else "1.1"
    try:
        scheme, netloc, rest = _split(command, target)
    except _Refused as refused:
        return _Line(command, target, version, "", "", "", "", refused.error)
    path, _, query = rest.partition("?")
    if "%" in path:
        path = unquote_to_bytes(path).decode("latin-1")
    return _Line(command, target, version, path, query, scheme, netloc, None)


def _split(command: str, target: str) -> tuple[str, str, str]:
    """Return scheme and host of a target, if it names them, and its path and query."""
    if command == "CONNECT":
        raise _Refused(ServerNotImplemented("This is not a proxy."))
    if target[0] == "/" or (target == "*" and command == "OPTIONS"):
        return "", "", target
    match = _ABSOLUTE.fullmatch(target)
    if match is None:
        raise _bad("Invalid request target")
    scheme, netloc, rest = match.groups()
    return scheme, netloc, rest if rest[:1] == "/" else f"/{rest}"


@lru_cache(maxsize=REMEMBERED)
def _fields(fields: bytes) -> _Fields:
    """Read all headers; raises `_Refused`."""
    text = fields.decode("latin-1")
    match = _FIELDS.fullmatch(text) or _FIELDS.fullmatch(_unfold(text))
    if match is None:
        raise _bad("Invalid header")
    headers: dict[str, str] = {}
    for line in match[1].split("\r\n")[:-1]:
        name, _, value = line.partition(":")
        key = _key(name)
        if "_" in name:  # in the environment nobody could tell it from one with hyphens
            continue
        if key not in headers:
            headers[key] = value.strip(" \t")
        elif key in _SINGLE:
            raise _bad(f"Duplicate header: {name}")
        else:
            headers[key] += ", " + value.strip(" \t")
    if not _HOST.fullmatch(headers.get("HOST", "")):
        raise _bad("Invalid Host")
    forwarded = {key: headers.pop(key) for key in FORWARDED & headers.keys()}
    are_special = not _SPECIAL.isdisjoint(headers)
    return _Fields(headers, forwarded, _variables(headers), are_special)


def _variables(headers: dict[str, str]) -> dict[str, str]:
    return {_BARE.get(key, f"HTTP_{key}"): value for key, value in headers.items()}


def _bad(why: str) -> _Refused:
    return _Refused(BadRequest(why))


def _members(value: str) -> list[str]:
    return [member.strip(" \t") for member in value.split(",")]


def _unfold(text: str) -> str:
    """Join lines of the obsolete form that goes on after white space (RFC 9112, 5.2)."""
    if text[:1] in (" ", "\t"):
        raise _bad("White space before the first header")
    return _FOLD.sub(" ", text)
