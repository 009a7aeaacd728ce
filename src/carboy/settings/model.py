"""What a resolution results in: values that nobody can change, and where they came from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any, Literal

from carboy.settings.masking import is_revealing, masked

Layer = Literal["default", "file", "environment", "secret", "command line", "mapping"]
Form = Literal["native", "text", "verbatim"]


@dataclass(frozen=True, slots=True)
class Provenance:
    """Say which layer a value came from, and which file, variable or option there."""

    layer: Layer
    source: str

    def __str__(self) -> str:
        return f"{self.layer} {self.source}"


@dataclass(frozen=True, slots=True)
class Given:
    """Hold one value as one source gives it, before it is checked.

    `path` is the key and, for a part of a dict, the keys in it. A lower-case key is a server
    option. `form` says how to read text: "text" is JSON or a string, "verbatim" (the content of
    a secret) is never JSON where a string is declared.
    """

    path: tuple[str, ...]
    value: Any
    provenance: Provenance
    form: Form = "native"

    @property
    def name(self) -> str:
        """Return the name as people write it."""
        return "__".join(self.path)


class Options(SimpleNamespace):
    """Hold the server options as attributes that cannot be set."""

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"options are frozen: {name}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"options are frozen: {name}")


class Settings(Mapping[str, Any]):
    """Map the application's UPPER_CASE keys to their values; nothing in it can be changed.

    `app.config.from_mapping(settings)` takes it as it is. A list or dict is handed out as a copy,
    so that an extension may keep and change it. It pickles; its repr masks secrets.
    """

    __slots__ = ("_app", "_env", "_provenance", "_secret", "_values")

    def __init__(
        self,
        values: Mapping[str, Any],
        *,
        env: str = "development",
        provenance: Mapping[str, Provenance] | None = None,
        secret: frozenset[str] | None = None,
        app: str | None = None,
    ) -> None:
        self._values = {key: _copy(value) for key, value in values.items()}
        self._env = env
        self._provenance = dict(provenance or {})
        self._app = app
        self._secret = frozenset(filter(is_revealing, values)) if secret is None else secret

    @property
    def env(self) -> str:
        """Return the environment: development, testing or production."""
        return self._env

    @property
    def app(self) -> str | None:
        """Return the package or module of the application that they were resolved for."""
        return self._app

    def is_default(self, key: str) -> bool:
        """Return whether nobody has given the value of a key."""
        return key in self._provenance and self._provenance[key].layer == "default"

    @property
    def provenance(self) -> Mapping[str, Provenance]:
        """Return where each value came from."""
        return MappingProxyType(self._provenance)

    def masked(self) -> dict[str, Any]:
        """Return the values with `********` in place of secrets, for people to read."""
        return {key: masked(value, key in self._secret) for key, value in self.items()}

    def __getitem__(self, key: str) -> Any:
        return _copy(self._values[key])

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"<Settings {self._env} {self.masked()!r}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (self._values, self._env, self._provenance, self._secret, self._app)


def _restore(
    values: dict[str, Any],
    env: str,
    provenance: dict[str, Provenance],
    secret: frozenset[str],
    app: str | None,
) -> Settings:
    return Settings(values, env=env, provenance=provenance, secret=secret, app=app)


def _copy(value: Any) -> Any:
    """Copy the containers only: what a mapping holds besides may not be copyable."""
    if isinstance(value, dict):
        return {key: _copy(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_copy(part) for part in value]
    return value


@dataclass(frozen=True, slots=True)
class Resolved:
    """Hold everything that one resolution found."""

    env: str
    options: Options
    settings: Settings
    provenance: Mapping[str, Provenance]  # of options (lower case) and settings (upper case)
    # Whether a factory must be handed the settings: one came from above the defaults, or the
    # application declares them and so has no other way to learn what the options made of them.
    given: bool
    files: tuple[Path, ...]  # every file that was read, or looked for in vain
    problems: tuple[str, ...] = ()
