"""What keys there are: declared as data in carboy.toml, so that nothing needs to be imported."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from carboy.casts import ENVIRONMENTS
from carboy.errors import did_you_mean
from carboy.options import BY_NAME
from carboy.settings.files import parse_toml
from carboy.settings.model import Given, Provenance
from carboy.settings.values import TYPES, convert

FILE_NAME = "carboy.toml"
_FIELDS = ("type", "default", "default_by_env", "help", "secret", "required", "environ")


@dataclass(frozen=True, slots=True)
class Declaration:
    """Describe one key that an application can be given."""

    key: str
    source: str
    type: str
    help: str = ""
    secret: bool = False
    required: tuple[str, ...] = ()  # the environments in which it must be set
    environ: str | None = None
    default: Any = None
    default_by_env: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Declarations:
    """Hold the declared keys, Flask's own and the application's."""

    by_key: dict[str, Declaration] = field(default_factory=dict)
    closed: bool = False  # whether the application declares its keys: then there are no others
    files: list[Path] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def __iter__(self) -> Iterator[Declaration]:
        return iter(self.by_key.values())

    def __contains__(self, key: str) -> bool:
        return key in self.by_key

    def type_of(self, key: str) -> str:
        """Return the declared type; `any` where nothing is declared."""
        return self.by_key[key].type if key in self.by_key else "any"

    def defaults(self, env: str) -> Iterator[Given]:
        """Yield the declared default of each key that has one in `env`."""
        for declared in self:
            value = declared.default_by_env.get(env, declared.default)
            if value is not None:
                yield Given((declared.key,), value, Provenance("default", declared.source))

    def read(self, path: Path, package: str) -> None:
        """Add the declarations in a carboy.toml."""
        self.files.append(path)
        source = f"{package}/{path.name}"
        try:
            tables = parse_toml(path)
        except ValueError as error:
            self.problems.append(f"{source}: {error}")
            return
        for key, table in tables.items():
            problem = _problem(key, table)
            if problem:
                self.problems.append(f"{key}: {problem} (declaration {source})")
            else:
                self.by_key[key] = _declaration(key, table, source)


def top_level(app: str | None) -> str | None:
    """Return the package or module that `MODULE:NAME` begins with."""
    return app and app.partition(":")[0].partition(".")[0].strip()


def declarations_for(app: str | None, *, folder: Path | None = None) -> Declarations:
    """Return the declarations of Flask's keys and of the application `app` (MODULE:NAME).

    The application's are read from the file carboy.toml in its top-level package, which is found
    without importing it; a module in `folder` is found as well.
    """
    declarations = Declarations()
    declarations.read(Path(__file__).parent.parent / FILE_NAME, "carboy")
    name = top_level(app) or ""
    for place in _places(name, folder):
        if (place / FILE_NAME).is_file() and name != "carboy":
            declarations.closed = True
            declarations.read(place / FILE_NAME, name)
            break
    return declarations


def _places(name: str, folder: Path | None) -> list[Path]:
    """Return the folders of a top-level package, without importing it."""
    try:
        spec = importlib.util.find_spec(name) if name else None
    except (ImportError, ValueError):  # a module without a spec, such as __main__
        spec = None
    if spec is None and name and folder is not None and str(folder) not in sys.path:
        spec = importlib.machinery.PathFinder.find_spec(name, [str(folder)])
    if spec is None or spec.submodule_search_locations is None:
        return []
    return [Path(place) for place in spec.submodule_search_locations]


def _declaration(key: str, table: dict[str, Any], source: str) -> Declaration:
    required = table.get("required", [])
    environments = ENVIRONMENTS if required is True else tuple(required or ())
    return Declaration(**{**table, "key": key, "source": source, "required": environments})


def _problem(key: str, table: Any) -> str | None:
    """Return what is wrong with a declaration, or None."""
    if not is_key(key) or "__" in key or key.endswith("_FILE"):
        return "a key is written in upper case, without __ (it nests) and not ending in _FILE"
    if key.lower() in BY_NAME and key != "DEBUG":
        return f"clashes with the server option {key.lower()}"
    if not isinstance(table, dict):
        return "expected a table with at least a type"
    for name in table:
        if name not in _FIELDS:
            return f"unknown field {name}{did_you_mean(name, _FIELDS)}"
    if table.get("type") not in TYPES or table["type"] == "any":
        return f"type is one of {', '.join(kind for kind in TYPES if kind != 'any')}"
    return _problem_in_fields(table)


def _problem_in_fields(table: dict[str, Any]) -> str | None:
    for name, kind in (("help", str), ("secret", bool), ("environ", str), ("default_by_env", dict)):
        if name in table and not isinstance(table[name], kind):
            return f"{name} is not {TYPES[kind.__name__]}"
    required = table.get("required", [])
    environments = [] if isinstance(required, bool) else required
    if not isinstance(environments, list) or set(map(str, environments)) - set(ENVIRONMENTS):
        return f"required is true or a list of {', '.join(ENVIRONMENTS)}"
    by_env = table.get("default_by_env", {})
    if set(by_env) - set(ENVIRONMENTS):
        return f"default_by_env has the keys {', '.join(ENVIRONMENTS)}"
    defaults = [*by_env.values(), *([table["default"]] if "default" in table else [])]
    return next((problem for problem in map(_default_problem(table), defaults) if problem), None)


def _default_problem(table: dict[str, Any]) -> Any:
    def check(default: Any) -> str | None:
        try:
            convert(table["type"], default, form="native", root=Path())
        except ValueError as error:
            return f"default: {error}, got {default!r}"
        return None

    return check


def is_key(name: object) -> bool:
    """Tell whether a name is written as a setting's: in upper case."""
    return isinstance(name, str) and name.isidentifier() and name.isupper()
