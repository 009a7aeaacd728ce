"""What was downloaded or unpacked before: a help, and never a condition."""

import hashlib
import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eggcrate import files
from eggcrate.lockfile import File

logger = logging.getLogger("zc.buildout.easy_install")

INCOMING = ".incoming"
# Of a project: where bootstrap.py puts the files of a bundle (bundle.py), one folder a file.
BUNDLE = Path("parts", "bundle")


@dataclass(frozen=True)
class Cache:
    """A folder of artifacts and one of eggs; without a folder it holds and takes nothing.

    ``flat``: one folder of file names, as zc.buildout's ``download-cache``; else one folder a file,
    named by its sha256. ``bundle`` is another one, which is looked into first and never added to.
    """

    files: Path | None = None
    flat: bool = False
    eggs: Path | None = None
    bundle: Path | None = None

    @classmethod
    def configured(cls, options: Any = None) -> "Cache":
        """Return the cache that ``[buildout] download-cache`` and the environment name.

        The eggs are in the user's own cache in any case: a download cache may be shared.
        """
        own = _home()
        eggs = own and own / "eggs"
        bundle = Path(options["directory"]) / BUNDLE if options else None
        downloads = (options or {}).get("download-cache")
        if downloads:
            folder = Path(options["directory"]) / downloads / "dist"
            return cls(folder, flat=True, eggs=eggs, bundle=bundle)
        return cls(own and own / "files", eggs=eggs, bundle=bundle)

    def find(self, file: File) -> Path | None:
        """Return where ``file`` is, its bytes compared with its hash just now; None if nowhere.

        One that has another hash is removed, and said so in the log.
        """
        unpacked = self.bundle and self.bundle / file.sha256 / file.name
        for path in (unpacked, self._path(file)):
            if path is not None and self._holds(path, file):
                return path
        return None

    def _holds(self, path: Path, file: File) -> bool:
        try:
            if not path.is_file():  # a pipe would be waited for
                return False
            with path.open("rb") as handle:
                actual = hashlib.file_digest(handle, "sha256").hexdigest()
        except OSError:
            return False
        if actual != file.sha256:
            self._reject(path, file, actual)
        return actual == file.sha256

    def _reject(self, path: Path, file: File, actual: str) -> None:
        try:
            path.unlink(missing_ok=True)
            done = "Removed from the cache"
        except OSError:
            done = "Ignored in the cache"
        logger.warning("%s: %s has sha256 %s, not %s", done, path, actual, file.sha256)

    def add(self, file: File, temporary: Path) -> Path:
        """Move a verified download in; return where it is, ``temporary`` if it cannot be kept."""
        path = self._path(file)
        if path is None:
            return temporary
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary.chmod(0o644)  # a download cache may be shared
            temporary.replace(path)
        except OSError as error:
            logger.debug("Not kept in the cache: %s: %s", path, error)
            return temporary
        return path

    def folder(self) -> Path | None:
        """Return a folder for downloads that ``add`` can rename out of; None if there is none."""
        if self.files is None:
            return None
        incoming = self.files / INCOMING
        try:
            incoming.mkdir(parents=True, exist_ok=True)
            _sweep(incoming)
        except OSError:
            return None
        return incoming if os.access(incoming, os.W_OK | os.X_OK) else None

    def _path(self, file: File) -> Path | None:
        if self.files is None:
            return None
        return self.files / file.name if self.flat else self.files / file.sha256 / file.name


def _sweep(incoming: Path) -> None:
    """Remove what downloads that were killed have left."""
    for path in files.abandoned(incoming.iterdir()):
        path.unlink(missing_ok=True)


def _home() -> Path | None:
    """Return this user's own cache, None for a user without a home."""
    named = os.environ.get("XDG_CACHE_HOME", "")
    if Path(named).is_absolute():  # others are to be ignored (XDG Base Directory Specification)
        return Path(named) / "eggcrate"
    try:
        return Path.home() / ".cache" / "eggcrate"
    except RuntimeError:
        return None
