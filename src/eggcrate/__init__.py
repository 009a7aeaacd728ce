"""Build the crate: real interpreters and isolated commands for zc.buildout."""

from eggcrate.extension import load, unload

__all__ = ["load", "unload"]
