"""Raise the pins: to the newest releases in the ranges of the requirements that agree.

The file with the project's pins (versions.cfg) is one undertaking, and each further file with a
[versions] section another one, upon the outcome of the first: what only measures or tests something
does not hold back what is served. A pin in a section with a condition is somebody's decision about
some targets, and is left alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from packaging.requirements import Requirement
from packaging.version import InvalidVersion, Version

from eggcrate import pins as tools
from eggcrate import resolve
from eggcrate.cache import Cache
from eggcrate.cfgs import Cfg, Pin
from eggcrate.index import Index
from eggcrate.lockfile import normalised
from eggcrate.project import Project
from eggcrate.releases import Releases
from eggcrate.resolve import Candidate, Rules, Wish
from eggcrate.targets import TARGETS, Target
from eggcrate.versions_file import VersionsFile


class UpgradeError(Exception):
    """What cannot be raised, and why."""


@dataclass(frozen=True)
class Tier:
    """A file with pins, what is wished for there, and what was decided before."""

    project: Project
    cfg: Cfg
    wishes: tuple[Wish, ...]
    fixed: Mapping[str, Version]

    @cached_property
    def pins(self) -> dict[str, Pin]:
        """The pins that can be raised, by normalised name."""
        return {pin.key[0]: pin for pin in _open(self.project, self.cfg)}

    def rules(self, free: frozenset[str]) -> Rules:
        """Return what is to be chosen here."""
        known = {name: version for name, pin in self.pins.items() if (version := _version(pin))}
        passed = {*self.pins, *self.cfg.unpinned}
        fixed = {name: version for name, version in self.fixed.items() if name not in passed}
        return Rules(known, free, fixed, self.project.own, _elsewhere(self.project, self.cfg))


@dataclass(frozen=True)
class Outcome:
    """What a tier comes to: all that is needed, and the pins that nothing needs."""

    tier: Tier
    chosen: Mapping[str, Candidate]
    superfluous: frozenset[str]

    def versions(self) -> dict[str, Version]:
        """Return the versions that the file pins from now on."""
        return {name: candidate.version for name, candidate in self.chosen.items()}


def upgrade(project: Project, names: Sequence[str], index: Index, settings: Any) -> None:
    """Raise all pins, or those of ``names``, in the files of the project, and say which.

    Raise :exc:`UpgradeError`, :exc:`resolve.ResolutionError`, and what fetching raises.
    """
    pinned = {pin.key[0] for cfg in project.cfgs for pin in _open(project, cfg)}
    free = frozenset(map(normalised, names)) or frozenset(pinned)
    if unknown := free - pinned:
        raise UpgradeError("\n".join(f"no pin of {name} can be raised" for name in sorted(unknown)))
    releases = Releases(index, Cache.configured(settings))
    releases.prepare(sorted(free))
    outcomes: list[Outcome] = []
    for cfg in _with_versions(project):
        fixed = outcomes[0].versions() if outcomes else {}
        tier = Tier(project, cfg, tuple(_wishes(project, cfg, first=not outcomes)), fixed)
        outcomes.append(decide(tier, free, releases))
    changed = [line for outcome in outcomes for line in _save(outcome, releases)]
    for line in changed or ["no pin is raised"]:
        print(line)
    for note in _notes(project, outcomes, free if names else None):
        print(f"note: {note}")


def decide(tier: Tier, free: frozenset[str], releases: Releases) -> Outcome:
    """Return which versions a file is to pin."""
    rules = tier.rules(free)
    chosen = resolve.resolve(tier.wishes, releases, rules)
    superfluous = frozenset(tier.pins) - frozenset(chosen)
    if superfluous:
        # They are raised nevertheless: who keeps a pin has a reason that stands in no file.
        kept = resolve.wishes(map(Requirement, sorted(superfluous)), _said(tier.project, tier.cfg))
        chosen = resolve.resolve([*tier.wishes, *kept], releases, rules)
    return Outcome(tier, chosen, superfluous)


# --- what is asked for ---------------------------------------------------------------------------


def _with_versions(project: Project) -> list[Cfg]:
    """Return the files with pins; :func:`cfgs.project` puts the project's own first."""
    return [cfg for cfg in project.cfgs if cfg.has_versions]


