"""The control socket: what `serve reload`, `serve status` and `serve stop` tell the master.

A connection carries one request and one answer, each a JSON object on a line of its own. The
request names a `command`; the answer holds `ok`, an `error` if that is false, and what was asked
for. Whoever may connect may stop the server: the socket is its owner's alone (mode 0600).
"""

import contextlib
import errno
import json
import os
import socket
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from carboy import project
from carboy.errors import UserError
from carboy.loop import Loop
from carboy.peer import Peer, Reception

# The longest request, in bytes.
LIMIT = 4096
# The longest path of a Unix socket: sun_path in unix(7), without its NUL.
LONGEST_PATH = 107

Reply = Callable[..., None]
Commands = Mapping[str, Callable[[Reply], None]]


class ControlError(UserError):
    """There can be no control socket; the message says why."""


class ControlSocket:
    """The listening socket under its path; a context manager that removes it.

    Raises `ControlError` if another server answers there, or the path cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._inode = 0
        try:
            project.make_room(path)
            self.socket = self._open()
        except OSError as error:
            reason = error.strerror or str(error)
            raise ControlError(f"no control socket: {path}: {reason}") from error

    def _open(self) -> socket.socket:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            with address(self._path) as name:
                self._remove_stale(name)
                # The mode must be right from the first moment on.
                before = os.umask(0o177)
                try:
                    sock.bind(name)
                finally:
                    os.umask(before)
            self._inode = self._path.stat().st_ino
            sock.listen(16)
        except BaseException:
            sock.close()
            raise
        return sock

    def _remove_stale(self, name: str) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.setblocking(False)
            try:
                probe.connect(name)
            except FileNotFoundError:
                return
            except ConnectionRefusedError:
                # What is no socket refuses as well, and is not ours to remove.
                if not self._path.is_socket():
                    raise FileExistsError(errno.EEXIST, "is no socket") from None
                self._path.unlink(missing_ok=True)
                return
            except BlockingIOError:
                pass
        raise ControlError(
            f"no control socket: another server has {self._path}; choose another with --control"
        )

    def __enter__(self) -> "ControlSocket":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()
        # Somebody may have put another in its place.
        with contextlib.suppress(OSError):
            if self._path.stat().st_ino == self._inode:
                self._path.unlink()


class Control:
    """Answers on a control socket: `commands` are called with what sends the answer."""

    def __init__(self, loop: Loop, sock: socket.socket, commands: Commands) -> None:
        self._commands = commands
        self._reception = Reception(loop, sock, self._receive)

    def close(self) -> None:
        """Drop all clients and accept no other."""
        self._reception.close()

    def _receive(self, peer: Peer) -> None:
        line, newline, _rest = bytes(peer.data).partition(b"\n")
        if not newline and len(line) <= LIMIT:
            return
        peer.hear_no_more()
        command = self._commands.get(_command_in(line))

        def reply(*, hold: bool = False, **fields: Any) -> None:
            peer.answer(json.dumps(fields).encode() + b"\n", hold=hold)

        if command is None:
            reply(ok=False, error="the server does not understand: is it of another version?")
        else:
            command(reply)


def _command_in(line: bytes) -> str:
    try:
        request = json.loads(line)
    except (ValueError, RecursionError):
        return ""
    return str(request.get("command")) if isinstance(request, dict) else ""


@contextlib.contextmanager
def address(path: Path) -> Iterator[str]:
    """Yield a name by which to bind or connect to a path, however long that is."""
    if len(os.fsencode(path)) <= LONGEST_PATH:
        yield str(path)
        return
    # Linux: by way of an open folder, the name is short. Elsewhere the call that uses it fails.
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
