"""The run of zc.buildout that is to be supplied, and what it is supplied from."""

import functools
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from eggcrate import modes
from eggcrate.depot import Depot
from eggcrate.modes import Mode


class Run:
    """One run; zc.buildout's functions do not hand it on, so it is kept here."""

    def __init__(self, buildout: Any) -> None:
        self.buildout = buildout
        self.unlocked: set[str] = set()  # eggs in use that are not in the lock
        self.planned: set[tuple[str, str]] = set()  # folders, and what was fetched into them
        self.building = False  # zc.recipe.egg:custom, into develop-eggs

    @functools.cached_property
    def mode(self) -> Mode:
        """How strict it is. Raise ``UserError`` if eggcrate was left out, but not by name."""
        mode, extensions = modes.of(self.buildout), self._options.get("extensions", "").split()
        names = {re.split(r"[^\w.-]", text)[0].lower() for text in extensions}
        if "eggcrate" not in names and mode is not Mode.OFF:
            raise _left_out(extensions)
        return mode

    @functools.cached_property
    def depot(self) -> Depot:
        """The supplies."""
        return Depot.of(self.buildout)

    @property
    def _options(self) -> Any:
        # zc.buildout may want the egg of a recipe while it still reads this section.
        return self.buildout["buildout"]

    @property
    def eggs(self) -> Path:
        """The folder of eggs."""
        return normal(self._options["eggs-directory"])

    def is_develop(self, folder: str) -> bool:
        """Tell whether ``folder`` is for what a person has asked by name to be built here."""
        return normal(folder) == normal(self._options["develop-eggs-directory"])

    def plan(self, specs: Iterable[str], folder: str, *, of_part: bool) -> list[str]:
        """Return what to fetch for a part or a recipe, and with the first part for all of them."""
        wanted = {(folder, spec) for spec in specs}
        if of_part and normal(folder) == self.eggs:
            wanted |= {(folder, spec) for spec in _eggs_of_parts(self.buildout)}
        new = sorted(wanted - self.planned)
        self.planned |= wanted
        return [spec for _, spec in new]

    def note(self, working_set: Any) -> None:
        """Note which of the eggs in use were not compared with the lock."""
        self.unlocked |= self.depot.unlocked(self.eggs, working_set)


def _left_out(extensions: Iterable[str]) -> Exception:
    import zc.buildout

    named = " ".join(extensions)
    error: Exception = zc.buildout.UserError(
        f"[buildout] extensions = {named} leaves out eggcrate, and nothing would be compared with"
        f" versions.lock; write `extensions += {named}`, or set `eggcrate = off` to do without"
    )
    return error


def _eggs_of_parts(buildout: Any) -> Iterator[str]:
    """Yield what the parts seem to want: their ``eggs``, or for zc.recipe.egg their names."""
    for name in buildout._parts:
        options = buildout[name].copy()  # reading them here would make all of them used
        own = options.get("recipe", "").partition(":")[0] == "zc.recipe.egg"
        eggs = options.get("eggs", name if own else "")
        yield from filter(None, map(str.strip, eggs.split("\n")))


_run: Run | None = None


def begin(buildout: Any) -> bool:
    """Make a run the current one, if there is none yet; tell whether there was none."""
    global _run
    if _run is not None:
        return False
    _run = Run(buildout)
    return True


def current() -> Run | None:
    """Return the run that is to be supplied, None if there is none or it is to do without."""
    return _run if _run is not None and _run.mode is not Mode.OFF else None


def notices() -> list[str]:
    """Return what is to be said at the end of every run."""
    if _run is None:
        return []
    if _run.mode is Mode.OFF:
        return ["eggcrate = off: nothing that was installed was compared with versions.lock"]
    names = ", ".join(sorted(_run.unlocked, key=str.lower))
    return [f"Not in versions.lock, so not compared with it: {names}"] if names else []


def normal(folder: str | Path) -> Path:
    """Return a folder as zc.buildout compares it."""
    return Path(folder).resolve()
