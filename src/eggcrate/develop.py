"""Make the develop egg with the setuptools that is pinned.

zc.buildout runs ``pip install --editable``, and pip fetches the newest setuptools into an
environment of its own at every run: slow, not pinned, and impossible without an index.
"""

import os
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from eggcrate import patches

AT_HAND = {"setuptools", "wheel"}


def install() -> None:
    """Change ``zc.buildout.easy_install.develop``."""
    from zc.buildout import easy_install

    patches.replace(easy_install, "develop", "setup dest build_ext executable", _develop)


def _develop(original: Any) -> Any:
    def develop(setup: Any, dest: Any, *args: Any, **kwargs: Any) -> Any:
        if not buildable(Path(setup)):
            return original(setup, dest, *args, **kwargs)
        with _environment(PIP_NO_BUILD_ISOLATION="0", PIP_NO_INDEX="1"):
            return original(setup, dest, *args, **kwargs)

    return develop


def buildable(project: Path) -> bool:
    """Tell whether the build environment has all that building ``project`` requires."""
    from packaging.requirements import Requirement

    folder = project if project.is_dir() else project.parent
    try:
        data = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))
    except FileNotFoundError:
        return True
    requires = data.get("build-system", {}).get("requires", ["setuptools"])
    return all(Requirement(text).name in AT_HAND for text in requires)


@contextmanager
def _environment(**values: str) -> Iterator[None]:
    saved = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(saved)
