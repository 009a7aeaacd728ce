"""Processes that make eggs while the network is waited for: compiling takes most of the time."""

import atexit
import contextlib
import importlib.util
import itertools
import json
import math
import os
import queue
import signal
import subprocess
import sys
import threading
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from eggcrate import unpack
from eggcrate.cache import Cache
from eggcrate.lockfile import File
from eggcrate.unpack import Egg, Metadata, UnpackError

# Not `-m`: eggcrate and packaging are wherever this process has found them.
_PROGRAM = "import sys; sys.path[:0] = {}; from eggcrate import worker; worker.main()"
_MOST = 8  # a process more costs its start, and the eggs are soon made
_PATIENCE = 5  # seconds for a process to put away what it has begun


class WorkerError(UnpackError):
    """What went wrong in a worker, in one line."""


@dataclass(frozen=True)
class Job:
    """A wheel on its way to an egg: first its metadata is known, then the egg is in its place.

    ``result(timeout)`` of either waits and raises what went wrong (``UnpackError``, one line);
    ``add_done_callback`` tells, perhaps in a thread of ours.
    """

    metadata: "Future[Metadata]" = field(default_factory=Future)
    egg: "Future[Egg]" = field(default_factory=Future)


@dataclass(frozen=True, order=True)
class _Task:
    """What a worker is asked; the largest wheel first, the others fill what is left of the time."""

    priority: float
    number: int
    name: str = field(default="", compare=False)
    request: bytes = field(default=b"", compare=False)
    job: Job | None = field(default=None, compare=False)  # None: there will be no more


class Workers:
    """A few processes, started when the first job comes or ``start`` says so.

    Leaving the ``with`` block waits for what was submitted; ``settle`` waits until it is on the
    disk. After an exception (Ctrl-C, too) the processes are ended, and what was not begun is
    cancelled.
    """

    def __init__(self, count: int | None = None, cache: Cache | None = None) -> None:
        self._count = count or _processors()
        self._store = str(cache.eggs) if cache and cache.eggs else None
        self._tasks: queue.PriorityQueue[_Task] = queue.PriorityQueue()
        self._numbers = itertools.count()
        self._crew: list[_Worker] = []

    def __enter__(self) -> "Workers":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._finish()
        finally:
            self._end()

    def start(self) -> None:
        """Start the processes, which takes them a moment: before the first download is there."""
        if not self._crew:
            self._crew = [_Worker(self._tasks) for _ in range(self._count)]

    def submit(self, artifact: Path, file: File, eggs: Path, *, origin: File | None = None) -> Job:
        """Make the egg of ``artifact`` as ``unpack.unpack`` does, in one of the processes.

        The metadata is known on return: who waits for it should not have to wait for a worker.
        """
        self.start()
        job = Job()
        try:
            metadata = unpack.metadata(artifact, file)
        except UnpackError as error:
            job.metadata.set_exception(error)
            job.egg.set_exception(error)
            return job
        self._tasks.put(self._task(artifact, file, eggs, origin, job))
        job.metadata.set_result(metadata)
        return job

    def _task(self, artifact: Path, file: File, eggs: Path, origin: File | None, job: Job) -> _Task:
        request = {
            "artifact": str(artifact),
            "file": [file.name, file.sha256],
            "eggs": str(eggs),
            "origin": origin and [origin.name, origin.sha256],
            "store": self._store,
        }
        line = json.dumps(request).encode() + b"\n"
        return _Task(-artifact.stat().st_size, next(self._numbers), file.name, line, job)

    def _finish(self) -> None:
        self._close()
        for worker in self._crew:
            worker.join()

    def _close(self) -> None:
        for _ in self._crew:
            self._tasks.put(_Task(math.inf, next(self._numbers)))

    def _end(self) -> None:
        """End what still runs: nothing, after ``_finish``."""
        while not self._tasks.empty():
            try:
                job = self._tasks.get_nowait().job
            except queue.Empty:
                break
            if job:
                job.egg.cancel()
        self._close()
        for worker in self._crew:
            worker.terminate()
        for worker in self._crew:
            worker.bury()


