"""Keep the build tools out of the application's eggs.

zc.buildout offers its own environment (setuptools, packaging, pip) as eggs to every part. An
application that requires one of them would get the whole site-packages of the build environment
on its path, and whatever version happens to build it. Here it gets an egg, pinned like any other.
"""

import os
from collections.abc import Iterable
from typing import Any

from eggcrate import patches


def install() -> None:
    """Change ``Installer.install``."""
    from zc.buildout import easy_install

    patches.replace(easy_install.Installer, "install", "self specs working_set", _isolated)


def _isolated(original: Any) -> Any:
    def install(self: Any, specs: Any, working_set: Any = None) -> Any:
        if working_set is None and not _is_upgrade_check(specs):
            forget(self._env, tools())
        return original(self, specs, working_set)

    return install


def _is_upgrade_check(specs: Any) -> bool:
    """Tell whether buildout asks for its own tools (``Buildout._maybe_upgrade``)."""
    return set(specs) == {"zc.buildout", "wheel", "pip", "setuptools"}


def tools() -> list[str]:
    """Return the folders in which zc.buildout and what it needs are installed.

    Not the whole environment: somebody else's may be the folder of the project itself. Tools that
    zc.buildout has fetched as eggs are eggs like any other.
    """
    from zc.buildout import easy_install

    return [path for path in easy_install.buildout_and_setuptools_path if path[-4:] != ".egg"]


def forget(environment: Any, folders: Iterable[str]) -> None:
    """Remove from a ``pkg_resources.Environment`` all that is installed in ``folders``."""
    removed = {os.path.realpath(folder) for folder in folders}
    for name in environment:
        # In place: its own remove() looks for names that zc.buildout spells differently.
        environment[name][:] = [
            distribution
            for distribution in environment[name]
            if os.path.realpath(distribution.location) not in removed
        ]
