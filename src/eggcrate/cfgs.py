"""The project's configuration files as they are written: which versions they pin, and for whom.

They are read one by one and not as buildout combines them, with every conditional section,
whatever it means here: the lock serves all parts, platforms and versions of Python alike.
"""

import io
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from packaging.markers import InvalidMarker, Marker
from packaging.requirements import InvalidRequirement, Requirement

from eggcrate.lockfile import normalised
from eggcrate.targets import TARGETS, Target

LOCAL = "local.cfg"

_VERSIONS = "versions"
_OTHERS = ("pyvenv.cfg", "setup.cfg")  # what is not zc.buildout's
# The recipe that takes the name of its part for the egg's, where no eggs are given.
_DEFAULTING = "zc.recipe.egg"


class CfgError(Exception):
    """What keeps a configuration file from being read, with its path."""


@dataclass(frozen=True)
class Pin:
    """One version of a distribution: a line of [versions], or `name == version` among the eggs."""

    name: str
    version: str
    path: Path
    condition: str = ""
    among_eggs: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """What it is called in the lock."""
        return normalised(self.name), self.version

    @cached_property
    def targets(self) -> tuple[Target, ...]:
        """The targets it is for: those of its section's condition, where that is a marker."""
        try:
            marker = Marker(self.condition)
        except InvalidMarker:
            return TARGETS
        return tuple(target for target in TARGETS if target.may_be(marker))


@dataclass(frozen=True)
class Cfg:
    """A configuration file: its sections by (name, condition), each a mapping of options."""

    path: Path
    sections: dict[tuple[str, str], dict[str, str]] = field(repr=False)

    @property
    def pins(self) -> list[Pin]:
        """What the file pins, in the order in which it does."""
        return [*self._versions(), *self._among_eggs()]

    @property
    def has_versions(self) -> bool:
        """Whether it has a [versions] section of its own."""
        return any(name == _VERSIONS for name, _ in self.sections)

    @property
    def unpinned(self) -> set[str]:
        """The distributions of which it takes back what another file pins: `name =`."""
        options = self.sections.get((_VERSIONS, ""), {})
        return {normalised(name) for name, value in options.items() if not value.strip()}

    @property
    def requirements(self) -> list[Requirement]:
        """What the parts of this file name: eggs, recipes and extensions."""
        return [requirement for _, requirement in self._requirements()]

    @property
    def develops(self) -> list[str]:
        """The source trees of `develop`, as they are named there."""
        return [name for options in self._named("buildout") for name in _words(options, "develop")]

    @property
    def extends(self) -> list[str]:
        """The files that it builds upon, as they are named there."""
        return [
            name
            for options in self._named("buildout")
            for option in ("extends", "optional-extends")
            for name in _words(options, option)
        ]

    def _named(self, section: str) -> Iterator[dict[str, str]]:
        return (options for (name, _), options in self.sections.items() if name == section)

    def _versions(self) -> Iterator[Pin]:
        for (section, condition), options in self.sections.items():
            if section == _VERSIONS:
                for name, value in options.items():
                    version = value.strip().removeprefix("==").strip()
                    if version:
                        yield Pin(name, self._checked(name, version), self.path, condition)

    def _checked(self, name: str, version: str) -> str:
        if version[0] in "<>=!~" or set(version) & set("*,; \n$"):
            raise CfgError(f"{self.path}: {name} = {version} is no pin: one version is needed")
        return version

    def _among_eggs(self) -> Iterator[Pin]:
        for condition, requirement in self._requirements():
            specifiers = list(requirement.specifier)
            if len(specifiers) == 1 and specifiers[0].operator in ("==", "==="):
                version = specifiers[0].version
                if not version.endswith(".*"):
                    yield Pin(requirement.name, version, self.path, condition, among_eggs=True)

    def _requirements(self) -> Iterator[tuple[str, Requirement]]:
        for (section, condition), options in self.sections.items():
            for text in _named_by(section, options) if section != _VERSIONS else ():
                try:
                    yield condition, Requirement(text)
                except InvalidRequirement:
                    continue  # ${another:part}


def _named_by(section: str, options: dict[str, str]) -> Iterator[str]:
    """Yield what may be the requirements of a section, a part or [buildout]."""
    # A recipe may name an entry point, too: distribution:name.
    recipe = options.get("recipe", "").partition(":")[0]
    yield from (recipe, *_lines(options, "extensions"), *_lines(options, "eggs"))
    if "eggs" not in options and recipe.startswith(_DEFAULTING):
        yield section


def project(root: Path) -> list[Cfg]:
    """Return the files of a project: the root's, those of etc/, and what they extend.

    local.cfg is none of them. The first one is the one that holds the project's pins.
    """
    found: dict[Path, Cfg] = {}
    waiting = [*_listed(root), *_listed(root / "etc")]
    while waiting:
        path = waiting.pop(0)
        if path not in found and path.name != LOCAL:
            found[path] = read(path)
            waiting += _extended(found[path])
    return sorted(found.values(), key=lambda cfg: cfg.path != root / "versions.cfg")


def local(root: Path) -> Cfg | None:
    """Return a person's own local.cfg, None if there is none."""
    path = root / LOCAL
    return read(path) if path.exists() else None


def read(path: Path) -> Cfg:
    """Return what a file holds. Raise :exc:`CfgError` if it cannot be read."""
    from zc.buildout import configparser

    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text (UTF-8)"
        raise CfgError(f"{path}: cannot be read: {reason}") from None
    headers: list[tuple[str, str]] = []
    lines = [_numbered(line, headers, configparser) for line in text.splitlines(keepends=True)]
    try:
        parsed = configparser.parse(io.StringIO("".join(lines)), str(path))
    except configparser.Error as error:
        raise CfgError(" ".join(str(error).split())) from None
    sections: dict[tuple[str, str], dict[str, str]] = {}
    for number, options in parsed.items():
        section = sections.setdefault(headers[int(number)], {})
        for option, value in options.items():
            if not option.endswith("-"):
                name = option.rstrip(" +")
                section[name] = f"{section.get(name, '')}\n{value}" if name != option else value
    _check(path, sections)
    return Cfg(path, sections)


def _check(path: Path, sections: dict[tuple[str, str], dict[str, str]]) -> None:
    for (section, _), options in sections.items():
        named = options.get("versions", _VERSIONS).strip()
        if section == "buildout" and named != _VERSIONS:
            raise CfgError(f"{path}: versions = {named}: the section has to be [{_VERSIONS}]")


def _numbered(line: str, headers: list[tuple[str, str]], configparser: Any) -> str:
    """Return a line for zc.buildout's parser: of a section's header only its number remains.

    The parser would leave out each section whose condition is not met here and now.
    """
    header = configparser.section_header(line) if line[:1] == "[" else None
    if not header:
        return line
    condition = (header["expression"] or "").replace(r"\x23", "#").replace(r"\x3b", ";")
    headers.append((header["name"], condition.strip()))
    return f"[{len(headers) - 1}]\n"


def _listed(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.glob("[!.]*.cfg")) if path.name not in _OTHERS]


def _extended(cfg: Cfg) -> Iterator[Path]:
    for name in cfg.extends:
        if "://" in name:
            raise CfgError(f"{cfg.path}: extends {name}: keep a copy of it in the project")
        path = Path(os.path.normpath(cfg.path.parent / name))
        if path.exists() and "$" not in name:
            yield path


def _lines(options: dict[str, str], option: str) -> list[str]:
    return [line.strip() for line in options.get(option, "").splitlines() if line.strip()]


def _words(options: dict[str, str], option: str) -> list[str]:
    return options.get(option, "").split()
