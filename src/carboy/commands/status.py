"""`serve status`: print what the running server and its workers do."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, TextIO

from carboy import remote

_HEADINGS = {
    "pid": "pid",
    "generation": "generation",
    "state": "state",
    "uptime": "up",
    "requests": "requests",
    "in_flight": "in flight",
    "queue": "queue",
    "connections": "connections",
    "memory": "memory",
}


def run(options: Any, *, as_json: bool, stream: TextIO) -> int:
    """Print the status as a table or as JSON; raises `RemoteError` if no server is running."""
    status = remote.ask(remote.control_path(options), "status")
    del status["ok"]
    stream.write(json.dumps(status, indent=2) + "\n" if as_json else table(status))
    return 0


def table(status: dict[str, Any]) -> str:
    """Return a status for people to read."""
    head = (
        f"{status['state']}, generation {status['generation']}, pid {status['pid']}, "
        f"up {span(status['uptime'])}, {', '.join(status['addresses'])}"
    )
    rows = [list(_HEADINGS.values())]
    rows += (_cells(worker) for worker in status["workers"])
    rows.append(["", "", "", "", *_sums(status)])
    return "".join(f"{line}\n" for line in (head, "", *_aligned(rows)))


def _cells(worker: dict[str, Any]) -> list[str]:
    return [_cell(name, worker.get(name)) for name in _HEADINGS]


def _sums(status: dict[str, Any]) -> Iterator[str]:
    names = list(_HEADINGS)
    for name in names[names.index("requests") :]:
        yield _cell(name, status[name])


def _cell(name: str, value: Any) -> str:
    if value is None:
        return "-"
    if name == "uptime":
        return span(value)
    if name == "memory":
        return f"{value / 2**20:.0f} MiB"
    return str(value)


def span(seconds: float) -> str:
    """Return a time in the two units that matter: `3 d 4 h`, `5 min 6 s`."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    units = [(days, "d"), (hours, "h"), (minutes, "min"), (rest, "s")]
    while len(units) > 1 and not units[0][0]:
        units.pop(0)
    return " ".join(f"{number} {unit}" for number, unit in units[:2])


def _aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(map(str.rjust, row, widths)).rstrip()
