"""eggcrate itself as a wheel, for buildouts other than the project that it comes with."""

import shutil
import tempfile
from pathlib import Path

from eggcrate import sources


def build(target: Path) -> Path:
    """Build the wheel into the folder ``target``; return its path. Raise ``FetchError``."""
    own = Path(__file__).parent
    if not (own / sources.PROJECT).is_file():
        raise sources.BuildError(f"{own} was installed from a wheel; the sources are needed")
    with tempfile.TemporaryDirectory() as scratch:
        # In a copy: setuptools leaves behind what would be taken for sources the next time.
        copy = Path(scratch, own.name)
        shutil.copytree(own, copy, ignore=shutil.ignore_patterns("__pycache__"))
        made = sources.pip_wheel(copy, Path(scratch), sources.environ([]))
        target.mkdir(parents=True, exist_ok=True)
        return Path(shutil.copy(made, target))
