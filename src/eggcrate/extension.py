"""The buildout extension: what eggcrate changes in a run of zc.buildout, as a list of steps."""

from typing import Any

# zc.buildout is imported by the steps themselves: `import eggcrate` works without it.
from eggcrate import binaries, develop, generate, isolation, pins, succession


def load(buildout: Any) -> None:
    """Change this run of zc.buildout; the entry point named by ``extensions = eggcrate``."""
    pins.check(buildout)
    isolation.install()
    develop.install()
    binaries.install()
    generate.install(buildout)
    succession.install(buildout)


def unload(buildout: Any) -> None:
    """Clean up after a run that succeeded."""
    succession.finish(buildout)
