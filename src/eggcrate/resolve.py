"""One version of each distribution that agrees with all others, for all targets at once.

The search is resolvelib's, the core of pip's own resolver, and comes with the pinned pip: what pip
can resolve is resolved here, and no further tool has to be installed, pinned and trusted. Only
the knowledge of what requires what is ours. pip resolves for the machine it runs on; here a
requirement counts if its marker may hold for any target that what requires it is for.
"""

import importlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from eggcrate.lockfile import normalised
from eggcrate.releases import Release, Releases
from eggcrate.targets import TARGETS, Target

# pip's own limit is 200,000: this is for when that many would take an hour.
_ROUNDS = 20_000


class ResolutionError(Exception):
    """What cannot agree, a line for each requirement in the way."""


@dataclass(frozen=True)
class Wish:
    """A requirement: which versions of what, with which extras, for which targets, by whom."""

    name: str
    specifier: SpecifierSet
    extras: frozenset[str]
    targets: frozenset[Target]
    by: str

    def __str__(self) -> str:
        extras = f"[{','.join(sorted(self.extras))}]" if self.extras else ""
        return f"{self.by} wants {self.name}{extras}{self.specifier}"


@dataclass(frozen=True)
class Candidate:
    """A release, with the extras and for the targets that all wishes together ask for."""

    name: str
    release: Release
    extras: frozenset[str]
    targets: frozenset[Target]

    @property
    def version(self) -> Version:
        """Its version."""
        return self.release.version


@dataclass(frozen=True)
class Rules:
    """What is to be chosen among the versions that fit.

    ``pinned`` versions are kept unless they are in ``free``; ``fixed`` ones are not for us to
    change. ``own`` is not fetched, and where a pin is ``elsewhere`` (by a condition) nothing is
    required.
    """

    pinned: Mapping[str, Version]
    free: frozenset[str]
    fixed: Mapping[str, Version]
    own: frozenset[str]
    elsewhere: Mapping[str, frozenset[Target]]


def wishes(
    requirements: Iterable[Requirement], by: str, extras: Iterable[str] = ()
) -> Iterator[Wish]:
    """Yield what something requires that is for all targets."""
    return _wishes(requirements, by, frozenset(extras), frozenset(TARGETS))


def _wishes(
    requirements: Iterable[Requirement],
    by: str,
    extras: frozenset[str],
    wanted: frozenset[Target],
) -> Iterator[Wish]:
    for one in requirements:
        concerned = frozenset(t for t in wanted if t.may_be(one.marker, extras))
        if concerned:
            named = frozenset(map(normalised, one.extras))
            yield Wish(normalised(one.name), one.specifier, named, concerned, by)


def resolve(roots: Iterable[Wish], releases: Releases, rules: Rules) -> dict[str, Candidate]:
    """Return what is needed, by normalised name. Raise :exc:`ResolutionError`."""
    resolvelib = importlib.import_module("pip._vendor.resolvelib")
    provider = _Provider(releases, rules)
    resolver = resolvelib.Resolver(provider, resolvelib.BaseReporter())
    try:
        result = resolver.resolve(list(provider.concerned(roots)), max_rounds=_ROUNDS)
    except resolvelib.ResolutionImpossible as error:
        lines = dict.fromkeys(f"{provider.why(cause.requirement)}" for cause in error.causes)
        raise ResolutionError("\n".join(lines)) from None
    except resolvelib.ResolutionTooDeep:
        raise ResolutionError("no agreement was found in reasonable time: name some") from None
    return dict(result.mapping)


class _Provider:
    """What resolvelib asks; a name is all that identifies a wish and its candidates."""

    def __init__(self, releases: Releases, rules: Rules) -> None:
        self._releases = releases
        self._rules = rules

    def identify(self, requirement_or_candidate: Wish | Candidate) -> str:
        return requirement_or_candidate.name

    def narrow_requirement_selection(self, identifiers: Iterable[str], **_: Any) -> Iterable[str]:
        return identifiers

    def get_preference(self, identifier: str, backtrack_causes: Any, **_: Any) -> Any:
        """Return what is to be decided first: what is in the way, then what has no choice."""
        in_the_way = {cause.requirement.name for cause in backtrack_causes}
        return (identifier not in in_the_way, identifier not in self._rules.fixed, identifier)

    def find_matches(
        self,
        identifier: str,
        requirements: Mapping[str, Iterator[Wish]],
        incompatibilities: Mapping[str, Iterator[Candidate]],
    ) -> Callable[[], Iterator[Candidate]]:
        asked = list(requirements[identifier])
        excluded = set(incompatibilities[identifier])
        extras = frozenset[str]().union(*(wish.extras for wish in asked))
        wanted = frozenset[Target]().union(*(wish.targets for wish in asked))

        def matches() -> Iterator[Candidate]:
            for release in self._ordered(identifier, wanted):
                candidate = Candidate(identifier, release, extras, wanted)
                if candidate not in excluded and all(_contains(w, candidate) for w in asked):
                    yield candidate

        return matches

    def is_satisfied_by(self, requirement: Wish, candidate: Candidate) -> bool:
        return (
            _contains(requirement, candidate)
            and requirement.extras <= candidate.extras
            and requirement.targets <= candidate.targets
        )

    def get_dependencies(self, candidate: Candidate) -> list[Wish]:
        described = self._releases.describe(candidate.name, candidate.release)
        by = f"{candidate.name} {candidate.version}"
        found = _wishes(described.requires, by, candidate.extras, candidate.targets)
        return list(self.concerned(found))

    def concerned(self, found: Iterable[Wish]) -> Iterator[Wish]:
        """Yield the wishes that are for us, each for the targets for which it is."""
        for wish in found:
            remaining = wish.targets - self._rules.elsewhere.get(wish.name, frozenset())
            if remaining and wish.name not in self._rules.own:
                yield Wish(wish.name, wish.specifier, wish.extras, remaining, wish.by)

    def why(self, wish: Wish) -> str:
        """Return what a wish is, and why it may be in vain."""
        if not self._releases.of(wish.name):
            return f"{wish}, which no index has"
        fixed = self._rules.fixed.get(wish.name)
        return f"{wish}, and {fixed} is pinned elsewhere" if fixed else str(wish)

    def _ordered(self, name: str, wanted: frozenset[Target]) -> Iterator[Release]:
        """Yield the releases to be considered, best first: never an older one without need."""
        rules, releases = self._rules, self._releases.of(name)
        if (fixed := rules.fixed.get(name)) is not None:
            yield from (release for release in releases if release.version == fixed)
            return
        pinned = rules.pinned.get(name)
        if name not in rules.free:
            yield from (release for release in releases if release.version == pinned)
        for release in releases:
            if release.version == pinned:
                if name in rules.free:
                    yield release
            elif release.is_wanted and release.serves(wanted):
                yield release


def _contains(wish: Wish, candidate: Candidate) -> bool:
    return wish.specifier.contains(candidate.version, prereleases=True)
