"""What a project says of its distributions: configuration files and source trees together."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement

from eggcrate import cfgs, requirements
from eggcrate.cfgs import Cfg, Pin
from eggcrate.lockfile import normalised
from eggcrate.requirements import Tree
from eggcrate.targets import TARGETS, Target

# The extension itself: pinned like all others, but nowhere to be fetched from.
EXTENSION = "eggcrate"


@dataclass(frozen=True)
class Project:
    """The files and source trees of a project, and the names of its own distributions."""

    root: Path
    cfgs: list[Cfg]
    trees: list[Tree]

    @property
    def own(self) -> frozenset[str]:
        """The names of what is never fetched."""
        return frozenset(normalised(tree.name) for tree in self.trees) | {EXTENSION}

    @property
    def pins(self) -> list[Pin]:
        """All pins but those of the project's own distributions."""
        return [pin for cfg in self.cfgs for pin in cfg.pins if pin.key[0] not in self.own]

    def relative(self, path: Path) -> str:
        """Return a path as it is written in a message."""
        return str(path.relative_to(self.root) if path.is_relative_to(self.root) else path)


def read(root: Path) -> Project:
    """Return what the files of a project say.

    Raise :exc:`cfgs.CfgError` or :exc:`requirements.RequirementsError`.
    """
    found = cfgs.project(root)
    trees = requirements.trees(root, found)
    own = Path(__file__).resolve().parent
    if own.is_relative_to(root) and (own / "pyproject.toml").exists():
        trees.append(requirements.read(own))  # what it wants of zc.buildout and pip
    return Project(root, found, trees)


def targets_of(requirement: Requirement, extras: Iterable[str]) -> set[Target]:
    """Return the targets for which a distribution with these extras has a requirement."""
    return {target for target in TARGETS if target.may_be(requirement.marker, extras)}
