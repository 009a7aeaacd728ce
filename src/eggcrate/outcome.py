"""What a run of zc.buildout has made: commands, environments, develop eggs, and the eggs in use."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from eggcrate import probes, succession
from eggcrate.probes import Probes


def measured(buildout: Any, eggs: Iterable[str], written: Iterable[str]) -> Probes | None:
    """Return measures of all of it, None if something is missing.

    ``eggs`` are in use, and ``written`` are files that recipes have written.
    """
    options = buildout["buildout"]
    paths = [buildout._buildout_path(name) for name in _installed(buildout)]
    found = probes.measure(
        {
            "tree": [path for path in paths if _is_ours(path)]
            + [options["develop-eggs-directory"]],
            # Of what else a recipe has made, zc.buildout only asks whether it is there.
            "place": [path for path in paths if not _is_ours(path)],
            "content": [options["installed"], *written],
            "egg": eggs,
            # Offline, zc.buildout takes the newest egg that there is.
            "names": [options["eggs-directory"]] if buildout.offline else [],
        }
    )
    missing = any(None in measures.values() for measures in found.values())
    # A run that was broken off has left it for the next one.
    left = str(Path(options["parts-directory"]) / succession.LIST)
    return None if missing else probes.merge(found, {"content": {left: None}})


def _installed(buildout: Any) -> Iterator[str]:
    sections, _ = buildout._read_installed_part_options()
    for part in sections["buildout"]["parts"].split():
        yield from filter(None, sections[part]["__buildout_installed__"].split("\n"))


def _is_ours(path: str) -> bool:
    return not Path(path).is_dir() or succession.is_ours(Path(path))
