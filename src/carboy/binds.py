"""Addresses to serve on: parse `--bind`, open the listening sockets, name them for people."""

import contextlib
import errno
import os
import re
import socket
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from carboy.errors import UserError

# Large enough that connections wait, not fail, while a new generation starts; the kernel
# caps it at its own limit (net.core.somaxconn).
BACKLOG = 4096
# A port or a descriptor; anything longer is no C integer.
_NUMBER = re.compile(r"[0-9]{1,9}")


class BindError(UserError):
    """An address that cannot be served on; the message says what to do about it."""


@dataclass(frozen=True)
class Bind:
    """One address as it was written: a TCP host and port, a Unix socket or an inherited descriptor.

    Exactly one of `port`, `path` and `fd` is set; `host` belongs to `port`.
    """

    text: str
    host: str = ""
    port: int | None = None
    path: str | None = None
    fd: int | None = None

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach the address."""
        if self.fd is not None:
            return _is_loopback_socket(self.fd)
        if self.port is None:
            return True
        if self.host == "localhost":
            return True
        return _is_loopback_host(self.host)


def _is_loopback_host(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _is_loopback_socket(fd: int) -> bool:
    """Return whether an inherited socket is local; what is no socket is refused elsewhere."""
    try:
        with _duplicate(fd) as sock:
            return sock.family == socket.AF_UNIX or _is_loopback_host(sock.getsockname()[0])
    except OSError:
        return True


def parse(text: str) -> Bind:
    """Read `HOST:PORT`, `[v6]:PORT`, `:PORT`, `PORT`, `unix:PATH` or `fd://N`.

    Raises `BindError` for anything else.
    """
    if text.startswith("unix:"):
        path = text.removeprefix("unix:")
        return Bind(text, path=path) if path and "\0" not in path else _refuse(text)
    if text.startswith("fd://"):
        number = text.removeprefix("fd://")
        return Bind(text, fd=int(number)) if _NUMBER.fullmatch(number) else _refuse(text)
    return _parse_tcp(text)


def _parse_tcp(text: str) -> Bind:
    host, _colon, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        _refuse(text)
    if "\0" in host or not _NUMBER.fullmatch(port) or int(port) > 65535:
        _refuse(text)
    return Bind(text, host=host or "127.0.0.1", port=int(port))


def _refuse(text: str) -> Bind:
    raise BindError(
        f"cannot bind to {text!r}: write HOST:PORT, [IPV6]:PORT, unix:PATH or fd://NUMBER"
    )


def join(host: str, port: int) -> str:
    """Write a host and a port the way `parse` reads them."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def resolve(binds: Sequence[str], host: str, port: int) -> list[Bind]:
    """Return what to serve on: every `--bind`, or `--host` and `--port` where there is none."""
    return [parse(text) for text in binds or [join(host.strip("[]"), port)]]


def open_sockets(binds: Iterable[Bind]) -> list[socket.socket]:
    """Bind and listen on every address, or on none: `BindError` names the first that fails."""
    with contextlib.ExitStack() as undo:
        sockets: list[socket.socket] = []
        for bind in binds:
            for sock in _open(bind):
                undo.callback(close, sock)
                _listen(bind, sock)
                sockets.append(sock)
        undo.pop_all()
    return sockets


def _listen(bind: Bind, sock: socket.socket) -> None:
    try:
        sock.listen(BACKLOG)
    except OSError as error:  # an inherited one may be connected
        raise BindError(f"cannot bind to {bind.text}: {error.strerror}") from error
    sock.setblocking(False)


def _open(bind: Bind) -> list[socket.socket]:
    if bind.path is not None:
        return [_open_unix(bind, bind.path)]
    if bind.fd is not None:
        return [_open_fd(bind, bind.fd)]
    return _open_tcp(bind)


