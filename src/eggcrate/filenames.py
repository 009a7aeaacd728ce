"""What the name of a file says: whether it is a distribution, of which project and version."""

import re

from eggcrate.lockfile import normalised

_SOURCES = (".tar.gz", ".zip")
# Neither a path nor hidden: such a name is joined to folders, and written into the lock.
_DISTRIBUTION = re.compile(r"\w[\w.!+-]*\.(whl|tar\.gz|zip)", re.ASCII)


def is_distribution(name: str) -> bool:
    """Tell whether a file is a wheel or a source distribution."""
    return _DISTRIBUTION.fullmatch(name) is not None


def is_source(name: str) -> bool:
    """Tell whether a file is a source distribution."""
    return name.endswith(_SOURCES)


def version(filename: str, project: str) -> str | None:
    """Return the version of a project's file as it is spelled; None for another project's file.

    ``project`` is a normalised name. In the name of an old source distribution it may hold dashes.
    """
    if filename.endswith(".whl"):
        name, _, rest = filename.partition("-")
        return rest.partition("-")[0] if normalised(name) == project else None
    stem = filename.removesuffix(".tar.gz").removesuffix(".zip")
    for dash in re.finditer("-", stem):
        found = stem[dash.end() :]
        if normalised(stem[: dash.start()]) == project and found[:1].isdigit():
            return found
    return None
