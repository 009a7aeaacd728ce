"""Speak to the master of a running server through its control socket."""

import contextlib
import json
import os
import select
import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from carboy import project
from carboy.control import address
from carboy.errors import UserError

# A master that serves answers at once; the commands that take longer say how long they wait.
PATIENCE = 10.0


class RemoteError(UserError):
    """The server does not run, or says no; the message says which."""


def control_path(options: Any) -> Path:
    """Return the path of the control socket: relative ones begin at the project's root."""
    path: str = options.control
    return project.root().absolute() / path


def ask(path: Path, command: str, *, patience: float | None = PATIENCE) -> dict[str, Any]:
    """Return the server's answer; raises `RemoteError` if there is none, or it is no.

    Waits for `patience` seconds, for ever if that is None.
    """
    with _connected(path) as sock:
        return _ask(sock, command, patience)


def stop(path: Path) -> int:
    """Stop the server, return the id that its process had as soon as that has ended."""
    with _connected(path) as sock, _watched(sock) as ended:
        pid: int = _ask(sock, "stop", PATIENCE)["pid"]
        sock.settimeout(None)
        with contextlib.suppress(OSError):  # the connection ends with the process
            while sock.recv(4096):
                pass
        if ended is not None:
            select.select([ended], [], [])
    return pid


@contextlib.contextmanager
def _connected(path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(PATIENCE)
        try:
            with address(path) as name:
                sock.connect(name)
        except (FileNotFoundError, ConnectionRefusedError):
            raise RemoteError(f"no server is running: nobody answers at {path}") from None
        except OSError as error:
            reason = error.strerror or error
            raise RemoteError(f"cannot reach the server at {path}: {reason}") from error
        yield sock


def _ask(sock: socket.socket, command: str, patience: float | None) -> dict[str, Any]:
    sock.settimeout(patience)
    try:
        sock.sendall(json.dumps({"command": command}).encode() + b"\n")
        with sock.makefile("rb") as stream:
            line = stream.readline()
    except TimeoutError:
        raise RemoteError(f"the server has not answered within {patience:g} s") from None
    except OSError:
        line = b""
    if not line.endswith(b"\n"):
        raise RemoteError("the server ended before it answered")
    answer: dict[str, Any] = json.loads(line)
    if not answer["ok"]:
        raise RemoteError(answer["error"])
    return answer


@contextlib.contextmanager
def _watched(sock: socket.socket) -> Iterator[int | None]:
    """Yield a descriptor that is readable when the process at the other end has ended.

    None where the system has none: there the end of the connection must do.
    """
    try:
        credentials = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        number = os.pidfd_open(struct.unpack("3i", credentials)[0])
    except (AttributeError, OSError):
        yield None
        return
    try:
        yield number
    finally:
        os.close(number)
