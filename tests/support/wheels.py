"""Tiny wheels and source distributions, made by hand: what a test needs and nothing else."""

import base64
import configparser
import hashlib
import io
import tarfile
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from eggcrate.lockfile import File, Lock, normalised
from support.scratch import PROJECT, run

WHEEL = "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
SETUP = """\
from setuptools import find_packages, setup

setup(
    name={name!r}, version={version!r}, package_dir={{"": {source!r}}},
    py_modules={modules!r}, packages=find_packages({source!r}),
    install_requires={requires!r}, entry_points={{"console_scripts": {console!r}}},
)
"""


def wheel(
    folder: Path,
    name: str,
    version: str = "1.0",
    *,
    files: Mapping[str, str],
    requires: Iterable[str] = (),
    extras: Mapping[str, Iterable[str]] | None = None,
    entry_points: str = "",
    metadata: Mapping[str, str] | None = None,
) -> Path:
    """Write a wheel of `files`; `metadata` are more files of its dist-info folder."""
    stem = f"{name.replace('-', '_').replace('.', '_').lower()}-{version}"
    info = f"{stem}.dist-info"
    described = {
        "METADATA": _metadata(name, version, requires, extras or {}),
        "WHEEL": WHEEL,
        "top_level.txt": "".join(f"{top}\n" for top in _top_levels(files)),
        **({"entry_points.txt": entry_points} if entry_points else {}),
        **(metadata or {}),
    }
    contents = {**files, **{f"{info}/{file}": text for file, text in described.items()}}
    contents[f"{info}/RECORD"] = _record(contents, f"{info}/RECORD")
    path = folder / f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for file, text in contents.items():
            archive.writestr(zipfile.ZipInfo(file), text)
    return path


def sdist(folder: Path, name: str, version: str = "1.0", *, files: Mapping[str, str]) -> Path:
    """Write a source distribution of `files`, among them its setup.py."""
    stem = f"{name}-{version}"
    information = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    path = folder / f"{stem}.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for file, text in {**files, "PKG-INFO": information}.items():
            member = tarfile.TarInfo(f"{stem}/{file}")
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return path


def setup_py(
    name: str,
    version: str = "1.0",
    *,
    source: str = "",
    modules: Iterable[str] = (),
    requires: Iterable[str] = (),
    console: Iterable[str] = (),
) -> str:
    """Return the text of a setup.py; `source` is the folder of the modules."""
    return SETUP.format(
        name=name,
        version=version,
        source=source or ".",
        modules=list(modules),
        requires=list(requires),
        console=list(console),
    )


def lock(folder: Path) -> Lock:
    """Return the lock of all distributions in a folder."""
    entries: dict[tuple[str, str], tuple[File, ...]] = {}
    for path in sorted(folder.glob("*.*")):
        name, version = _identity(path.name)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        key = normalised(name), version
        entries[key] = (*entries.get(key, ()), File(path.name, digest))
    return Lock(entries)


def download(pins: Mapping[str, str], folder: Path) -> None:
    """Put distributions of the index, and setuptools, into a folder; without an index, skip."""
    read = configparser.ConfigParser()
    read.read(PROJECT / "versions.cfg")
    wanted = {"setuptools": read["versions"]["setuptools"], **pins}
    python = str(PROJECT / "parts" / "buildout" / "bin" / "python")
    options = ["--quiet", "--no-deps", "--retries", "0", "--timeout", "20", "--dest", str(folder)]
    requirements = [f"{name}=={version}" for name, version in wanted.items()]
    found = run([python, "-m", "pip", "download", *options, *requirements], cwd=PROJECT, code=None)
    if found.returncode:
        reason = found.stderr.strip().splitlines()[-1:]
        pytest.skip(f"no package index is reachable that has {', '.join(requirements)}: {reason}")


def _identity(name: str) -> tuple[str, str]:
    if name.endswith(".whl"):
        stem, version, *_tags = name.split("-")
    else:
        stem, _dash, version = name.removesuffix(".tar.gz").rpartition("-")
    return stem, version


def _metadata(
    name: str, version: str, requires: Iterable[str], extras: Mapping[str, Iterable[str]]
) -> str:
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    lines += [f"Requires-Dist: {requirement}" for requirement in requires]
    for extra, wanted in extras.items():
        lines.append(f"Provides-Extra: {extra}")
        lines += [f'Requires-Dist: {one}; extra == "{extra}"' for one in wanted]
    return "\n".join(lines) + "\n"


def _top_levels(files: Iterable[str]) -> list[str]:
    return sorted({file.partition("/")[0].removesuffix(".py") for file in files})


def _record(contents: Mapping[str, str], own: str) -> str:
    lines = [f"{file},{_digest(text)},{len(text.encode())}" for file, text in contents.items()]
    return "\n".join([*lines, f"{own},,"]) + "\n"


def _digest(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return "sha256=" + base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