def _open_tcp(bind: Bind) -> list[socket.socket]:
    try:
        found = socket.getaddrinfo(
            bind.host, bind.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except (OSError, UnicodeError) as error:  # the latter for what cannot be a name at all
        reason = getattr(error, "strerror", None) or error
        raise BindError(f"cannot bind to {bind.text}: {reason}") from error
    # A name such as localhost has an IPv4 and an IPv6 address; with port 0 each would get a
    # port of its own, so only the first is used there.
    addresses = list(dict.fromkeys((family, address) for family, *_, address in found))
    sockets: list[socket.socket] = []
    for family, address in addresses[:1] if bind.port == 0 else addresses:
        try:
            sockets.append(_bind_tcp(family, address))
        except OSError as error:
            if sockets and error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                continue  # the name has an IPv6 address, the machine has no IPv6
            for sock in sockets:
                sock.close()
            raise BindError(_explain_tcp(bind, error)) from error
    return sockets


def _bind_tcp(family: int, address: tuple[object, ...]) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(address)
        # Two sockets with SO_REUSEADDR may bind the same port as long as neither listens:
        # only listen() tells that the port is taken.
        sock.listen(BACKLOG)
    except OSError:
        sock.close()
        raise
    return sock


def _explain_tcp(bind: Bind, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        advice = "it is in use; stop the other server or choose another port with --port"
    elif error.errno in (errno.EACCES, errno.EPERM):
        advice = (
            f"port {bind.port} needs privileges; use a port above 1023 behind a proxy, "
            "systemd socket activation, or the capability CAP_NET_BIND_SERVICE"
        )
    elif error.errno == errno.EADDRNOTAVAIL:
        advice = "this machine has no such address"
    else:
        advice = str(error.strerror)
    return f"cannot bind to {bind.text}: {advice}"


def _open_unix(bind: Bind, path: str) -> socket.socket:
    _remove_stale(bind, path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.bind(path)
    except OSError as error:
        sock.close()
        reason = error.strerror or str(error)  # a path over 107 bytes has no errno
        raise BindError(f"cannot bind to {bind.text}: {reason}") from error
    return sock


def _remove_stale(bind: Bind, path: str) -> None:
    """Remove the socket of a server that died; never one that answers, nor any other file."""
    try:
        mode = os.lstat(path).st_mode
    except OSError:
        return
    if not stat.S_ISSOCK(mode):
        raise BindError(f"cannot bind to {bind.text}: a file that is no socket has that name")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)  # a server that is too busy to accept must not keep us waiting
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            Path(path).unlink(missing_ok=True)
        except BlockingIOError as error:
            raise BindError(f"cannot bind to {bind.text}: another server is busy there") from error
        except OSError as error:
            raise BindError(f"cannot bind to {bind.text}: {error.strerror}") from error
        else:
            raise BindError(f"cannot bind to {bind.text}: another server answers there")


def _open_fd(bind: Bind, fd: int) -> socket.socket:
    try:
        sock = _duplicate(fd)
    except OSError as error:
        raise BindError(f"cannot bind to {bind.text}: descriptor {fd}: {error.strerror}") from error
    if sock.type != socket.SOCK_STREAM:
        sock.close()
        raise BindError(f"cannot bind to {bind.text}: descriptor {fd} is no stream socket")
    return sock


class _Inherited(socket.socket):
    """A socket that stays, with its file, the property of whoever passed it."""


def _duplicate(fd: int) -> _Inherited:
    number = os.dup(fd)
    try:
        return _Inherited(fileno=number)
    except OSError:
        os.close(number)
        raise


def close(sock: socket.socket) -> None:
    """Close a listening socket and remove the file of a Unix socket, unless it is inherited."""
    path = "" if isinstance(sock, _Inherited) else unix_path(sock)
    sock.close()
    if path:
        Path(path).unlink(missing_ok=True)


def unix_path(sock: socket.socket) -> str:
    """Return the path of a Unix socket, or "" for any other."""
    if sock.family != socket.AF_UNIX:
        return ""
    name = sock.getsockname()
    return name if isinstance(name, str) else ""


def describe(sock: socket.socket) -> str:
    """Return the address of a listening socket as a person would type it into a browser."""
    if sock.family == socket.AF_UNIX:
        return f"unix:{unix_path(sock)}"
    host, port = sock.getsockname()[:2]
    return f"http://{join(host, port)}/"
