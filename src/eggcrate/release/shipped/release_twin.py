"""Run a release with a Python that lies in another place than where the release was made.

A release is not written to, so it gets a twin among the user's own files: links to all of it, and
environments that are made of the Python that runs this. Read by any Python 3 (3.6 and later).
"""

import hashlib
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import release_fit  # type: ignore[import-not-found]


def main(environment):  # type: (Path) -> int
    """Print the interpreter of the twin of ``environment``; return 0.

    Print why there is none, and return 1.
    """
    release = environment.parent.parent
    manifest = (release / "release.json").read_bytes()
    reason = release_fit.misfit(json.loads(manifest.decode("utf-8"))["target"])
    if not reason:
        # A name for the release, for what is in it, and for the Python: a twin is never changed.
        identity = b"\0".join((os.fsencode(release), manifest, os.fsencode(base())))
        name = hashlib.sha256(identity).hexdigest()[:32]
        for folder in folders():
            try:
                print(interpreter(private(folder) / name, release, environment.name))
            except OSError as error:
                reason = f"{sys.executable} would do, but cannot be linked to: {error}"
            else:
                return 0
    print(reason)
    return 1


def base():  # type: () -> Path
    """Return the interpreter itself, also where another environment is active."""
    return Path(getattr(sys, "_base_executable", None) or sys.executable).resolve()


def folders():  # type: () -> list[Path]
    """Return where a user's own files may be: where systemd and the user say, then the usual."""
    environ = os.environ
    found = [environ.get("CACHE_DIRECTORY", "").split(":")[0], environ.get("XDG_CACHE_HOME", "")]
    home = environ.get("HOME", "")
    if os.access(home, os.W_OK):
        found.append(f"{home}/.cache")
    found += [environ.get("XDG_RUNTIME_DIR", ""), tempfile.gettempdir()]
    return [Path(path) for path in found if Path(path).is_absolute()]


def private(folder):  # type: (Path) -> Path
    """Return a folder in ``folder`` that nobody else can write to.

    Raise ``OSError`` if there is none: in /tmp anybody may have made one of this name.
    """
    path = folder / f"eggcrate-releases-{os.getuid()}"
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = path.lstat()
    if found.st_uid != os.getuid() or found.st_mode & 0o170022 != 0o040000:
        raise PermissionError(1, "others may write to it", str(path))
    return path


def interpreter(twin, release, part):  # type: (Path, Path, str) -> Path
    """Return the interpreter of a part of ``twin``, which is made if it is not there, or not whole.

    What tidies up /tmp may have taken a part of it.
    """
    path = twin / "parts" / part / "bin" / "python"
    if os.access(path, os.X_OK):
        return path
    shutil.rmtree(twin, ignore_errors=True)
    _forget(twin.parent)
    made = Path(tempfile.mkdtemp(prefix="new-", dir=str(twin.parent)))
    try:
        _fill(made, release)
        made.rename(twin)
    except OSError:
        shutil.rmtree(made, ignore_errors=True)
        if not os.access(path, os.X_OK):  # else another process was faster
            raise
    return path


def _forget(folder):  # type: (Path) -> None
    """Remove the twins of releases that are gone."""
    for twin in folder.iterdir():
        if not twin.name.startswith("new-") and _is_gone(twin / "release.json"):
            shutil.rmtree(twin, ignore_errors=True)


def _is_gone(path):  # type: (Path) -> bool
    try:
        path.stat()
    except FileNotFoundError:
        return True
    except OSError:  # where this user may not look any more
        return False
    return False


def _fill(twin, release):  # type: (Path, Path) -> None
    for path in release.iterdir():
        if path.name != "parts":
            (twin / path.name).symlink_to(path)
    for part in (release / "parts").iterdir():
        _environment(twin / "parts" / part.name, part)


def _environment(target, source):  # type: (Path, Path) -> None
    """Make an environment of this Python that imports what the one at ``source`` does."""
    (target / "bin").mkdir(parents=True)
    for path in source.iterdir():
        if path.name not in ("bin", "pyvenv.cfg"):
            (target / path.name).symlink_to(path)
    (target / "bin" / "python").symlink_to(base())
    for name in ("python3", "python{}.{}".format(*sys.version_info)):
        (target / "bin" / name).symlink_to("python")
    (target / "pyvenv.cfg").write_text(
        f"home = {base().parent}\ninclude-system-site-packages = false\n"
        "version = {}.{}.{}\n".format(*sys.version_info),
        encoding="utf-8",
    )


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