def _open(project: Project, cfg: Cfg) -> Iterator[Pin]:
    """Yield the pins that can be raised: not by condition, not among eggs, not our own."""
    for pin in cfg.pins:
        if not (pin.condition or pin.among_eggs or pin.key[0] in project.own):
            yield pin


def _elsewhere(project: Project, cfg: Cfg) -> dict[str, frozenset[Target]]:
    """Return for which targets a name is pinned by condition: there nothing is decided here."""
    found: dict[str, frozenset[Target]] = {}
    for one in (_with_versions(project)[0], cfg):
        for pin in one.pins:
            if pin.condition and len(pin.targets) < len(TARGETS):
                name = pin.key[0]
                found[name] = found.get(name, frozenset()) | frozenset(pin.targets)
    return found


def _wishes(project: Project, cfg: Cfg, *, first: bool) -> Iterator[Wish]:
    """Yield what is wanted of the versions in a file: by the parts there, and who extends it."""
    if not first:
        yield from resolve.wishes(cfg.requirements, _said(project, cfg))
        return
    for tree in project.trees:
        source = project.relative(tree.source)
        yield from resolve.wishes((*tree.requires, *tree.builds_with), source, tree.extras)
    for other in project.cfgs:
        if other is cfg or not other.has_versions:
            yield from resolve.wishes(other.requirements, _said(project, other))
    pinned = {pin.key[0] for pin in cfg.pins}
    running = [Requirement(name) for name in tools.TOOLS if normalised(name) in pinned]
    yield from resolve.wishes(running, "the build")


def _version(pin: Pin) -> Version | None:
    try:
        return Version(pin.version)
    except InvalidVersion:
        return None


def _said(project: Project, cfg: Cfg) -> str:
    return project.relative(cfg.path)


# --- what comes of it ----------------------------------------------------------------------------


def _save(outcome: Outcome, releases: Releases) -> list[str]:
    """Write the file; return what changed in it, a pin a line."""
    tier = outcome.tier
    file, where = VersionsFile(tier.cfg.path), _said(tier.project, tier.cfg)
    lines = []
    for name, candidate in sorted(outcome.chosen.items()):
        pin, version = tier.pins.get(name), str(candidate.version)
        if pin is None:
            if name not in tier.fixed and name not in tier.cfg.unpinned:
                described = releases.describe(name, candidate.release)
                parent = _parent(name, outcome, releases)
                file.add(described.name, version, parent)
                lines.append(f"{described.name} {version} (new in {where}: {parent} requires it)")
        elif _version(pin) != candidate.version:
            file.set(pin.name, version)
            lines.append(f"{pin.name} {pin.version} -> {version} ({where})")
    file.save()
    return lines


def _parent(name: str, outcome: Outcome, releases: Releases) -> str:
    """Return what requires a distribution, of several the first pinned in the same file."""
    parents = [
        other
        for other, candidate in sorted(outcome.chosen.items())
        for requirement in releases.describe(other, candidate.release).requires
        if normalised(requirement.name) == name
    ]
    parents.sort(key=lambda other: other not in outcome.tier.pins)
    return parents[0] if parents else _said(outcome.tier.project, outcome.tier.cfg)


def _notes(project: Project, outcomes: list[Outcome], only: frozenset[str] | None) -> Iterator[str]:
    """Yield what was not done, of ``only`` these if given."""
    for outcome in outcomes:
        where = _said(project, outcome.tier.cfg)
        for pin in outcome.tier.cfg.pins:
            if pin.condition and (only is None or pin.key[0] in only):
                yield f"{where}: {pin.name} = {pin.version} ({pin.condition}) is left alone"
        others = {name for other in outcomes if other is not outcome for name in other.chosen}
        for name in sorted(outcome.superfluous - others):
            yield f"{where}: nothing requires {outcome.tier.pins[name].name} any more"
