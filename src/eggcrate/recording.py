"""Record what a run of zc.buildout reads, and write its fingerprint if it ends well.

What is read is measured when it is read, and again at the end: what somebody saves while the run
lasts must not pass for what it was made from.
"""

import contextlib
import functools
import inspect
import logging
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from eggcrate import (
    conditions,
    develop,
    fingerprint,
    lockfile,
    outcome,
    patches,
    probes,
    stillness,
)
from eggcrate.fingerprint import Identity
from eggcrate.probes import Probes
from eggcrate.turn import Turn
from eggcrate.witness import Witness

logger = logging.getLogger("zc.buildout")

_LOOKING = ("annotate", "query")  # commands that change nothing


class Recording:
    """A run of ``bin/buildout`` in the project ``root``, with ``arguments``."""

    def __init__(self, root: Path, identity: Identity, arguments: Iterable[str]) -> None:
        self.root = root
        self.identity = identity
        self.arguments = frozenset(arguments)
        self.turn = Turn(root)
        self.heard = Heard()
        # Of what recipes read; bin/ is where Python looks for modules first, and is written to.
        self.witness = Witness(outside=[str(root / "bin")])
        self.always = probes.measure(_always(root))
        self.configuration: dict[str, str | None] = {}  # files, and their stamps when read
        self.variables: set[str] = set()
        self.eggs: set[str] = set()
        self.obstacle: str | None = None  # why there will be no fingerprint
        self.begun = False

    def install(self) -> None:
        """Change zc.buildout so that it tells what it does."""
        from zc.buildout import buildout, configparser, easy_install

        for owner, name, parameters, replacement in (
            (buildout.Buildout, "__init__", patches.INIT, self._begin),
            (configparser, "parse", "fp fpname exp_globals", self._parse),
            (buildout.Buildout, "install", "self install_args", self._run),
            (buildout.Options, "initialize", "self", self._watch),
            (buildout.Options, "_call", "self f", self._watch),
            (easy_install.Installer, "install", "self specs working_set", self._supply),
        ):
            patches.replace(owner, name, parameters, functools.partial(_around, replacement))
        for name in ("", "zc.buildout"):
            logging.getLogger(name).addHandler(self.heard)

    # --- while it runs ---------------------------------------------------------------------------

    def _begin(self, original: Any, *args: Any, **kwargs: Any) -> None:
        """Read the configuration and make the folders that it names, when it is our turn."""
        given = inspect.signature(original).bind(*args, **kwargs).arguments
        self.turn.take(wait=given.get("command") not in _LOOKING)
        said = fingerprint.said(self.root, self.identity) if self.turn.has_waited else None
        if said is not None:  # the other run has done it
            print(*said, sep="\n")
            raise SystemExit
        original(*args, **kwargs)

    def _parse(self, original: Any, file: Any, name: str, *more: Any) -> Any:
        """Read a configuration file, and note which it is and which it looks for."""
        if self.begun:
            return original(file, name, *more)
        self._note(file, name)
        sections = original(file, name, *more)
        for other in sections.get("buildout", {}).get("optional-extends", "").split():
            # It may not be there; if it is, it will be read.
            self.configuration.setdefault(_absolute(other), probes.stamp(other))
        return sections

    def _note(self, file: Any, name: str) -> None:
        if " (downloaded as " in name:
            self.obstacle = f"{name} is not on this machine"
            return
        # Of the file that was opened, whatever has that name by now.
        self.configuration.setdefault(_absolute(name), probes.stamp(file.fileno()))
        for expression in conditions.expressions(file):
            found = conditions.variables(expression)
            if found is None:
                self.obstacle = f"{name} depends on {expression.strip()}"
            self.variables |= found or set()
        file.seek(0)

    def _watch(self, original: Any, options: Any, *args: Any) -> Any:
        """Call a recipe, and watch what it reads."""
        # Those of zc.buildout itself read eggs only; and it is there that eggs are fetched.
        if stillness.recipe(options).startswith("zc."):
            return original(options, *args)
        with self.witness.watching():
            return original(options, *args)

    def _supply(self, original: Any, *args: Any, **kwargs: Any) -> Any:
        """Install eggs, and note which are in use."""
        found = original(*args, **kwargs)
        locations = (distribution.location for distribution in found)
        self.eggs.update(path for path in locations if path.endswith(".egg"))
        return found

    def _run(self, original: Any, buildout: Any, install_args: Any) -> None:
        """Run the command that builds."""
        self.begun = True
        named = buildout["buildout"].get(stillness.OPTION, "").split()
        before = fingerprint.warned(self.root)
        with contextlib.suppress(OSError):  # what cannot be written, zc.buildout will say
            fingerprint.forget(self.root)
        original(buildout, install_args)
        # From here on the run has succeeded, whatever cannot be written or read any more.
        if self.turn.is_alone and buildout.COMMANDS.isdisjoint(self.arguments):
            with contextlib.suppress(OSError):
                self._finish(buildout, named, before)

    # --- at its end ------------------------------------------------------------------------------

    def _finish(self, buildout: Any, named: Iterable[str], before: list[str]) -> None:
        reason, warned = self.obstacle or stillness.restless(buildout, named), self.heard.lines
        if warned != before:
            reason = "it is not known whether it would warn again"
        found = None if reason else self._found(buildout)
        if found is None:
            logger.debug("The next run will not be left out: %s.", reason or "something changed")
            fingerprint.leave(self.root, warned)
            return
        quiet = logger.getEffectiveLevel() > logging.INFO
        said = warned if quiet else [*warned, "Nothing has changed."]
        fingerprint.write(self.root, self.identity, warned, said, found)

    def _found(self, buildout: Any) -> Probes | None:
        """Return measures of all that counts, None if that has changed during the run."""
        developed, written = develop.inputs(), self.witness.written
        outputs = outcome.measured(buildout, self.eggs, filter(os.path.isfile, written))
        if developed is None or outputs is None:
            return None
        read = {path: was for path, was in self.witness.files.items() if path not in written}
        read |= self.configuration
        patterns = buildout["buildout"].get("develop", "").split()
        more = probes.measure(
            {
                "content": read,
                "matches": map(buildout._buildout_path, patterns),
                "variable": self.variables | self.witness.variables,
            }
        )
        inputs = probes.merge(self.always, developed, {"names": self.witness.folders})
        # Compared last: what was measured above is what was read before.
        same = probes.hold(inputs) and probes.hold({"stamp": read})
        return probes.merge(inputs, more, outputs) if same else None


