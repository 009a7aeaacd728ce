"""Put the layers together: the one place that knows their order."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from carboy import project
from carboy.errors import SettingsError, did_you_mean
from carboy.options import BY_NAME, OPTIONS
from carboy.settings.arguments import options_of, settings_in_mapping, settings_of
from carboy.settings.declarations import Declarations, declarations_for, is_key, top_level
from carboy.settings.environment import options_in, secrets_in, settings_in, unknown
from carboy.settings.files import given_in
from carboy.settings.masking import is_revealing, masked
from carboy.settings.model import Given, Options, Provenance, Resolved, Settings
from carboy.settings.secret_key import KEY, PLACE, development_key, testing_key
from carboy.settings.validation import problems_in
from carboy.settings.values import convert

PathName = str | os.PathLike[str]

_BUILT_IN = Provenance("default", "carboy")
_SCRIPT = Provenance("default", "script")


def resolve(
    *,
    app: str | None = None,
    env: str | None = None,
    options: Mapping[str, Any] | None = None,
    defaults: Mapping[str, Any] | None = None,
    files: Sequence[PathName] = (),
    sets: Sequence[str] = (),
    environ: Mapping[str, str] | None = None,
    root: Path | None = None,
    mapping: Mapping[str, Any] | None = None,
    cwd: Path | None = None,
    strict: bool = True,
) -> Resolved:
    """Resolve server options and settings through all layers.

    `app`, `env`, `options`, `files` and `sets` are what the command line gives (`options` may
    hold the other four by their names), `defaults` what the script does (options in lower,
    settings in upper case). Raises SettingsError with all problems; unless `strict`, they are
    left in `Resolved.problems`. An unknown environment always raises, for it decides which files
    are read.
    """
    command = dict(options or {})
    named = [*command.pop("settings", ()), *files]
    pairs = [*command.pop("set", ()), *sets]
    explicit = {"app": app, "env": env}
    resolution = _Resolution(
        environ=os.environ if environ is None else environ,
        root=(project.root() if root is None else root).absolute(),
        cwd=Path.cwd() if cwd is None else cwd,
        command=command | {name: value for name, value in explicit.items() if value is not None},
        script=dict(defaults or {}),
    )
    resolved = resolution.run(named, pairs, mapping or {})
    if strict and resolved.problems:
        raise SettingsError(resolved.problems)
    return resolved


def load(
    mapping: Mapping[str, Any] | None = None,
    *,
    app: str | None = None,
    environ: Mapping[str, str] | None = None,
    root: Path | None = None,
) -> Settings:
    """Return the settings of the application `app`, for a factory that is called by anything.

    A Settings instance (what `bin/serve` hands over) is returned as it is, unless it was resolved
    for another application: one that wraps this one, and has handed on what it was given. Any
    other mapping is the highest layer above what the environment gives. A mapping with a true
    TESTING makes the environment `testing`, unless $CARBOY_ENV names one. Raises SettingsError.
    """
    if isinstance(mapping, Settings):
        if app is None or mapping.app in (None, top_level(app)):
            return mapping
        given = {key: value for key, value in mapping.items() if not mapping.is_default(key)}
        return resolve(app=app, env=mapping.env, environ=environ, root=root, mapping=given).settings
    testing = (mapping or {}).get("TESTING") is True
    return resolve(
        app=app,
        defaults={"env": "testing"} if testing else None,
        environ=environ,
        root=root,
        mapping=mapping,
    ).settings


@dataclass(slots=True)
class _Resolution:
    """Collect values, provenance and problems on the way through the layers."""

    environ: Mapping[str, str]
    root: Path
    cwd: Path
    command: dict[str, Any]
    script: dict[str, Any]
    env: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    provenance: dict[str, Provenance] = field(default_factory=dict)
    read: list[Path] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    hidden: set[str] = field(default_factory=set)
    above_defaults: bool = False

    def run(
        self, files: Sequence[PathName], sets: Sequence[str], mapping: Mapping[str, Any]
    ) -> Resolved:
        """Take every layer, lowest first."""
        self.env = self._environment()
        from_files = self._files(files)
        on_top = [*settings_of(sets, self.problems), *settings_in_mapping(mapping, self.problems)]
        # Options before settings: they name the application, which declares its settings.
        for given in self._option_layers(from_files, on_top):
            self._merge_option(given)
        declarations = self._declarations()
        for given in self._setting_layers(from_files, on_top, declarations):
            self._merge_setting(given, declarations)
        self._derive(declarations)
        self.problems += problems_in(
            self.env, self.options, self.settings, self.provenance, declarations
        )
        return self._resolved(declarations)

    def _environment(self) -> str:
        """Return the environment's name, which must be known before any file is read."""
        for given in self._option_layers((), ()):
            if given.path == ("env",):
                self._merge_option(given)
        if self.problems:
            raise SettingsError(self.problems)
        return str(self.options["env"])

    def _option_layers(self, files: Iterable[Given], on_top: Iterable[Given]) -> Iterator[Given]:
        for option in OPTIONS:
            yield Given((option.name,), option.default_for(self.env), _BUILT_IN)
        for name, value in self.script.items():
            if not is_key(name):
                yield Given((name,), value, _SCRIPT)
        yield from (given for given in files if _option_of(given))
        yield from options_in(self.environ)
        yield from options_of(self.command)
        yield from (given for given in on_top if _option_of(given))

    def _setting_layers(
        self, files: Iterable[Given], on_top: Iterable[Given], declarations: Declarations
    ) -> Iterator[Given]:
        yield from declarations.defaults(self.env)
        for key, value in self.script.items():
            if is_key(key):
                yield Given((key,), value, _SCRIPT)
        yield from (given for given in files if is_key(given.path[0]))
        yield from settings_in(self.environ, declarations)
        yield from secrets_in(
            self.environ, declarations, root=self.root, problems=self.problems, files=self.read
        )
        yield from on_top

    def _files(self, named: Sequence[PathName]) -> list[Given]:
        """Read etc/<env>.toml if there is one, then every file that was named."""
        first = self.root / "etc" / f"{self.env}.toml"
        self.read.append(first)
        found = self._read(first) if _exists(first) else []
        # A working folder means nothing to script and environment: these may be used anywhere.
        paths = [self.root / name for name in self._named_by_lower_layers()]
        paths += [self.cwd / name for name in named]
        for path in paths:
            self.read.append(path)
            found += self._read(path)
        if named:
            self.command["settings"] = tuple(map(os.fspath, named))
        return found

    def _named_by_lower_layers(self) -> Iterator[str]:
        option = BY_NAME["settings"]
        for value in (self.script.get(option.name), self.environ.get(option.variable)):
            try:
                yield from option.convert(value or ())
            except ValueError:
                continue  # becomes a problem when the option itself is merged

    def _read(self, path: Path) -> list[Given]:
        shown = path.relative_to(self.root) if path.is_relative_to(self.root) else path
        return given_in(path, str(shown), self.problems)

    def _merge_option(self, given: Given) -> None:
        name = _option_of(given) or given.name
        option = BY_NAME.get(name)
        if option is None:
            hint = did_you_mean(name, BY_NAME)
            self._refuse(given, f"unknown server option{hint}")
        elif given.provenance == _BUILT_IN:
            self._put_option(name, given.value, given.provenance)
        elif given.value is not None:
            try:
                self._put_option(name, option.convert(given.value), given.provenance)
            except ValueError as error:
                self._refuse(given, str(error))

    def _put_option(self, name: str, value: Any, origin: Provenance) -> None:
        self.options[name] = value
        self.provenance[name] = origin

    def _refuse(self, given: Given, problem: str) -> None:
        self.problems.append(f"{given.name}: {problem} ({given.provenance})")

    def _declarations(self) -> Declarations:
        folder = self.cwd / (self.options["chdir"] or "")
        declarations = declarations_for(self.options["app"], folder=folder)
        self.read += declarations.files
        self.problems += declarations.problems
        self.hidden.update(declared.key for declared in declarations if declared.secret)
        return declarations

    def _merge_setting(self, given: Given, declarations: Declarations) -> None:
        key = given.path[0]
        self.above_defaults |= given.provenance.layer != "default"
        if given.provenance.layer == "secret":
            self.hidden.add(key)
        problem = unknown(given, declarations)
        kind = declarations.type_of(key)
        if problem is None and len(given.path) > 1 and kind not in ("dict", "any"):
            problem = f"{key} is no table: its type is {kind}"
        if problem:
            self._refuse(given, problem)
        elif not _option_of(given):
            self._convert_setting(given, kind)

    def _convert_setting(self, given: Given, kind: str) -> None:
        key, *inner = given.path
        kind = "any" if inner else kind
        try:
            value = convert(kind, given.value, form=given.form, root=self.root)
        except ValueError as error:
            secret = key in self.hidden or is_revealing(key)
            got = "" if secret else f", got {masked(given.value)!r}"
            self._refuse(given, f"{error}{got}")
            return
        for name in reversed(inner):
            value = {name: value}
        self._put_setting(key, value, given.provenance)

    def _put_setting(self, key: str, value: Any, origin: Provenance) -> None:
        old = self.settings.get(key)
        if old and isinstance(old, dict) and isinstance(value, dict):
            value = _merged(old, value)
            source = f"{self.provenance[key].source} + {origin.source}"
            origin = Provenance(origin.layer, source)
        self.settings[key] = value
        self.provenance[key] = origin

    def _derive(self, declarations: Declarations) -> None:
        """Add what follows from the rest: DEBUG, and a SECRET_KEY if there is none."""
        self._put_setting("DEBUG", self.options["debug"], self.provenance["debug"])
        # The key of an application that declares nothing is its own business, and a key that
        # was given but refused is replaced by nothing.
        refused = any(problem.startswith(f"{KEY}:") for problem in self.problems)
        if declarations.closed and not refused and not self.settings.get(KEY):
            self._make_secret_key()

    def _make_secret_key(self) -> None:
        if self.env == "testing":
            self._put_setting(KEY, testing_key(), Provenance("default", "random"))
        elif self.env == "development":
            origin = Provenance("default", str(PLACE))
            try:
                self._put_setting(KEY, development_key(self.root), origin)
            except ValueError as error:
                self.problems.append(f"{KEY}: {error} ({origin})")

    def _is_secret(self, key: str, declarations: Declarations) -> bool:
        """Tell whether a value must be masked; a declared default is public, like its file."""
        origin = self.provenance.get(key)
        if key not in declarations:
            return is_revealing(key) or key in self.hidden
        public = origin == Provenance("default", declarations.by_key[key].source)
        return key in self.hidden and not public

    def _resolved(self, declarations: Declarations) -> Resolved:
        origins = {key: self.provenance[key] for key in self.settings}
        secret = frozenset(key for key in self.settings if self._is_secret(key, declarations))
        # What --set gave is in the settings now, masked there where it is secret.
        options = {name: value for name, value in self.options.items() if name != "set"}
        return Resolved(
            env=self.env,
            options=Options(**options),
            settings=Settings(
                self.settings,
                env=self.env,
                provenance=origins,
                secret=secret,
                app=top_level(self.options["app"]),
            ),
            provenance=dict(self.provenance),
            given=self.above_defaults or declarations.closed,
            files=tuple(dict.fromkeys(self.read)),
            problems=tuple(dict.fromkeys(self.problems)),
        )


def _option_of(given: Given) -> str | None:
    """Return the option that a value is for: DEBUG and the option debug are the same thing."""
    if given.path == ("DEBUG",):
        return "debug"
    return None if is_key(given.path[0]) else given.path[0]


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except PermissionError:
        return True  # so that reading it says what is wrong


def _merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """Return two dicts as one, deeply; the new one wins."""
    result = dict(old)
    for key, value in new.items():
        both = isinstance(result.get(key), dict) and isinstance(value, dict)
        result[key] = _merged(result[key], value) if both else value
    return result
