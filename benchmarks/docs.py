"""Figures in docs/benchmarks.md: each command has its block between two markers."""

import re
from pathlib import Path

from benchmarks.errors import BenchError

FOLDER = Path(__file__).parents[1] / "docs"


def write(name: str, text: str, path: Path = FOLDER / "benchmarks.md") -> None:
    """Replace the block of a command. Raises `BenchError` if the file has none."""
    path.write_text(replace(path.read_text("utf-8"), name, text), "utf-8")


def replace(document: str, name: str, text: str) -> str:
    """Return the document with `text`, word for word, between the markers of `name`."""
    begin, end = f"<!-- bench {name} -->\n", f"<!-- end {name} -->\n"
    pattern = re.compile(f"(?<={re.escape(begin)}).*?(?={re.escape(end)})", re.DOTALL)
    block = f"\n```text\n{text}\n```\n\n"
    changed, number = pattern.subn(lambda _: block, document)
    if number != 1:
        raise BenchError(f"no single block between {begin.strip()} and {end.strip()} in the docs")
    return changed
