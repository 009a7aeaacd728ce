"""A SECRET_KEY for those who have none: kept in the project in development, never in production."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

from carboy import project

KEY = "SECRET_KEY"
PLACE = Path("var", "secret_key")


def development_key(root: Path) -> str:
    """Return the project's key; the first call writes it to var/secret_key with mode 0600.

    Two processes that start at once agree on one key. Raises ValueError if there is no key to be
    had, saying why.
    """
    path = root / PLACE
    try:
        if not path.exists():
            _create(path)
        key = path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not ASCII"
        raise ValueError(f"{PLACE} cannot be used: {reason}; give a {KEY}") from None
    if len(key) < 32:
        raise ValueError(f"{PLACE} holds no key; delete it to have a new one made")
    return key


def _create(path: Path) -> None:
    import secrets
    import tempfile

    project.make_room(path)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".secret_key-")  # mode 0600
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(32) + "\n")
        # A link, not a rename: it fails where another process was first, and never shows half
        # a key.
        os.link(name, path)
    except FileExistsError:
        pass
    except OSError:
        Path(name).replace(path)  # a file system without links: here the last process wins
    finally:
        Path(name).unlink(missing_ok=True)


@cache
def testing_key() -> str:
    """Return a random key that lives as long as this process."""
    import secrets

    return secrets.token_hex(32)
