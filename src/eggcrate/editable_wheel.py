"""Make a project's editable wheel (PEP 660) and lay it out as pip does."""

import base64
import csv
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eggcrate import backend, sources


class BackendError(Exception):
    """Why there is no wheel: a line, and what the build backend said before."""

    def __init__(self, reason: str, output: str) -> None:
        super().__init__(reason)
        self.output = output


@dataclass(frozen=True)
class Wheel:
    """A wheel that was made, and what was read for it (see :mod:`eggcrate.backend`)."""

    path: Path
    required: list[str]  # what the backend asked for besides build-system.requires
    read: dict[str, Any]
    output: str


# Gives the folders of the eggs that requirements come to.
Provide = Callable[[Iterable[str]], list[str]]


def make(project: Path, scratch: Path, provide: Provide) -> Wheel:
    """Make the wheel in the folder ``scratch``; raise :exc:`BackendError`."""
    named = sources.requirements(project)
    orders = {**_backend(project), "folder": str(project), "required": named}
    reply, output = _call(orders, scratch, provide(named))
    required = reply.get("required", [])
    if required:
        orders["required"] = [*named, *required]
        reply, output = _call(orders, scratch, provide(orders["required"]))
    if "wheel" not in reply:
        again = ", ".join(reply.get("required", []))
        raise BackendError(reply.get("error", f"{orders['backend']} wants {again}, too"), output)
    return Wheel(scratch / "wheel" / reply["wheel"], required, reply["read"], output)


def _backend(project: Path) -> dict[str, Any]:
    try:
        text = (project / sources.PROJECT).read_text("utf-8")
    except FileNotFoundError:
        if not (project / "setup.py").is_file():
            raise BackendError(f"there is no {sources.PROJECT} and no setup.py", "") from None
        text = ""
    system = tomllib.loads(text).get("build-system", {})
    return {
        "backend": system.get("build-backend", backend.LEGACY),
        "backend-path": system.get("backend-path", []),
    }


def _call(orders: dict[str, Any], scratch: Path, path: Sequence[str]) -> tuple[Any, str]:
    """Return the reply of the backend, and what it has printed."""
    target, asked, answered = scratch / "wheel", scratch / "orders.json", scratch / "reply.json"
    target.mkdir(exist_ok=True)
    # What it leaves there is none of what it reads.
    with tempfile.TemporaryDirectory(dir=scratch) as temporary:
        outside = [*path, str(scratch)]
        asked.write_text(json.dumps({**orders, "target": str(target), "outside": outside}), "utf-8")
        result = subprocess.run(
            [sys.executable, "-P", backend.__file__, str(asked), str(answered)],
            env={**sources.environ(path), "TMPDIR": temporary},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        )
    output = result.stdout.strip()
    if result.returncode:
        raise BackendError("its build backend failed, as is said above", output)
    return json.loads(answered.read_text("utf-8")), output


def unpack(wheel: Path, target: Path, project: Path) -> None:
    """Lay out a wheel in ``target`` as ``pip install`` does; raise :exc:`BackendError`."""
    try:
        with zipfile.ZipFile(wheel) as file:
            file.extractall(target)  # no member leaves the target
        [metadata] = target.glob("*.dist-info")
    except (zipfile.BadZipFile, ValueError) as error:
        raise BackendError(f"{wheel.name} is no wheel: {error}", "") from None
    for data in target.glob("*.data"):
        for path in data.glob("*lib/*"):  # purelib, platlib
            path.rename(target / path.name)
        shutil.rmtree(data)  # scripts: zc.buildout makes them from entry points
    where = {"dir_info": {"editable": True}, "url": project.as_uri()}
    (metadata / "direct_url.json").write_text(json.dumps(where))
    (metadata / "INSTALLER").write_text("eggcrate\n")
    (metadata / "REQUESTED").touch()
    _record(target, metadata / "RECORD")


def _record(target: Path, record: Path) -> None:
    """Write RECORD anew (PEP 376), for there is more than the wheel had."""
    files = sorted(path for path in target.rglob("*") if path.is_file() and path != record)
    with record.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        for path in files:
            data = path.read_bytes()
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
            writer.writerow([os.path.relpath(path, target), f"sha256={digest}", len(data)])
        writer.writerow([os.path.relpath(record, target), "", ""])
