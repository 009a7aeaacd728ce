"""What is released: a project, its configuration, and the files that it names."""

import glob
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eggcrate import command, home, supply
from eggcrate.release import checkout
from eggcrate.release.checkout import Checkout
from eggcrate.release.errors import ReleaseError

SECTION = "release"
FILES = "etc/*.toml"
# Of the first files that tar, zip and DOS know: where nothing else says of when a release is.
EPOCH = 315532800


@dataclass(frozen=True)
class Origin:
    """A project in the folder ``root``, as ``config`` describes it."""

    root: Path
    config: Path
    buildout: Any
    checkout: Checkout | None

    @classmethod
    def read(cls, root: Path, config: str) -> "Origin":
        """Return the origin. Raise ``ReleaseError`` or zc.buildout's ``UserError``."""
        path = command.locate(config, root)
        if path is None:
            raise ReleaseError(f"there is no file {config} in the project")
        buildout = home.configuration(root, str(path))
        supply.load(buildout)  # what it takes to build from sources comes out of the lock, too
        return cls(root, path, buildout, checkout.look(root))

    def files(self) -> dict[str, Path]:
        """Return name and path of the files that the option ``files`` of [release] names.

        Of those in a checkout only what git tracks: anything else is this machine's own affair.
        """
        patterns = self.buildout.get(SECTION, {}).get("files", FILES).split()
        found = {name: self.root / name for pattern in patterns for name in self._matches(pattern)}
        if self.checkout is not None:
            found = {name: found[name] for name in found if name in set(self.checkout.tracked)}
        return dict(sorted(found.items()))

    def _matches(self, pattern: str) -> Iterator[str]:
        names = glob.glob(pattern, root_dir=self.root, recursive=True)  # noqa: PTH207  # no dotfiles
        if not names:
            raise ReleaseError(f"[{SECTION}] files = {pattern}: there is no such file")
        for name in map(os.path.normpath, names):
            if name.startswith(("/", "..")):
                raise ReleaseError(f"[{SECTION}] files = {pattern}: that is not in the project")
            if (self.root / name).is_dir():
                yield from self._matches(f"{glob.escape(name)}/*")
            else:
                yield name

    def time(self) -> int:
        """Return the date of the release: SOURCE_DATE_EPOCH, or that of the last commit."""
        given = os.environ.get("SOURCE_DATE_EPOCH")
        if given is None:
            return self.checkout.time if self.checkout else EPOCH
        if not re.fullmatch(r"\d{1,11}", given):
            raise ReleaseError(f"SOURCE_DATE_EPOCH={given} is no number of seconds")
        return int(given)

    def source(self) -> dict[str, Any]:
        """Return what the manifest says of where the release comes from."""
        about: dict[str, Any] = {"config": str(self.config.relative_to(self.root))}
        if self.checkout is not None:
            about |= {"revision": self.checkout.revision, "modified": bool(self.checkout.changed)}
        return about
