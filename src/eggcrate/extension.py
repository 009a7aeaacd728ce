"""The buildout extension: what eggcrate changes in a run of zc.buildout, as a list of steps."""

from typing import Any

# zc.buildout is imported by the steps themselves: `import eggcrate` works without it.
from eggcrate import (
    binaries,
    clarity,
    develop,
    generate,
    guest,
    isolation,
    pins,
    succession,
    supply,
)


def load(buildout: Any) -> None:
    """Change this run of zc.buildout; the entry point named by ``extensions = eggcrate``."""
    guest.install(buildout)
    supply.load(buildout)
    guest.supply(buildout)
    pins.check(buildout)
    clarity.install()
    isolation.install()
    develop.install(buildout)
    binaries.install()
    generate.install(buildout)
    succession.install(buildout)


def unload(buildout: Any) -> None:
    """Clean up after a run that succeeded."""
    succession.finish(buildout)
    supply.finish()
