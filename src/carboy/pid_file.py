"""The file that tells other programs the master's process id."""

import contextlib
import os
from pathlib import Path

from carboy import project
from carboy.errors import UserError


class PidFileError(UserError):
    """The file cannot be written, or belongs to a server that is running."""


class PidFile:
    """While entered, the file holds the id of this process.

    Raises `PidFileError` on entering. The file of a process that has ended is replaced, also if
    another process has its id by now.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def require_free(self) -> None:
        """Raise `PidFileError` if the file belongs to a process that is running."""
        pid = living_owner(self._path)
        if pid is not None:
            raise PidFileError(
                f"pid file {self._path}: process {pid} is running; stop it, or choose another file"
            )

    def __enter__(self) -> "PidFile":
        self.require_free()
        try:
            project.make_room(self._path)
            self._write()
        except OSError as error:
            raise PidFileError(f"pid file {self._path}: {error.strerror}") from error
        return self

    def _write(self) -> None:
        """Write the file whole: whoever reads it finds a number, at any moment."""
        draft = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        try:
            draft.write_text(f"{os.getpid()}\n", "ascii")
            draft.replace(self._path)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise

    def __exit__(self, *_: object) -> None:
        if _pid_in(self._path) == os.getpid():
            with contextlib.suppress(OSError):
                self._path.unlink()


def living_owner(path: Path) -> int | None:
    """Return the id in a pid file if the process that wrote it is alive."""
    pid = _pid_in(path)
    if pid is None or pid == os.getpid():  # in a container everyone is number 1
        return None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:  # somebody else's
        pass
    born = _started(pid)
    with contextlib.suppress(OSError):
        # One second, since the kernel tells the time of its own start in whole seconds.
        if born is not None and born > path.stat().st_mtime + 1.0:
            return None  # the writer has ended, and its id was given to another process
    return pid


def _pid_in(path: Path) -> int | None:
    try:
        text = path.read_text("ascii").strip()
    except (OSError, ValueError):
        return None
    return int(text) if text.isdigit() and 0 < int(text) < 2**31 else None


def _started(pid: int) -> float | None:
    """Return when a process was started, in seconds since 1970; None if that is not known."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
        boot = Path("/proc/stat").read_text("ascii").partition("\nbtime ")[2].split()[0]
    except (OSError, IndexError):
        return None
    ticks = stat.rpartition(")")[2].split()[19]
    return int(boot) + int(ticks) / os.sysconf("SC_CLK_TCK")
