"""Build the crate: real interpreters and isolated commands for zc.buildout."""

from typing import Any

__all__ = ["load", "unload"]

# What these need is imported by them: bootstrap.py uses modules of this package where there is
# nothing but the standard library, and bin/buildout where nothing has changed.


def load(buildout: Any) -> None:
    """Change this run of zc.buildout; the entry point named by ``extensions = eggcrate``."""
    from eggcrate import extension

    extension.load(buildout)


def unload(buildout: Any) -> None:
    """Clean up after a run that succeeded."""
    from eggcrate import extension

    extension.unload(buildout)
