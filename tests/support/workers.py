"""Workers without processes, for tests of those who decide about them."""

import itertools
from types import SimpleNamespace

from carboy.link import Message
from carboy.process import WorkerProcess


class FakeLink:
    """Remembers what was sent."""

    def __init__(self):
        self.sent = []
        self.descriptors = []
        self.is_deaf = False

    def send(self, kind, descriptors=(), **fields):
        self.sent.append((kind, fields))
        self.descriptors.extend(descriptors)
        return not self.is_deaf


class FakeCrew:
    """A crew whose workers do and say what the test wants."""

    def __init__(self):
        self.handlers, self.mourners, self.on_late = {}, [], None
        self.workers = []
        self.error = None
        self._pids = itertools.count(1)

    def __iter__(self):
        return iter(list(self.workers))

    def __len__(self):
        return len(self.workers)

    def start(self, generation, *, broken, changed):
        if self.error:
            raise self.error
        process = SimpleNamespace(pid=next(self._pids), returncode=None)
        worker = WorkerProcess(process, FakeLink(), generation, -1)
        worker.broken, worker.changed = broken, set(changed)
        self.workers.append(worker)
        return worker

    def drain(self, worker, *, hand_over):
        worker.state = "draining"
        worker.how = "hand over" if hand_over else "finish"

    def end(self, worker):
        worker.state, worker.how = "draining", "end"

    def says(self, worker, kind, descriptors=(), **fields):
        """Let a worker say something."""
        self.handlers[kind](worker, Message(kind, fields, list(descriptors)))

    def ready(self, *workers):
        """Let workers become ready."""
        for worker in workers:
            self.says(worker, "made")
        for worker in workers:
            self.says(worker, "ready", watch=[])

    def dies(self, worker, code=1):
        """Let a worker end."""
        worker.process.returncode = code
        self.workers.remove(worker)
        for mourner in self.mourners:
            mourner(worker)
