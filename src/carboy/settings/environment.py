"""The layers of the process environment: variables, and the secrets that they lead to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from carboy.errors import did_you_mean
from carboy.options import BY_NAME, INTERNAL, OPTIONS
from carboy.settings.declarations import Declarations, is_key
from carboy.settings.model import Given, Provenance

PREFIX = "CARBOY_"
SECRET_SUFFIX = "_FILE"  # noqa: S105  # the end of a variable's name


def options_in(environ: Mapping[str, str]) -> Iterator[Given]:
    """Yield the server options among the variables; `$PORT` below `$CARBOY_PORT`."""
    if environ.get("PORT"):
        yield Given(("port",), environ["PORT"], Provenance("environment", "PORT"), "text")
    for option in OPTIONS:
        if option.in_environment and environ.get(option.variable):
            origin = Provenance("environment", option.variable)
            yield Given((option.name,), environ[option.variable], origin, "text")


def settings_in(environ: Mapping[str, str], declarations: Declarations) -> Iterator[Given]:
    """Yield the settings among the variables, the bare ones below the prefixed ones."""
    for declared in declarations:
        if declared.environ and declared.environ in environ:
            origin = Provenance("environment", declared.environ)
            yield Given((declared.key,), environ[declared.environ], origin, "text")
    for name in _names(environ):
        if not name.endswith(SECRET_SUFFIX):
            origin = Provenance("environment", PREFIX + name)
            yield Given(_path(name), environ[PREFIX + name], origin, "text")


def secrets_in(
    environ: Mapping[str, str],
    declarations: Declarations,
    *,
    root: Path,
    problems: list[str],
    files: list[Path],
) -> Iterator[Given]:
    """Yield the settings whose values are files: credentials, then `CARBOY_X_FILE`.

    A file that cannot be read is a problem; every file is added to `files`.
    """
    yield from _credentials(environ, declarations, problems, files)
    for name in _names(environ):
        if name.endswith(SECRET_SUFFIX):
            variable, path = PREFIX + name, root / environ[PREFIX + name]
            files.append(path)
            origin = Provenance("secret", f"{path} ({variable})")
            key = _path(name.removesuffix(SECRET_SUFFIX))
            yield from _secret(key, path, origin, problems)


def _names(environ: Mapping[str, str]) -> list[str]:
    """Return what follows CARBOY_ in the variables that are settings, or claim to be.

    Sorted, so that CARBOY_X__Y comes after the CARBOY_X that it is a part of.
    """
    ours = {option.variable for option in OPTIONS if option.in_environment}
    ours |= {PREFIX + name for name in INTERNAL}
    names = (name for name in environ if name.startswith(PREFIX) and name not in ours)
    return sorted(name.removeprefix(PREFIX) for name in names)


def _path(name: str) -> tuple[str, ...]:
    return tuple(name.split("__"))


def _credentials(
    environ: Mapping[str, str], declarations: Declarations, problems: list[str], files: list[Path]
) -> Iterator[Given]:
    """Yield the credentials of the service (systemd.exec(5)) that bear a declared key's name.

    A name counts in any case, `-` and `.` as `_`, with or without `carboy_`. Others are left
    alone: a service may have credentials that are no settings.
    """
    folder = environ.get("CREDENTIALS_DIRECTORY")
    if not folder:
        return
    try:
        paths = sorted(path for path in Path(folder).iterdir() if path.is_file())
    except OSError as error:
        problems.append(f"$CREDENTIALS_DIRECTORY: {folder} cannot be read: {error.strerror}")
        return
    seen: dict[tuple[str, ...], Path] = {}
    for path in paths:
        key = credential_key(path.name)
        if key[0] not in declarations:
            continue
        files.append(path)
        if key in seen:
            problems.append(f"{'__'.join(key)}: two credentials: {seen[key].name} and {path.name}")
        seen[key] = path
        yield from _secret(key, path, Provenance("secret", str(path)), problems)


def credential_key(name: str) -> tuple[str, ...]:
    """Return the key that a credential's file name stands for."""
    upper = name.upper().replace("-", "_").replace(".", "_")
    return _path(upper.removeprefix(PREFIX))


def _secret(
    key: tuple[str, ...], path: Path, origin: Provenance, problems: list[str]
) -> Iterator[Given]:
    try:
        text = path.read_bytes().decode()
    except OSError as error:
        problems.append(f"{'__'.join(key)}: cannot be read: {error.strerror} ({origin})")
    except UnicodeDecodeError:
        problems.append(f"{'__'.join(key)}: is not UTF-8 ({origin})")
    else:
        yield Given(key, text.removesuffix("\n").removesuffix("\r"), origin, "verbatim")


def unknown(given: Given, declarations: Declarations) -> str | None:
    """Return what is wrong with a key that nobody declares, or None if it is welcome."""
    key = given.path[0]
    if key == "DEBUG" and given.provenance.layer == "secret":
        return "is no secret; set CARBOY_DEBUG"
    if key in declarations:
        return None
    variable = given.provenance.layer in ("environment", "secret")
    if not declarations.closed and is_key(key):
        return _near_option(key) if variable else None
    if key.lower() in BY_NAME:
        return f"is a server option, not a setting: {BY_NAME[key.lower()].flags[0]}"
    if not variable:
        return f"unknown setting{did_you_mean(key, declarations.by_key)}"
    known = [PREFIX + key for key in declarations.by_key]
    known += [option.variable for option in OPTIONS if option.in_environment]
    return f"unknown setting{did_you_mean(PREFIX + key, known)}"


def _near_option(key: str) -> str | None:
    """Refuse a variable that is nearly an option's: a typing error must not go unnoticed."""
    from difflib import get_close_matches

    variables = {option.name: option.variable for option in OPTIONS if option.in_environment}
    near = get_close_matches(key.lower(), variables, n=1, cutoff=0.83)
    if not near:
        return None
    return f"did you mean {variables[near[0]]}? A setting of this name goes into a file or --set"