class _Worker(threading.Thread):
    """A process, and the thread that talks to it. One that is lost is replaced."""

    def __init__(self, tasks: "queue.PriorityQueue[_Task]") -> None:
        super().__init__(daemon=True)
        self._tasks = tasks
        self._process: subprocess.Popen[bytes] | None = None
        self._ended = False
        self._guard = threading.Lock()
        self.start()

    def run(self) -> None:
        with contextlib.suppress(WorkerError):  # who asks it first is told
            self._launch()
        while (task := self._tasks.get()).job is not None:
            if task.job.egg.set_running_or_notify_cancel():
                self._serve(task, task.job)
        self._leave()

    def terminate(self) -> None:
        """Ask the process to end at once."""
        with self._guard:
            self._ended = True
            process = self._process
        if process is not None:
            process.terminate()

    def bury(self) -> None:
        """Wait for the end, but not for ever."""
        self.join(_PATIENCE)
        process = self._process
        if process is not None:
            process.kill()
        self.join()

    def _serve(self, task: _Task, job: Job) -> None:
        try:
            egg = self._ask(task)
        except UnpackError as error:
            job.egg.set_exception(error)
        else:
            job.egg.set_result(egg)

    def _ask(self, task: _Task) -> Egg:
        process = self._launch()
        assert process.stdin
        assert process.stdout
        reply = b""
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(task.request)
            process.stdin.flush()
            reply = process.stdout.readline()
        if not reply.endswith(b"\n"):
            fate = _fate(self._reap(process))
            raise WorkerError(f"{task.name} is not unpacked: the process that did it {fate}")
        answer = json.loads(reply)
        if "error" in answer:
            raise WorkerError(answer["error"])
        return Egg(**answer["egg"])

    def _launch(self) -> "subprocess.Popen[bytes]":
        """Return the process; start it if there is none."""
        with self._guard:
            if self._ended:
                raise WorkerError("the build was interrupted")
            if self._process is None:
                self._process = _process()
            return self._process

    def _leave(self) -> None:
        """Let the process end in its own time, unless it is to end at once."""
        process = self._process
        if process is not None and self._ended:
            self._reap(process)
        elif process is not None:
            _close(process)
            _leaving.append(process)
            self._process = None

    def _reap(self, process: "subprocess.Popen[bytes]") -> int:
        """Return how a process has ended that says nothing any more."""
        _close(process)
        code = process.wait()
        self._process = None
        return code


def settle() -> None:
    """Wait until what the processes have made is on the disk: they end when it is.

    It goes on while the builder does something else, and is waited for at its end at the latest;
    but not for long: on a disk that is slow or busy a process finishes after the builder.
    """
    while _leaving:
        with contextlib.suppress(subprocess.TimeoutExpired):
            _leaving.pop().wait(_PATIENCE)


_leaving: "list[subprocess.Popen[bytes]]" = []
atexit.register(settle)


def _close(process: "subprocess.Popen[bytes]") -> None:
    assert process.stdin
    assert process.stdout
    with contextlib.suppress(BrokenPipeError):
        process.stdin.close()
    process.stdout.close()


def _process() -> "subprocess.Popen[bytes]":
    program = _PROGRAM.format(_path())
    # -S: nothing of site-packages is needed but what the path names, and .pth files take time.
    options = ["-I", "-S", *(["-B"] if sys.dont_write_bytecode else [])]
    try:
        return subprocess.Popen(
            [sys.executable, *options, "-c", program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
    except OSError as error:
        raise WorkerError(f"cannot start {sys.executable}: {error.strerror}") from None


def _path() -> list[str]:
    """Return where this process has its modules from."""
    found = [importlib.util.find_spec(name) for name in ("eggcrate", "packaging")]
    folders = [str(Path(spec.origin).parents[1]) for spec in found if spec and spec.origin]
    return list(dict.fromkeys(folders))


def _fate(code: int) -> str:
    return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"


def _processors() -> int:
    if sys.platform == "linux":
        return min(len(os.sched_getaffinity(0)), _MOST)
    return min(os.cpu_count() or 1, _MOST)
