"""Make a production release: `bin/release`."""

from eggcrate.release.command import main

__all__ = ["main"]
