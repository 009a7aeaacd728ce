"""A folder of eggs as zc.buildout sees it: read once, and only the eggs that may be used.

Stock zc.buildout lists the folder and reads the metadata of every egg again for each part, and
again after each egg that it adds.
"""

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

logger = logging.getLogger("zc.buildout.easy_install")


class Shelf:
    """The eggs in ``folder`` of which ``valid(path, name, version)`` says that they may be used."""

    def __init__(self, folder: Path, valid: Callable[[str, str, str], bool]) -> None:
        self.folder = folder
        self.valid = valid
        self.refused: set[str] = set()
        self._found: dict[str, list[Any]] | None = None

    def distributions(self) -> list[Any]:
        """Return the ``pkg_resources`` distributions."""
        if self._found is None:
            self._found = {}
            for path in self._paths():
                self.add(path)
        return [distribution for found in self._found.values() for distribution in found]

    def _paths(self) -> list[str]:
        try:
            with os.scandir(self.folder) as entries:
                return sorted(entry.path for entry in entries if entry.name.endswith(".egg"))
        except FileNotFoundError:
            return []

    def has(self, path: str) -> bool:
        """Tell whether the egg at ``path`` may be used."""
        self.distributions()
        return bool(self._found and self._found.get(path))

    def add(self, path: str) -> list[Any]:
        """Look at the egg at ``path``, now or again; return its distributions."""
        import pkg_resources

        found = [
            distribution
            for distribution in pkg_resources.find_distributions(path, only=True)
            if distribution.has_version()
            and self.valid(path, distribution.project_name, distribution.version)
        ]
        for distribution in found:
            # As zc.buildout has it (_eggify_env_dest_dists): whatever it was made from.
            distribution.precedence = pkg_resources.EGG_DIST
        if self._found is not None:
            self._found[path] = found
        if not found:
            self.refused.add(path)
        elif path in self.refused:
            self.refused.remove(path)
            logger.info("Replaced %s, which may not be used as it was.", path)
        return found
