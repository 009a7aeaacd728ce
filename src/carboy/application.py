"""From `MODULE:NAME` to a WSGI application: find, import, tell a factory from an application."""

import functools
import importlib
import importlib.util
import inspect
import re
from collections.abc import Callable, Mapping, MutableMapping
from pathlib import Path
from types import ModuleType
from typing import Any

from carboy.errors import UserError, did_you_mean
from carboy.settings import Resolved

WSGIApplication = Callable[..., Any]

# What is looked for in a module named without `:NAME`, factories first.
DEFAULT_NAMES = ("create_app", "make_app", "app", "application")
_REFERENCE = re.compile(r"(?P<module>[^\W\d][\w.]*)(:(?P<name>[^\W\d][\w.]*))?")


class ApplicationError(UserError):
    """The application named by `--app` is not there, or is none; the message says what to do."""


def split(reference: str) -> tuple[str, str | None]:
    """Return module and name of `MODULE[:NAME]`.

    Raises `ApplicationError` for anything else; a call such as `module:create_app("x")` is
    refused: what an application is made with belongs into its settings.
    """
    if "(" in reference:
        raise ApplicationError(
            f"--app {reference}: no arguments here; name the factory as MODULE:NAME and give it "
            "settings with --settings FILE or --set KEY=VALUE"
        )
    found = _REFERENCE.fullmatch(reference)
    if not found or reference.endswith(".py"):
        raise ApplicationError(
            f"--app {reference}: write MODULE or MODULE:NAME, with dots between packages "
            "(hello:app for the app in hello.py)"
        )
    return found["module"], found["name"]


def working_folder(chdir: str | None) -> Path:
    """Return the folder that `--chdir` names, or the current one.

    Raises `ApplicationError` if it is none.
    """
    folder = Path(chdir or ".").resolve()
    if not folder.is_dir():
        raise ApplicationError(f"--chdir {chdir}: there is no such folder")
    return folder


def working_module_folder(resolved: Resolved) -> Path | None:
    """Return the working folder if the application is a module in it, else None.

    An application that somebody named is looked for there first. The script's own comes out of
    the eggs, in whatever folder the script is started, and from there only if no egg has it.
    """
    options: Any = resolved.options
    folder = working_folder(options.chdir)
    top = split(options.app)[0].partition(".")[0]
    is_there = (folder / f"{top}.py").is_file() or (folder / top).is_dir()
    is_named = resolved.provenance["app"].layer != "default"
    return folder if is_there and (is_named or find_origin(options.app) is None) else None


def find_origin(reference: str) -> Path | None:
    """Return the folder that the application is imported from, without importing it.

    None if there is no such module, or if it is built in.
    """
    top = split(reference)[0].partition(".")[0]
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    if spec.submodule_search_locations:
        return Path(next(iter(spec.submodule_search_locations))).parent
    return Path(spec.origin).parent if spec.origin and spec.has_location else None


def load(reference: str, settings: Mapping[str, Any], *, given: bool) -> WSGIApplication:
    """Import what `reference` names and return the application, made by the factory if it is one.

    A factory gets the settings if some were `given` and it takes an argument; else it is
    called bare. An application that exists already and has a Flask `config` is updated.

    Raises `ApplicationError` if there is nothing to serve; what the module or the factory
    raise passes through.
    """
    module_name, name = split(reference)
    found = _find(_import(reference, module_name), reference, name)
    if not callable(found):
        raise ApplicationError(
            f"--app {reference}: {type(found).__name__} object cannot be called; name a WSGI "
            "application or a factory that returns one"
        )
    if _is_asynchronous(found):
        raise ApplicationError(
            f"--app {reference}: it is asynchronous (ASGI); only WSGI applications are served"
        )
    if _is_factory(found):
        return _check(reference, _call(found, settings, given=given))
    if given and isinstance(getattr(found, "config", None), MutableMapping):
        found.config.update(settings)
    application: WSGIApplication = found
    return application


def _import(reference: str, module_name: str) -> ModuleType:
    try:
        return importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        # Only if it is the module itself that is missing, not one that it imports.
        if error.name and (module_name == error.name or module_name.startswith(error.name + ".")):
            raise ApplicationError(
                f"--app {reference}: there is no module {error.name!r} among the eggs or in "
                f"{Path.cwd()}"
            ) from None
        raise


def _find(module: ModuleType, reference: str, name: str | None) -> Any:
    found: Any
    if name is None:
        for candidate in DEFAULT_NAMES:
            found = getattr(module, candidate, None)
            if found is not None and not inspect.ismodule(found):  # hello/app.py is none
                return found
        names = ", ".join(DEFAULT_NAMES)
        raise ApplicationError(
            f"--app {reference}: the module has none of {names}; name one with "
            f"--app {reference}:NAME"
        )
    found = module
    for part in name.split("."):
        if not hasattr(found, part):
            hint = did_you_mean(part, (name for name in dir(found) if name[0] != "_"))
            raise ApplicationError(f"--app {reference}: there is no {part!r} in it{hint}")
        found = getattr(found, part)
    return found


def _is_asynchronous(found: Any) -> bool:
    call = getattr(type(found), "__call__", None)  # noqa: B004  # the method itself is wanted
    return inspect.iscoroutinefunction(found) or inspect.iscoroutinefunction(call)


def _is_factory(found: Any) -> bool:
    """Return whether a callable makes applications rather than being one.

    An object with a `wsgi_app`, and any instance with `__call__`, is an application. A function
    or class is one if it insists on two arguments (environ, start_response).
    """
    is_function = inspect.isroutine(found) or isinstance(found, functools.partial)
    if not (is_function or inspect.isclass(found)):
        return False
    return len(_positional(found, required=True)) < 2


def _positional(found: Any, *, required: bool) -> list[inspect.Parameter]:
    try:
        parameters = inspect.signature(found).parameters.values()
    except ValueError:  # written in C without a signature
        return []
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [
        parameter
        for parameter in parameters
        if parameter.kind in kinds
        and not (required and parameter.default is not inspect.Parameter.empty)
    ]


def _call(factory: Any, settings: Mapping[str, Any], *, given: bool) -> Any:
    needs = bool(_positional(factory, required=True))
    takes = bool(_positional(factory, required=False))
    return factory(settings) if needs or (given and takes) else factory()


def _check(reference: str, application: Any) -> WSGIApplication:
    if not callable(application):
        kind = "None" if application is None else f"a {type(application).__name__} object"
        raise ApplicationError(
            f"--app {reference}: the factory returned {kind}, not a WSGI application; "
            "does it end with `return app`?"
        )
    result: WSGIApplication = application
    return result
