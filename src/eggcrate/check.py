"""Whether configuration files, versions.lock and the requirements of the project agree.

Nothing is fetched: this is what continuous integration asks at every change.
"""

from collections.abc import Iterable, Iterator

from packaging.requirements import Requirement
from packaging.version import InvalidVersion

from eggcrate import lockfile, relock, targets
from eggcrate.cfgs import Pin
from eggcrate.lockfile import Lock, normalised
from eggcrate.project import Project, targets_of
from eggcrate.targets import Target


def problems(project: Project, lock: Lock) -> list[str]:
    """Return one line for each thing that does not agree."""
    return [
        *unlocked(project, project.pins, lock, lockfile.NAME),
        *_unpinned(project, lock),
        *_uncovered(project, lock),
        *_against_trees(project),
        *_against_parts(project),
    ]


def unlocked(project: Project, pins: Iterable[Pin], lock: Lock, name: str) -> list[str]:
    """Return a line for each pin that a lock, a file of this name, does not have."""
    lines = [
        f"{_said(project, pin)} is not in {name}: run bin/lock"
        for pin in pins
        if pin.targets and not lock.of(*pin.key)
    ]
    return list(dict.fromkeys(lines))


def _unpinned(project: Project, lock: Lock) -> Iterator[str]:
    pinned = {(name, lockfile.canonical(version)) for name, version in map(_key, project.pins)}
    for name, version in lock.entries:
        if (name, lockfile.canonical(version)) not in pinned:
            yield f"{lockfile.NAME}: nothing pins {name} {version}: run bin/lock"


def _uncovered(project: Project, lock: Lock) -> Iterator[str]:
    for (name, version), wanted in relock.targets_of(project.pins).items():
        files = [file.name for file in lock.of(name, version)]
        lacking = list(targets.missing(files, wanted)) if files else []
        if lacking:
            yield (
                f"{lockfile.NAME}: {name} {version} has no file for {relock.few(lacking)}: run"
                " bin/lock, or pin it in a section with a condition, [versions:marker]"
            )


def _against_trees(project: Project) -> Iterator[str]:
    """Compare the pins with the ranges: each pin of a name has to be in all of them."""
    pins = [pin for pin in project.pins if not pin.among_eggs]
    for tree in project.trees:
        source = project.relative(tree.source)
        for requirement in (*tree.requires, *tree.builds_with):
            wanted = targets_of(requirement, tree.extras)
            found = [pin for pin in pins if _concerns(pin, requirement, wanted)]
            if wanted and not found and normalised(requirement.name) not in project.own:
                yield f"{source} requires {_plain(requirement)}, and nothing pins it"
            for pin in found:
                if not fits(pin, requirement):
                    yield f"{_said(project, pin)}, but {source} wants {_plain(requirement)}"


def _against_parts(project: Project) -> Iterator[str]:
    """Look for what a part names and nothing pins, in the range that it may give."""
    for cfg in project.cfgs:
        for requirement in cfg.requirements:
            name = normalised(requirement.name)
            pins = [pin for pin in project.pins if pin.key[0] == name]
            if name not in project.own and not any(fits(pin, requirement) for pin in pins):
                path = project.relative(cfg.path)
                yield f"{path} names {_plain(requirement)}, and nothing pins it"


def fits(pin: Pin, requirement: Requirement) -> bool:
    """Tell whether a pin is in the range of a requirement."""
    try:
        return requirement.specifier.contains(pin.version, prereleases=True)
    except InvalidVersion:
        return False


def _concerns(pin: Pin, requirement: Requirement, wanted: set[Target]) -> bool:
    return pin.key[0] == normalised(requirement.name) and not wanted.isdisjoint(pin.targets)


def _key(pin: Pin) -> tuple[str, str]:
    return pin.key


def _said(project: Project, pin: Pin) -> str:
    sign = "==" if pin.among_eggs else "="
    return f"{project.relative(pin.path)}: {pin.name} {sign} {pin.version}"


def _plain(requirement: Requirement) -> str:
    return f"{requirement.name}{requirement.specifier}"
