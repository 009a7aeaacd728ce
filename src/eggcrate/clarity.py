"""Tell in a line what zc.buildout ends with a traceback for, although a person has caused it.

The traceback of its own stays with the error: from it zc.buildout knows what it was doing.
"""

import errno
import functools
from collections.abc import Iterable
from typing import Any

from eggcrate import patches

# No room, no right to write.
_OF_THE_MACHINE = {
    errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM
}  # fmt: skip


def install() -> None:
    """Change ``Installer.install`` and what loads recipes."""
    from zc.buildout import buildout, easy_install

    patches.replace(easy_install.Installer, "install", "self specs working_set", _install)
    patches.replace(buildout, "_install_and_load", "spec group entry buildout", _recipe)


def install_early() -> None:
    """Change what runs before any extension is loaded, or around them all."""
    from zc.buildout import buildout

    parameters = "base filename seen download_options override downloaded user_defaults"
    patches.replace(buildout, "_open", parameters, _reader)
    patches.replace(buildout.Buildout, "__init__", patches.INIT, _machine)
    patches.replace(buildout.Buildout, "install", "self install_args", _machine)


def _machine(original: Any) -> Any:
    """Return a function that tells in a line what is wrong with the disk, not with a recipe."""
    import zc.buildout

    @functools.wraps(original)
    def function(*args: Any, **kwargs: Any) -> Any:
        try:
            return original(*args, **kwargs)
        except OSError as error:
            if error.errno not in _OF_THE_MACHINE:
                raise
            said = f"{error.filename or 'a file'}: {error.strerror}"
            raise zc.buildout.UserError(said).with_traceback(error.__traceback__) from None

    return function


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
