"""Tell in a line what zc.buildout ends with a traceback for, although a person has caused it.

The traceback of its own stays with the error: from it zc.buildout knows what it was doing.
"""

from collections.abc import Iterable
from typing import Any

from eggcrate import patches


def install() -> None:
    """Change ``Installer.install`` and what loads recipes."""
    from zc.buildout import buildout, easy_install

    patches.replace(easy_install.Installer, "install", "self specs working_set", _install)
    patches.replace(buildout, "_install_and_load", "spec group entry buildout", _recipe)


def install_reader() -> None:
    """Change what reads configuration files; that is done before any extension is loaded."""
    from zc.buildout import buildout

    parameters = "base filename seen download_options override downloaded user_defaults"
    patches.replace(buildout, "_open", parameters, _reader)


def _reader(original: Any) -> Any:
    import zc.buildout
    from zc.buildout import configparser

    def read(base: str, filename: str, *args: Any) -> Any:
        try:
            return original(base, filename, *args)
        except configparser.Error as error:
            raise zc.buildout.UserError(str(error)).with_traceback(error.__traceback__) from None
        except OSError as error:
            said = f"Couldn't open {error.filename or filename}: {error.strerror or error}"
            raise zc.buildout.UserError(said).with_traceback(error.__traceback__) from None

    return read


def _install(original: Any) -> Any:
    def install(self: Any, specs: Iterable[str], working_set: Any = None) -> Any:
        specs = list(specs)
        for spec in specs:
            check_requirement(spec)
        return original(self, specs, working_set)

    return install


def check_requirement(spec: str) -> None:
    """Raise ``UserError`` for what is no requirement (PEP 508)."""
    import zc.buildout
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        Requirement(spec)
    except InvalidRequirement as error:
        reason = str(error).partition("\n")[0]
        raise zc.buildout.UserError(
            f"{spec!r} does not name a distribution, as in 'name', 'name[extra]'"
            f" or 'name >= 1.2': {reason}"
        ) from None


def _recipe(original: Any) -> Any:
    def install_and_load(spec: str, group: str, entry: str, buildout: Any) -> Any:
        check_requirement(spec)
        try:
            return original(spec, group, entry, buildout)
        except ImportError:
            # Of an uninstall recipe zc.buildout expects it: most parts have none.
            if group == "zc.buildout":
                check_entry(spec, group, entry)
            raise

    return install_and_load


def check_entry(spec: str, group: str, entry: str) -> None:
    """Raise ``UserError`` if a recipe that is there has no such entry point."""
    import pkg_resources
    import zc.buildout

    found = pkg_resources.working_set.find(pkg_resources.Requirement.parse(spec))
    names = sorted(pkg_resources.get_entry_map(found, group)) if found else [entry]
    if entry not in names:
        there = ", ".join(f"{spec}:{name}" for name in names) or "none"
        raise zc.buildout.UserError(f"there is no recipe {spec}:{entry}; {spec} has {there}")
