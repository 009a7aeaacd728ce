"""Scratch copies of this very project, built in a second: what a test does to one is no loss."""

import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.live import Serve
from support.scratch import PROJECT, base_python, clean_environ, run, share_tools

EGGS = PROJECT / "eggs"
FILES = (
    "bootstrap.py", "buildout.cfg", "versions.cfg", "versions.lock", "setup.py", "pyproject.toml",
)  # fmt: skip
PRODUCTION = ("-c", "etc/production.cfg")


@dataclass(frozen=True)
class Project:
    """A copy of the project in `root`."""

    root: Path

    def build(self, *arguments: str) -> None:
        """Run bin/buildout.

        The eggs are those of the checkout: what versions.cfg pins is there, and what somebody
        else's application needs is fetched once.
        """
        eggs = f"buildout:eggs-directory={EGGS}"
        run([self.command("buildout"), *arguments, eggs], cwd=self.root)

    def command(self, name: str) -> str:
        """Return the absolute path of a generated command."""
        return str(self.root / "bin" / name)

    def serve(
        self,
        *arguments: str,
        command: str | None = None,
        folder: Path | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> Serve:
        """Start bin/serve, as `command` calls it, in `folder` (the project's by default)."""
        return Serve(
            *arguments,
            command=[command or self.command("serve")],
            folder=folder or self.root,
            # An empty CARBOY_ROOT counts as none: the command finds its project by itself.
            environ={"CARBOY_ROOT": "", **(environ or {})},
        )


def copy(folder: Path, *, without: Sequence[str] = ()) -> Project:
    """Copy the project's sources and its build environment, and make bin/buildout there."""
    project = sources(folder)
    for name in without:
        shutil.rmtree(folder / name)
    share_tools(folder)
    run([base_python(), "bootstrap.py"], cwd=folder)
    return project


def sources(folder: Path) -> Project:
    """Copy the project's sources: what a clone has, without the tests."""
    for name in ("etc", "src"):
        ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
        shutil.copytree(PROJECT / name, folder / name, ignore=ignored)
    for name in FILES:
        shutil.copy(PROJECT / name, folder)
    return Project(folder)


class Program(Serve):
    """Any other program that serves, for comparison; it says its address as Werkzeug does."""

    def __init__(
        self, *command: str, folder: Path, environ: Mapping[str, str] | None = None
    ) -> None:
        self.folder = folder
        self.log = folder / "serve.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command,
                cwd=folder,
                env={**clean_environ(), "PYTHONUNBUFFERED": "1", **(environ or {})},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    @property
    def port(self) -> int:
        """The port that the kernel chose."""
        return int(self.wait_for(r"(?:Running|Serving) on http://[^ ]+:(\d+)")[1])


def require_index(requirement: str, folder: Path) -> None:
    """Skip the test if there is no package index that has `NAME==VERSION`: to lock takes one."""
    python = PROJECT / "parts" / "buildout" / "bin" / "python"
    options = ["--no-deps", "--retries", "0", "--timeout", "10", "--dest", str(folder)]
    found = run([python, "-m", "pip", "download", *options, requirement], cwd=folder, code=None)
    if found.returncode:
        pytest.skip(f"no package index is reachable that has {requirement}")


def blocks(document: Path, language: str) -> dict[str, str]:
    """Return the first fenced block of a language below each heading of a Markdown file."""
    parts = re.split(r"^#+ (.*)$", document.read_text("utf-8"), flags=re.MULTILINE)
    fence = re.compile(rf"^```{language}\n(.*?)^```$", re.DOTALL | re.MULTILINE)
    sections = zip(parts[1::2], parts[2::2], strict=True)
    found = {title: fence.search(text) for title, text in sections}
    return {title: match[1] for title, match in found.items() if match}
