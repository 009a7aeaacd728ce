"""How soon programs start that were built: from eggs, and from a plain environment."""

import argparse
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks import builders, contest, environment, machine, report
from benchmarks.builders import Builder
from benchmarks.errors import PeerError
from benchmarks.report import Column, Columns, Result
from benchmarks.server import Server, free_port

# What bin/serve is; in the other environment it has to be written.
_SERVE = """\
#!{python}
import sys
from carboy import main
sys.exit(main(app="portal:create_app", env="development"))
"""


@dataclass(frozen=True)
class Installed:
    """An environment with the project in it, and the command that serves it."""

    name: str
    python: Path
    serve: Path


@dataclass(frozen=True)
class Sample:
    """One start of each program, in seconds."""

    imports: float
    serve: float


COLUMNS: Columns[Sample] = (
    Column("imports (s)", lambda sample: sample.imports, ".3f"),
    Column("first answer (s)", lambda sample: sample.serve, ".3f"),
)


def run(
    options: argparse.Namespace, eggs: Builder, plain: Builder, versions: dict[str, str]
) -> int:
    """Measure and print; return 1 if a program failed. The eggs are built already."""
    result: Result[Sample] = Result(machine.describe(), versions, options.starts)
    try:
        plain.clear()
        plain.build()
        chosen = [
            _installed("venv, by pip", plain.python, eggs.folder / "src"),
            Installed("eggcrate", eggs.python, eggs.folder / "bin" / "serve"),
        ]
        result.samples = {one.name: [] for one in chosen}
        for one in chosen:
            take(one, eggs.folder)  # not counted: it fills the caches of files and bytecode
        for number, one in contest.alternate(chosen, options.starts):
            print(f"start {number + 1} of {options.starts}: {one.name}", file=sys.stderr)
            result.add(one.name, take(one, eggs.folder))
    except PeerError as error:
        result.failures.append(str(error))
    return contest.publish("start", options, result, render)


def _installed(name: str, python: Path, sources: Path) -> Installed:
    """Make the project known to a plain environment, as an editable install does."""
    [packages] = python.parents[1].glob("lib/python*/site-packages")
    (packages / "project.pth").write_text(f"{sources}\n")
    serve = python.with_name("serve")
    serve.write_text(_SERVE.format(python=python))
    serve.chmod(0o755)
    return Installed(name, python, serve)


def take(installed: Installed, folder: Path) -> Sample:
    """Start both programs. Raises `PeerError`."""
    begun = time.monotonic()
    command = [str(installed.python), "-c", builders.IMPORTS]
    environ = environment.variables(os.environ, folder)
    # By its pipe: waiting for the process itself with a deadline would look every 50 ms.
    done = subprocess.run(command, env=environ, stdout=subprocess.PIPE, timeout=builders.DEADLINE)
    if done.returncode:
        raise PeerError(f"{installed.name}: {builders.IMPORTS!r} fails")
    imports, port = time.monotonic() - begun, free_port()
    with Server([str(installed.serve), f"--bind=127.0.0.1:{port}"], port, folder) as server:
        return Sample(imports, server.wait_for(None).done - server.started)


def render(result: Result[Sample]) -> list[str]:
    """Return the table."""
    return [f"{builders.IMPORTS}; bin/serve", report.compared(result, COLUMNS)]
