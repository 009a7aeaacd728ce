"""Compare the build tools that run with those that are pinned.

zc.buildout would fetch the pinned ones as eggs, rewrite bin/buildout and start again, and leave
the environment that bootstrap.py made half in use. Here there is one way to change a tool.
"""

import json
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from eggcrate import guest, patches

TOOLS = ("zc.buildout", "zc.recipe.egg", "setuptools", "pip", "wheel")


def check(buildout: Any) -> None:
    """Raise ``UserError`` if a running build tool is not the pinned one.

    An environment that bootstrap.py has not made is upgraded by zc.buildout as ever.
    """
    import zc.buildout

    if guest.is_guest():
        return
    wrong = [
        f"{name} {running} (pinned: {pinned})"
        for name, running, pinned in differences(buildout.versions)
        if name not in overridden()
    ]
    if wrong:
        raise zc.buildout.UserError(
            f"the build environment has {', '.join(wrong)}; "
            "run `python3 bootstrap.py`, which reads the pins of versions.cfg"
        )
    # What runs is what was asked for: nothing to upgrade, and no index to ask.
    patches.replace(type(buildout), "_maybe_upgrade", "self", lambda _: _nothing)


def _nothing(self: Any) -> None:
    """Do nothing."""


def differences(versions: Any) -> list[tuple[str, str, str]]:
    """Return (name, running version, pin) of each build tool that is not as pinned."""
    running = {name: _running(name) for name in TOOLS}
    return [
        (name, running[name], versions[name])
        for name in TOOLS
        if versions.get(name)
        and versions[name].removeprefix("==") != running[name]
        and not versions[name].startswith((">", "<"))
    ]


def overridden() -> list[str]:
    """Return the tools whose versions were given to bootstrap.py on its command line."""
    try:
        stamp = json.loads((Path(sys.prefix) / guest.STAMP).read_text("utf-8"))
    except (OSError, ValueError):
        return []
    return list(stamp.get("overridden", ()))


def _running(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "(none)"
