"""Which of the locked files of a version is for this interpreter."""

import functools
from collections.abc import Iterable, Sequence

from packaging.tags import Tag, sys_tags
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from eggcrate.filenames import is_source
from eggcrate.lockfile import File


def choose(files: Iterable[File], tags: Sequence[Tag] | None = None) -> File | None:
    """Return the best wheel, else the source distribution, else None.

    ``tags`` are those of an interpreter, best first; by default of the running one. Of several
    builds of a wheel the last one is the best, as for pip.
    """
    files = list(files)
    ranks = _running() if tags is None else _ranks(tags)
    wheels = [(rank, file) for file in files if (rank := _rank(file.name, ranks))]
    if wheels:
        return max(wheels, key=lambda pair: pair[0])[1]
    sources = [file for file in files if is_source(file.name)]
    # .tar.gz before .zip: as they are sorted.
    return min(sources, key=lambda file: file.name, default=None)


@functools.cache
def _running() -> dict[Tag, int]:
    return _ranks(list(sys_tags()))


def _ranks(tags: Sequence[Tag]) -> dict[Tag, int]:
    return {tag: -position for position, tag in enumerate(tags)}


_Rank = tuple[int, tuple[()] | tuple[int, str], str]


def _rank(name: str, ranks: dict[Tag, int]) -> _Rank | None:
    """Return what wheels are compared by, None for what does not fit."""
    if not name.endswith(".whl"):
        return None
    try:
        _, _, build, tags = parse_wheel_filename(name)
    except InvalidWheelFilename:
        return None
    fitting = [ranks[tag] for tag in tags if tag in ranks]
    return (max(fitting), build, name) if fitting else None
