"""Read a wheel (PEP 427): every byte is compared with a hash before anybody gets it."""

import functools
import hashlib
import io
import re
import stat
import struct
import zipfile
import zlib
from calendar import timegm
from dataclasses import dataclass
from pathlib import Path

from eggcrate import record
from eggcrate.lockfile import File, canonical, normalised

_FILE_NAME = re.compile(r"([^-]+)-([^-]+)(?:-\d[^-]*)?(?:-[^-]+){3}\.whl")
_PROJECT = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")  # PEP 508
_UNHASHED = ("RECORD", "RECORD.jws", "RECORD.p7s")  # itself, and its signatures

_LOCAL_HEADER = struct.Struct("<4s22xHH")  # what the directory of the archive does not say
_ENCRYPTED = 0x1
_EPOCH = 315532800  # 1980, where the archive's time begins


class WheelError(Exception):
    """Why a wheel is refused: one line that names it."""


@dataclass(frozen=True, slots=True)
class Member:
    """A file in a wheel; ``digest`` is its hash as RECORD spells it."""

    info: zipfile.ZipInfo
    digest: str

    @property
    def mtime(self) -> int:
        """The time in the archive as if it were UTC, in seconds: the same wherever it is read."""
        return _seconds(self.info.date_time)

    @property
    def executable(self) -> bool:
        """Whether the archive says that the file may be executed."""
        mode = self.info.external_attr >> 16
        return stat.S_ISREG(mode) and bool(mode & 0o111)


@functools.cache
def _seconds(moment: tuple[int, int, int, int, int, int]) -> int:
    try:
        return timegm(moment)
    except ValueError:  # no month of a year
        return _EPOCH


class Wheel:
    """A wheel in memory, where it stays what was compared with its hash.

    ``members`` are its files by name, less the RECORD; ``info`` is the name of its dist-info
    folder; ``requires`` are its ``Requires-Dist``. Raise ``WheelError`` for what is no wheel, or
    not the one that the file's name says.
    """

    def __init__(self, file: File, data: bytes) -> None:
        self.file = file
        self._data = memoryview(data)
        infos = self._directory(data)
        self.info = self._info_folder(infos)
        self.members = self._recorded(infos)
        self._check_format()
        headers = self._headers("METADATA")
        self.name = headers.get("name", [""])[0]
        self.version = headers.get("version", [""])[0]
        self.requires = headers.get("requires-dist", [])
        self._check_identity()

    @classmethod
    def read(cls, path: Path, file: File) -> "Wheel":
        """Return the wheel at ``path``, if that is what ``file`` says."""
        data = path.read_bytes()
        actual = hashlib.sha256(data).hexdigest()
        if actual != file.sha256:
            raise WheelError(
                f"{file.name.partition('-')[0]}: {path} has sha256 {actual}, but {file.sha256} is"
                f" expected of {file.name}. Nothing of it was unpacked"
            )
        return cls(file, data)

    def content(self, name: str) -> bytes:
        """Return the contents of a member, compared with their hash."""
        member = self.members[name]
        content = self._inflated(member.info, member.info.file_size)
        if not record.agrees(content, member.digest):
            raise self._refused(f"{name} is not what RECORD says")
        return content

    def begins(self, name: str, text: bytes) -> bool:
        """Tell whether the contents of a member begin with ``text``."""
        return self._inflated(self.members[name].info, len(text)) == text

    def _refused(self, reason: str) -> WheelError:
        return WheelError(f"{self.file.name} is refused: {reason}")

    # --- the archive -----------------------------------------------------------------------------

    def _directory(self, data: bytes) -> dict[str, zipfile.ZipInfo]:
        """Return the files of the archive."""
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                listed = archive.infolist()
        except (zipfile.BadZipFile, NotImplementedError, ValueError, struct.error) as error:
            raise self._refused(f"it is no archive ({error})") from None
        infos: dict[str, zipfile.ZipInfo] = {}
        for info in listed:
            self._check_member(info)
            if info.filename in infos:
                raise self._refused(f"{info.filename!r} is there twice")
            infos[info.filename] = info
        return {name: info for name, info in infos.items() if not info.is_dir()}

    def _check_member(self, info: zipfile.ZipInfo) -> None:
        name, kind = info.filename, stat.S_IFMT(info.external_attr >> 16)
        parts = name.removesuffix("/").split("/")
        if (
            name != info.orig_filename
            or not name.isprintable()
            or "\\" in name
            or any(part in ("", ".", "..") for part in parts)
        ):
            raise self._refused(f"{info.orig_filename!r} is no name of a file in it")
        if kind not in (0, stat.S_IFDIR if info.is_dir() else stat.S_IFREG):
            raise self._refused(f"{name!r} is neither a file nor a folder")
        if info.flag_bits & _ENCRYPTED or info.compress_type not in (0, zipfile.ZIP_DEFLATED):
            raise self._refused(f"{name!r} is encrypted, or compressed in a way that is unknown")

    def _inflated(self, info: zipfile.ZipInfo, size: int) -> bytes:
        """Return the first ``size`` bytes of a member."""
        try:
            begin, names, extra = _LOCAL_HEADER.unpack_from(self._data, info.header_offset)
            start = info.header_offset + _LOCAL_HEADER.size + names + extra
            packed = self._data[start : start + info.compress_size]
            if begin != b"PK\3\4" or len(packed) != info.compress_size:
                raise self._refused(f"{info.filename!r} is not where the archive says")
            if info.compress_type == zipfile.ZIP_STORED:
                return bytes(packed[:size])
            return zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, size) if size else b""
        except (zlib.error, struct.error) as error:
            raise self._refused(f"{info.filename!r} cannot be unpacked ({error})") from None

    # --- what it says of itself ------------------------------------------------------------------

    def _info_folder(self, infos: dict[str, zipfile.ZipInfo]) -> str:
        tops = {name.partition("/")[0] for name in infos if "/" in name}
        found = [top for top in tops if top.endswith(".dist-info")]
        if len(found) != 1:
            raise self._refused(f"it has {len(found)} dist-info folders")
        for name in ("METADATA", "RECORD", "WHEEL"):
            if f"{found[0]}/{name}" not in infos:
                raise self._refused(f"it has no {found[0]}/{name}")
        return found[0]

    def _recorded(self, infos: dict[str, zipfile.ZipInfo]) -> dict[str, Member]:
        """Return the members, which are exactly those that RECORD has."""
        own = infos[f"{self.info}/RECORD"]
        try:
            rows = record.parse(self._inflated(own, own.file_size).decode())
        except ValueError as error:
            raise self._refused(str(error)) from None
        unhashed = {f"{self.info}/{name}" for name in _UNHASHED}
        for name in rows.keys() - infos.keys() - unhashed:
            raise self._refused(f"{name!r} is missing, which is in its RECORD")
        for name in infos.keys() - unhashed:
            if not rows.get(name, "").startswith(record.STRONG):
                raise self._refused(f"{name!r} is not in its RECORD with a sha256")
        return {n: Member(info, rows[n]) for n, info in infos.items() if n not in unhashed}

    def _headers(self, name: str) -> dict[str, list[str]]:
        """Return the headers of a file in the dist-info folder, their names in lower case."""
        lines: list[str] = []
        text = self.content(f"{self.info}/{name}").decode(errors="replace")
        for line in text.splitlines():
            if not line.strip():
                break  # what follows is the description
            if line[0] in " \t" and lines:
                lines[-1] += line
            else:
                lines.append(line)
        headers: dict[str, list[str]] = {}
        for line in lines:
            key, _, value = line.partition(":")
            headers.setdefault(key.lower(), []).append(value.strip())
        return headers

    def _check_format(self) -> None:
        [version, *_] = self._headers("WHEEL").get("wheel-version", [""])
        if version.partition(".")[0] != "1":
            raise self._refused(f"its Wheel-Version {version!r} is unknown")

    def _check_identity(self) -> None:
        """Compare the names that the file, its dist-info folder and its METADATA give it."""
        match = _FILE_NAME.fullmatch(self.file.name)
        if match is None:
            raise self._refused("that is no name of a wheel")
        if not _PROJECT.fullmatch(self.name):
            raise self._refused(f"{self.name!r} is no name of a distribution")
        folder, _, version = self.info.removesuffix(".dist-info").partition("-")
        for place, said in (
            ("METADATA", (self.name, self.version)),
            (self.info, (folder, version)),
        ):
            if _identity(*said) != _identity(*match.groups()):
                raise self._refused(f"its {place} says that it is {' '.join(said)}")


def _identity(name: str, version: str) -> tuple[str, str]:
    return normalised(name), canonical(version)
