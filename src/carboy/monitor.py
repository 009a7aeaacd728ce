"""Watch source files and tell which have changed. Knows files, and nothing of processes."""

import os
import stat
from collections.abc import Iterable
from pathlib import Path

from carboy.inotify import Inotify

# Without notifications the files are compared this often, in seconds.
POLL_INTERVAL = 0.25

# An application that writes its data beside its code must not restart itself by it, so
# only what people edit counts: code, templates, settings, texts and their translations.
SUFFIXES = frozenset(
    {
        *(".py", ".sql"),
        *(".css", ".htm", ".html", ".j2", ".jinja", ".jinja2", ".js", ".mako", ".pt"),
        *(".cfg", ".ini", ".json", ".toml", ".xml", ".yaml", ".yml"),
        *(".md", ".mo", ".po"),
    }
)
# Generated or foreign, unless it is a package.
IGNORED_DIRECTORIES = frozenset(
    ["build", "develop-eggs", "dist", "eggs", "instance", "node_modules", "parts", "var"]
)
_IGNORED_ENDINGS = (".egg", ".egg-info", ".dist-info", "__pycache__")

Stamp = tuple[int, int]


class Monitor:
    """The files below some directories, and some single files.

    Use `fileno()` in a selector, or call `changes()` every `interval` seconds where that is
    not None (no notifications on this system, or a limit reached).
    """

    def __init__(self, *, notify: bool = True) -> None:
        self._trees: set[Path] = set()
        self._files: set[Path] = set()
        self._known: dict[Path, dict[Path, Stamp]] = {}  # directory -> its files
        self._parents: set[Path] = set()  # of the single files
        self._notifier = _start_notifier() if notify else None
        self._is_limited = False

    @property
    def interval(self) -> float | None:
        """Seconds between two calls of `changes()`; None where notifications wake the caller."""
        return None if self._notifier and not self._is_limited else POLL_INTERVAL

    def fileno(self) -> int:
        """Return a descriptor that is readable when something may have changed, or -1."""
        return self._notifier.fileno() if self._notifier else -1

    def watch(self, paths: Iterable[Path]) -> None:
        """Add directories (with all below them) and files, existing or not; idempotent."""
        for path in paths:
            if path.is_dir():
                if path not in self._trees:
                    self._trees.add(path)
                    self._enter(path)
            elif path not in self._files:
                self._files.add(path)
                self._parents.add(path.parent)
                if path not in self._known.get(path.parent, ()):
                    self._look_at(path.parent)

    def changes(self) -> set[Path]:
        """Return the files that were changed, added or deleted since the last call."""
        directories = self._notifier.read() if self._notifier else None
        if self._is_limited:
            directories = None
        changed: set[Path] = set()
        for directory in sorted(self._known if directories is None else directories):
            changed |= self._compare(directory)
        for directory in (self._trees | self._parents) - self._known.keys():
            look = self._enter if self._in_tree(directory) else self._look_at
            changed |= look(directory)
        return changed

    def close(self) -> None:
        """Stop watching."""
        if self._notifier:
            self._notifier.close()

    def _enter(self, directory: Path) -> set[Path]:
        """Begin to watch a tree; return its files."""
        found = self._look_at(directory)
        for child in _subdirectories(directory):
            if child not in self._known:
                found |= self._enter(child)
        return found

    def _look_at(self, directory: Path) -> set[Path]:
        # First the notification, then the look: what happens in between is told twice, not never.
        self._notify(directory)
        if not directory.is_dir():
            self._notify(next(parent for parent in directory.absolute().parents if parent.is_dir()))
            return set()
        # What is known stays: a file may have changed meanwhile, and the notification tells it.
        self._known[directory] = self._stamps(directory) | self._known.get(directory, {})
        return set(self._known[directory])

    def _notify(self, directory: Path) -> bool:
        """Ask for notifications; return whether there were none for this directory."""
        if not self._notifier:
            return False
        try:
            return self._notifier.add(directory)
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            return False
        except OSError:  # the limit of watches: compare by polling from now on
            # Not closed: whoever waits for its descriptor must not find another under that number.
            self._is_limited = True
            return False

    def _compare(self, directory: Path) -> set[Path]:
        before = self._known.pop(directory, {})
        after = self._stamps(directory)
        changed = {path for path in before.keys() | after if before.get(path) != after.get(path)}
        if directory.is_dir():
            self._known[directory] = after
        # A folder that was moved away has no events of its own.
        for child in [known for known in self._known if known.parent == directory]:
            if not child.is_dir():
                changed |= self._compare(child)
        if self._in_tree(directory):
            for child in _subdirectories(directory):
                if child not in self._known:
                    changed |= self._enter(child)
                elif self._notify(child):  # another one by the same name
                    changed |= self._compare(child)
        return changed

    def _stamps(self, directory: Path) -> dict[Path, Stamp]:
        """Return size and modification time of a directory's files; {} for one that is gone.

        Compared for inequality only: a restored or checked-out file may be older than before.
        """
        tree = next((t for t in (directory, *directory.parents) if t in self._trees), None)
        stamps: dict[Path, Stamp] = {}
        for entry in _entries(directory):
            path = directory / entry.name
            if path in self._files or (tree and is_source(path.relative_to(tree.parent))):
                try:
                    status = entry.stat()
                except OSError:
                    continue
                if not stat.S_ISDIR(status.st_mode):
                    stamps[path] = (status.st_mtime_ns, status.st_size)
        return stamps

    def _in_tree(self, directory: Path) -> bool:
        return directory in self._trees or not self._trees.isdisjoint(directory.parents)


def _start_notifier() -> Inotify | None:
    try:
        return Inotify()
    except OSError:
        return None


def _entries(directory: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(directory) as entries:
            return list(entries)
    except OSError:
        return []


def _subdirectories(directory: Path) -> list[Path]:
    return [
        directory / entry.name
        for entry in _entries(directory)
        if entry.is_dir(follow_symlinks=False) and not _is_ignored(directory / entry.name)
    ]


def _is_ignored(directory: Path) -> bool:
    name = directory.name
    if name.startswith(".") or name.endswith(_IGNORED_ENDINGS):
        return True
    if (directory / "pyvenv.cfg").exists():
        return True
    return name in IGNORED_DIRECTORIES and not (directory / "__init__.py").exists()


def is_source(path: Path) -> bool:
    """Return whether a change of this file may change what the application answers.

    `path` begins at the watched tree: what a project lies in says nothing about its files.
    """
    if path.name.startswith((".", "#", "~")):  # an editor's lock, autosave or swap file
        return False
    return path.suffix in SUFFIXES or "templates" in path.parts
