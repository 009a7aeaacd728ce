"""Replace functions of zc.buildout, and say so when it is not the one that we know."""

import inspect
from collections.abc import Callable
from typing import Any

# The parameters of ``Buildout.__init__``.
INIT = "self config_file cloptions use_user_defaults command args"


def replace(owner: Any, name: str, parameters: str, make: Callable[[Any], Any]) -> None:
    """Set ``owner.name`` to ``make(original)``.

    ``parameters`` are the names, separated by spaces, that the original must take: a release
    that changed them would otherwise fail later, somewhere else. Raise ``UserError`` then.
    """
    original = getattr(owner, name, None)
    if original is None or " ".join(inspect.signature(original).parameters) != parameters:
        raise _unknown(f"{owner.__name__}.{name}({parameters.replace(' ', ', ')})")
    setattr(owner, name, make(original))


def _unknown(what: str) -> Exception:
    from importlib.metadata import version

    import zc.buildout

    error: Exception = zc.buildout.UserError(
        f"eggcrate does not know zc.buildout {version('zc.buildout')}, which has no {what}; "
        "pin zc.buildout = 6.0.1 or update src/eggcrate"
    )
    return error