def _absolute(name: str) -> str:
    return os.path.abspath(name)  # noqa: PTH100  # a link may come to lead elsewhere


def _around(replacement: Any, original: Any) -> Any:
    @functools.wraps(original)
    def function(*args: Any, **kwargs: Any) -> Any:
        return replacement(original, *args, **kwargs)

    return function


def _always(root: Path) -> dict[str, list[str]]:
    """Return what every run depends on: the programs that build, the lock, a person's defaults."""
    import zc.buildout
    from zc.buildout.buildout import _get_user_config

    return {
        "tree": [str(Path(__file__).resolve().parent), str(root / "bin" / "buildout")],
        "stamps": [str(Path(zc.buildout.__file__).parents[1])],
        "content": [
            str(Path(sys.prefix) / "bootstrap.json"),
            str(root / lockfile.NAME),
            str(root / lockfile.LOCAL),
            _get_user_config(),
        ],
    }


class Heard(logging.Handler):
    """The warnings of a run: one that is left out gives them again."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []
        self._last: logging.LogRecord | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Note a warning as zc.buildout prints it; once, though two loggers have this handler."""
        if record is not self._last:
            own = f"{record.name}.".startswith("zc.buildout.")
            self.lines.append(f"{'' if own else record.name + ': '}{record.getMessage()}")
            self._last = record
