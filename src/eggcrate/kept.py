"""What was made of a project for development, kept until something that was read for it changes."""

import contextlib
import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from eggcrate import probes
from eggcrate.probes import Probes

FOLDER = ".develop"  # of parts-directory: no part bears such a name

# Whether they are there is asked without opening them.
_ASKED_FOR = ("setup.py", "setup.cfg", "pyproject.toml", "MANIFEST.in")
_PERSONAL = "~/.pydistutils.cfg"
# Given to the backend by us, whatever the caller's are.
_GIVEN = ("PIP_", "PYTHONPATH", "TMPDIR")


class Kept:
    """The result for one project, in a folder of its own."""

    def __init__(self, parts: Path, project: Path) -> None:
        digest = hashlib.sha256(os.fsencode(project)).hexdigest()[:8]
        self.project = project
        self.place = parts / FOLDER / f"{project.name}-{digest}"
        self._files = self.place / "files"
        self._record = self.place / "record.json"

    def read(self) -> dict[str, Any]:
        """Return the record, {} if there is none."""
        try:
            found: Any = json.loads(self._record.read_bytes())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def fits(self, record: Mapping[str, Any], path: Iterable[str]) -> bool:
        """Tell whether the files are what would be made again, with the eggs ``path``."""
        try:
            return (
                record["tools"] == tools()
                and record["path"] == list(path)
                and record["made"] == probes.tree(str(self._files))
                and probes.hold(record["probes"])
            )
        except (KeyError, TypeError, AttributeError):
            return False

    def copy(self, target: Path) -> bool:
        """Copy the files into ``target``; return False if another run has just removed them."""
        try:
            shutil.copytree(self._files, target, dirs_exist_ok=True)
        except OSError:
            return False
        return True

    def keep(self, made: Path, read: Mapping[str, Any], **more: object) -> Probes | None:
        """Keep the files in ``made``; return what they depend on.

        None is returned, and nothing kept, if that cannot be said: another program has helped, or
        something was changed meanwhile.
        """
        found = None if read["outward"] else dependences(self.project, read)
        self.forget()
        if found is not None:
            self.place.parent.mkdir(exist_ok=True)
            new = Path(tempfile.mkdtemp(prefix=".new-", dir=self.place.parent))
            try:
                shutil.copytree(made, new / "files")
                digest = probes.tree(str(new / "files"))
                record = {"tools": tools(), "made": digest, "probes": found, **more}
                (new / "record.json").write_text(json.dumps(record, indent=1), "utf-8")
                with contextlib.suppress(OSError):  # another run was faster
                    new.rename(self.place)
            finally:
                shutil.rmtree(new, ignore_errors=True)
        return found

    def forget(self) -> None:
        """Remove what is kept."""
        shutil.rmtree(self.place, ignore_errors=True)


def tools() -> dict[str, str]:
    """Return what builds, as far as a project does not choose it."""
    names = ("setuptools", "wheel", "zc.buildout")
    return {"python": sys.version, **{name: metadata.version(name) for name in names}}


def dependences(project: Path, read: Mapping[str, Any]) -> Probes | None:
    """Return measures of all that was read, None if something has been changed since.

    ``read`` is what :mod:`eggcrate.backend` tells of it.
    """
    asked = [str(project / name) for name in _ASKED_FOR]
    found = probes.measure(
        {
            "content": {*read["files"], *asked, str(Path(_PERSONAL).expanduser())},
            "variable": [name for name in read["variables"] if not name.startswith(_GIVEN)],
        }
    )
    # Compared last: what was measured above is what was read before.
    same = probes.hold({"stamp": read["files"], "names": read["folders"]})
    return probes.merge(found, {"names": read["folders"]}) if same else None
