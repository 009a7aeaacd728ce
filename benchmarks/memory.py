"""Memory of processes, from /proc."""

import contextlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_KIB = 1024


@dataclass(frozen=True)
class Memory:
    """Of one process, in MiB: `pss` counts a page that n processes share as an nth for each."""

    pss: float
    rss: float


def of(pid: int) -> Memory:
    """Return the memory of a process; 0 if it has ended."""
    found: dict[str, float] = {}
    with contextlib.suppress(OSError):
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        found = {name: int(size) / _KIB for name, size in re.findall(r"(\w+): +(\d+) kB", text)}
    return Memory(found.get("Pss", 0.0), found.get("Rss", 0.0))


def mean(pids: Iterable[int]) -> Memory:
    """Return the mean memory of processes."""
    every = [of(pid) for pid in pids]
    number = max(len(every), 1)
    return Memory(sum(one.pss for one in every) / number, sum(one.rss for one in every) / number)
