import io
import re
import tarfile

import pytest

from eggcrate import bundle, platforms
from eggcrate.bundle import BundleError
from eggcrate.lockfile import Lock, dumps
from support import toolbox, wheels


@pytest.fixture
def links(tmp_path):
    """A folder of distributions."""
    folder = tmp_path / "links"
    folder.mkdir()
    wheels.wheel(folder, "alpha", files={"alpha.py": "letter = 'a'\n"})
    wheels.wheel(folder, "beta", files={"beta.py": "letter = 'b'\n" * 4000})
    wheels.wheel(folder, "packaging", files=toolbox.CONTENTS["packaging"])
    return folder


@pytest.fixture
def lock(links):
    return wheels.lock(links)


@pytest.fixture
def packed(tmp_path, links, lock):
    return pack(tmp_path / "it.bundle.tar", links, lock)


def pack(path, links, lock):
    artifacts = {file: links / file.name for files in lock.entries.values() for file in files}
    with path.open("wb") as output:
        bundle.write(output, artifacts, dumps(lock))
    return path


def unpack(path, lock, folder):
    [packaging] = lock.of("packaging", "1.0")
    bundle.unpack(path, lock, packaging, folder)


def refused(path, lock, folder):
    """Return why a bundle is refused; nothing of it is there then."""
    with pytest.raises(BundleError) as caught:
        unpack(path, lock, folder)
    assert not folder.exists()
    assert not list(folder.parent.glob("*.new"))
    text = str(caught.value)
    assert str(path) in text
    assert "\n" not in text
    return text


def names(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_every_file_is_unpacked_under_its_hash(packed, lock, links, tmp_path):
    unpack(packed, lock, tmp_path / "there")
    files = [file for files in lock.entries.values() for file in files]
    assert names(tmp_path / "there") == {f"{file.sha256}/{file.name}" for file in files}
    for file in files:
        copy = tmp_path / "there" / file.sha256 / file.name
        assert copy.read_bytes() == (links / file.name).read_bytes()


def test_the_same_files_give_the_same_bytes(packed, links, lock, tmp_path):
    for path in links.iterdir():
        path.touch()
    backwards = Lock(dict(reversed(lock.entries.items())))
    assert pack(tmp_path / "again.tar", links, backwards).read_bytes() == packed.read_bytes()
    with tarfile.open(packed) as archive:
        assert {(m.uid, m.gid, m.uname, m.mtime) for m in archive} == {(0, 0, "", 0)}


def test_it_replaces_the_one_before(packed, lock, tmp_path):
    folder = tmp_path / "there"
    (folder / ("0" * 64)).mkdir(parents=True)
    unpack(packed, lock, folder)
    assert not (folder / ("0" * 64)).exists()


def test_a_refused_one_leaves_the_one_before(packed, lock, tmp_path):
    unpack(packed, lock, tmp_path / "there")
    before = names(tmp_path / "there")
    packed.write_bytes(packed.read_bytes()[:20000])
    with pytest.raises(BundleError):
        unpack(packed, lock, tmp_path / "there")
    assert names(tmp_path / "there") == before


def test_a_flipped_byte_is_named(packed, lock, tmp_path):
    [beta] = lock.of("beta", "1.0")
    content = packed.read_bytes().replace(b"letter = 'b'", b"letter = 'c'", 1)
    packed.write_bytes(content)
    text = refused(packed, lock, tmp_path / "there")
    pattern = f"beta 1.0: {beta.name} has sha256 [0-9a-f]{{64}}, but {beta.sha256} is expected"
    assert re.search(pattern, text)


def test_wherever_it_is_cut_it_is_refused(packed, lock, tmp_path):
    content = packed.read_bytes()
    with tarfile.open(packed) as archive:
        starts = [member.offset for member in archive]
    for end in (0, 100, *starts[1:], starts[-1] + 600):
        packed.write_bytes(content[:end])
        refused(packed, lock, tmp_path / "there")


def test_a_file_that_it_lacks_is_named(links, lock, tmp_path):
    entries = {key: files for key, files in lock.entries.items() if key[0] != "alpha"}
    path = pack(tmp_path / "less.tar", links, Lock(entries))
    assert "of alpha 1.0 it lacks alpha-1.0-py3-none-any.whl" in refused(
        path, lock, tmp_path / "there"
    )


def test_what_is_not_locked_stays_in_it(packed, lock, tmp_path):
    less = Lock({key: files for key, files in lock.entries.items() if key[0] != "alpha"})
    unpack(packed, less, tmp_path / "there")
    assert not [name for name in names(tmp_path / "there") if "alpha" in name]


def test_a_file_that_fits_better_here_is_missed(packed, links, tmp_path):
    """The lock has learnt of a wheel for this platform since; the build would choose it."""
    from packaging.tags import sys_tags

    best = next(iter(sys_tags()))
    native = links / f"alpha-1.0-{best}.whl"
    native.write_bytes((links / "alpha-1.0-py3-none-any.whl").read_bytes() + b"!")
    assert f"it lacks {native.name}" in refused(packed, wheels.lock(links), tmp_path / "there")


def test_one_for_another_platform_is_refused(links, lock, tmp_path, monkeypatch):
    monkeypatch.setattr(platforms, "label", lambda: "cp27-plan9_mips")
    path = pack(tmp_path / "other.tar", links, lock)
    monkeypatch.undo()
    text = refused(path, lock, tmp_path / "there")
    assert f"made for cp27-plan9_mips, and this is {platforms.label()}" in text


def test_other_files_are_refused(links, lock, tmp_path):
    (tmp_path / "text").write_text("text")
    with tarfile.open(tmp_path / "archive.tar", "w") as archive:
        archive.add(links, "links")
    for name in ("text", "archive.tar"):
        assert "not a bundle" in refused(tmp_path / name, lock, tmp_path / "there")
    for name in ("links", "missing"):
        assert "cannot read" in refused(tmp_path / name, lock, tmp_path / "there")


@pytest.mark.parametrize(
    "header",
    ['{"format": 99}', "[]", "{}", '"text"', '{"format": 1, "platform": []}', "[" * 50_000],
)
def test_another_header_is_refused(header, lock, tmp_path):
    path = tmp_path / "it.tar"
    with tarfile.open(path, "w") as archive:
        content = header.encode()
        member = tarfile.TarInfo(bundle.HEADER)
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    refused(path, lock, tmp_path / "there")


def test_a_link_instead_of_a_file_is_refused(packed, lock, tmp_path):
    [alpha] = lock.of("alpha", "1.0")
    path = tmp_path / "links.tar"
    with tarfile.open(packed) as source, tarfile.open(path, "w") as target:
        for member in source:
            content = source.extractfile(member)
            if member.name.endswith(alpha.name):
                member.type, member.linkname, member.size = tarfile.SYMTYPE, "/etc/passwd", 0
            target.addfile(member, content)
    refused(path, lock, tmp_path / "there")
