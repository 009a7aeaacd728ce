"""Samples into tables. The first peer is what the others are compared with."""

import dataclasses
import json
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from benchmarks.client import LOSSES


@dataclass(frozen=True)
class Sample:
    """One round of one peer: seconds; numbers for one reload under load; percent of a core."""

    start: float
    reload: float
    loaded: float
    requests: int
    lost: dict[str, int]
    stale: int
    idle: float


@dataclass
class Result:
    """Everything that a run has found."""

    machine: dict[str, str]
    versions: dict[str, str]
    rounds: int
    samples: dict[str, list[Sample]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Column:
    """A figure of a sample, and how it is written."""

    title: str
    value: Callable[[Sample], float]
    form: str


COLUMNS = (
    Column("start (s)", lambda sample: sample.start, ".2f"),
    Column("reload (s)", lambda sample: sample.reload, ".2f"),
    Column("under load (s)", lambda sample: sample.loaded, ".2f"),
    Column("lost", lambda sample: sum(sample.lost.values()), ".0f"),
    Column("stale", lambda sample: sample.stale, ".0f"),
    Column("idle (%)", lambda sample: sample.idle, ".2f"),
)


def as_json(result: Result) -> str:
    """Return all samples."""
    return json.dumps(dataclasses.asdict(result), indent=2)


def as_text(result: Result) -> str:
    """Return machine, versions, the table of figures and that of ratios, losses, failures."""
    parts = [
        ", ".join(f"{name}: {value}" for name, value in result.machine.items()),
        ", ".join(f"{name} {version}" for name, version in result.versions.items()),
        f"median (least–most) of {result.rounds} rounds",
        table(_figures(result)),
        "times as much (medians)",
        table(_ratios(result)),
        *_losses(result),
        *result.failures,
    ]
    return "\n\n".join(parts)


def _figures(result: Result) -> list[list[str]]:
    header = ["", *(column.title for column in COLUMNS)]
    return [header] + [
        [name, *(_cell(column, samples) for column in COLUMNS)]
        for name, samples in result.samples.items()
    ]


def _cell(column: Column, samples: Sequence[Sample]) -> str:
    values = [column.value(sample) for sample in samples]
    middle, least, most = statistics.median(values), min(values), max(values)
    return f"{middle:{column.form}} ({least:{column.form}}–{most:{column.form}})"


def _ratios(result: Result) -> list[list[str]]:
    header = ["", *(column.title.partition(" (")[0] for column in COLUMNS)]
    base = next(iter(result.samples.values()), [])
    return [header] + [
        [name, *(_ratio(column, samples, base) for column in COLUMNS)]
        for name, samples in result.samples.items()
    ]


def _ratio(column: Column, samples: Sequence[Sample], base: Sequence[Sample]) -> str:
    """Return how many times as much, or nothing where nothing can be divided by."""
    unit = statistics.median(column.value(sample) for sample in base)
    middle = statistics.median(column.value(sample) for sample in samples)
    return f"{middle / unit:.1f}" if unit else "–"


def _losses(result: Result) -> list[str]:
    """Return how requests were lost, summed over all rounds; nothing if none was."""
    rows = [["", "requests", *LOSSES]]
    for name, samples in result.samples.items():
        sums = [sum(sample.lost[kind] for sample in samples) for kind in LOSSES]
        rows.append([name, *map(str, [sum(sample.requests for sample in samples), *sums])])
    if not any(sum(sample.lost.values()) for all_ in result.samples.values() for sample in all_):
        return []
    return ["requests under load, and how they were lost (all rounds)", table(rows)]


def table(rows: Sequence[Sequence[str]]) -> str:
    """Return aligned text: the first column to the left, figures to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if number == 0 else cell.rjust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )
