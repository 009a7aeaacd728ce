"""Samples into tables. The first peer is what the others are compared with."""

import dataclasses
import functools
import json
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

# What one round of one peer has found: a dataclass of the command's own.
Sample = TypeVar("Sample")


@dataclass
class Result(Generic[Sample]):
    """Everything that a run has found."""

    machine: dict[str, str]
    versions: dict[str, str]
    rounds: int
    samples: dict[str, list[Sample]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def measured(self) -> dict[str, list[Sample]]:
        """Return the samples of those that have any."""
        return {name: samples for name, samples in self.samples.items() if samples}

    @property
    def base(self) -> list[Sample]:
        """Return the samples of the first peer, which may have failed."""
        return next(iter(self.samples.values()), [])

    def add(self, name: str, sample: Sample) -> None:
        """Remember what one more round of a peer has found."""
        self.samples.setdefault(name, []).append(sample)


@dataclass(frozen=True)
class Column(Generic[Sample]):
    """A figure of a sample, how it is written, and whether peers are compared by it.

    A count is summed over the rounds; of everything else the median counts.
    """

    title: str
    value: Callable[[Sample], float]
    form: str
    compared: bool = True
    is_count: bool = False


Columns = Sequence[Column[Sample]]


def as_json(result: Result[Sample]) -> str:
    """Return all samples."""
    return json.dumps(dataclasses.asdict(result), indent=2)


def heading(result: Result[Sample]) -> list[str]:
    """Return the machine, the versions and what the figures are."""
    return [
        ", ".join(f"{name}: {value}" for name, value in result.machine.items()),
        ", ".join(f"{name} {version}" for name, version in result.versions.items()),
        f"median (least–most) of {result.rounds} rounds",
    ]


def body(result: Result[Sample], columns: Columns[Sample]) -> list[str]:
    """Return the table of figures and that of ratios."""
    compared = [column for column in columns if column.compared]
    parts = [table(_figures(result, columns))]
    if compared and len(result.measured) > 1:
        parts += ["times as much (medians)", table(_ratios(result, compared))]
    return parts


def compared(result: Result[Sample], columns: Columns[Sample]) -> str:
    """Return one table, with how many times as much beside each figure that is compared."""
    rows = [["", *_beside(columns, lambda column: column.title, lambda _: "×")]]
    for name, samples in result.measured.items():
        cells = _beside(
            columns,
            functools.partial(_cell, samples=samples),
            functools.partial(_ratio, samples=samples, base=result.base),
        )
        rows.append([name, *cells])
    return table(rows)


def _beside(
    columns: Columns[Sample],
    figure: Callable[[Column[Sample]], str],
    comparison: Callable[[Column[Sample]], str],
) -> list[str]:
    """Return the cells of one row."""
    cells = []
    for column in columns:
        cells.append(figure(column))
        if column.compared:
            cells.append(comparison(column))
    return cells


def _figures(result: Result[Sample], columns: Columns[Sample]) -> list[list[str]]:
    header = ["", *(column.title for column in columns)]
    return [header] + [
        [name, *(_cell(column, samples) for column in columns)]
        for name, samples in result.measured.items()
    ]


def _cell(column: Column[Sample], samples: Sequence[Sample]) -> str:
    values = [column.value(sample) for sample in samples]
    return f"{sum(values):{column.form}}" if column.is_count else spread(values, column.form)


def spread(values: Iterable[float], form: str) -> str:
    """Return the median and the range of values, if there are several."""
    every = list(values)
    if len(every) == 1:
        return f"{every[0]:{form}}"
    middle, least, most = statistics.median(every), min(every), max(every)
    return f"{middle:{form}} ({least:{form}}–{most:{form}})"


def _ratios(result: Result[Sample], columns: Columns[Sample]) -> list[list[str]]:
    header = ["", *(column.title.partition(" (")[0] for column in columns)]
    return [header] + [
        [name, *(_ratio(column, samples, result.base) for column in columns)]
        for name, samples in result.measured.items()
    ]


def _ratio(column: Column[Sample], samples: Sequence[Sample], base: Sequence[Sample]) -> str:
    """Return how many times as much, or nothing where nothing can be divided by."""
    found = ratio(map(column.value, samples), map(column.value, base))
    return "–" if found is None else f"{found:.2f}"


def ratio(values: Iterable[float], base: Iterable[float]) -> float | None:
    """Return how many times as much: the median over the rounds, if all rounds have both.

    Else that of the medians, and nothing where nothing can be divided by.
    """
    those, units = list(values), list(base)
    if not units or not all(units):
        return None
    if len(those) == len(units):
        return statistics.median(a / b for a, b in zip(those, units, strict=True))
    return statistics.median(those) / statistics.median(units)


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
