"""Compare the files of this release with its manifest: bin/verify, or `python3 bin/verify`.

It finds what was damaged or changed by mistake. Who can change the files can change the manifest,
too: whether the archive is the one that was made, its own sha256 says.
"""

import hashlib
import json
import os
import sys
from pathlib import Path

# var belongs to who runs the release.
UNLISTED = {"release.json", "var"}


def main(release):  # type: (Path) -> int
    """Print a line for each file that is not as it was made; return the exit code."""
    manifest = json.loads((release / "release.json").read_text("utf-8"))
    expected, found = manifest["files"], set(walk(release, ""))
    lines = [f"{name}: missing" for name in expected if name not in found]
    lines += [f"{name}: not of this release" for name in found if name not in expected]
    for name in found.intersection(expected):
        change = difference(release / name, expected[name])
        lines += [f"{name}: {change}"] if change else []
    for line in sorted(lines):
        print(line)
    if not lines:
        print(f"{manifest['name']} {manifest['version']}: {len(expected)} files, all as made")
    return 1 if lines else 0


def walk(root, inside):  # type: (Path, str) -> list[str]
    """Return the names of all files and links below ``root``."""
    found = []
    for path in (root / inside).iterdir():
        name = f"{inside}/{path.name}".lstrip("/")
        if not path.is_symlink() and path.is_dir():  # where a link leads may not be for us to see
            found += walk(root, name)
        elif name not in UNLISTED:
            found.append(name)
    return found


def difference(path, expected):  # type: (Path, dict[str, str]) -> str
    """Say in what the file at ``path`` is another one than expected; "" if in nothing."""
    if path.is_symlink() or "link" in expected:
        target = os.readlink(str(path)) if path.is_symlink() else ""  # noqa: PTH115  # 3.9
        return "" if target == expected.get("link") else "another link"
    if not path.is_file():
        return "no file"
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            for block in iter(lambda: file.read(1 << 20), b""):
                digest.update(block)
    except OSError as error:
        return str(error.strerror)
    if digest.hexdigest() != expected["sha256"]:
        return f"sha256 {digest.hexdigest()} instead of {expected['sha256']}"
    is_executable = bool(path.stat().st_mode & 0o100)
    return "" if is_executable == bool(expected.get("executable")) else "another mode"


if __name__ == "__main__":
    sys.exit(main(Path(os.path.realpath(__file__)).parent.parent))
