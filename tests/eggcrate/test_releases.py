import hashlib
import io
import tarfile
import zipfile

import pytest
from packaging.version import Version

from eggcrate.cache import Cache
from eggcrate.index import Index
from eggcrate.pages import Link
from eggcrate.releases import MetadataError, Releases
from eggcrate.targets import TARGETS, Target
from support.wheels import wheel

METADATA = b"Metadata-Version: 2.4\nName: A.a\nVersion: 1\nRequires-Dist: b>=1\n"


class Served(Index):
    """An index that knows these links to one project, and counts what is read."""

    def __init__(self, *links):
        super().__init__(None)
        self.links = {link.name: link for link in links}
        self.asked = []

    def files(self, name, *, complete=False):
        self.asked.append(name)
        return self.links

    def find(self, name, file):
        return self.links[file.name]

    def read(self, url):
        self.asked.append(url)
        return super().read(url)


@pytest.fixture
def releases(tmp_path):
    return lambda *links: Releases(Served(*links), Cache(tmp_path / "cache"))


def at(folder, name, content, **kwargs):
    """Put a file into a folder; return the link to it."""
    (folder / name).write_bytes(content)
    return Link((folder / name).as_uri(), name, hashlib.sha256(content).hexdigest(), **kwargs)


def zipped(**files):
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "/"), content)
    return target.getvalue()


def tarred(name, content):
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return target.getvalue()


def described(found, name="a"):
    return found.describe(name, found.of(name)[0])


def requires(found, name="a"):
    return [str(one) for one in described(found, name).requires]


def test_releases_come_newest_first(releases):
    names = ["a-1.9.zip", "a-1.10-py3-none-any.whl", "a-1.10.zip", "a-2rc1.zip", "a-odd.zip"]
    found = releases(*(Link("", name) for name in [*names, "a-1.x-y.zip", "b-3.zip"]))
    assert [str(release.version) for release in found.of("a")] == ["2rc1", "1.10", "1.9"]
    assert len(found.of("a")[1].links) == 2


def test_what_is_wanted(releases):
    links = [
        Link("", "a-4.zip", yanked=""),
        Link("", "a-3rc1.zip"),
        Link("", "a-2.zip", yanked="bad"),
        Link("", "a-2-py3-none-any.whl"),
        Link("", "a-1.dev1.zip"),
    ]
    wanted = [str(r.version) for r in releases(*links).of("a") if r.is_wanted]
    assert wanted == ["2"]


def test_whom_a_release_serves(releases):
    [release] = releases(
        Link("", "a-1-cp312-abi3-manylinux_2_17_x86_64.whl", requires_python=">=3.11")
    ).of("a")
    assert release.serves([Target(12, "linux-x86_64"), Target(14, "linux-x86_64")])
    assert not release.serves([Target(11, "linux-x86_64")])
    [source] = releases(Link("", "a-1.zip", requires_python=">=3.12")).of("a")
    assert not source.serves(TARGETS)
    assert source.serves([target for target in TARGETS if target.minor > 11])


def test_a_wheel_is_read(releases, tmp_path):
    path = wheel(tmp_path, "A.a", "1", files={"a.py": ""}, requires=["b>=1"], extras={"x": ["c"]})
    found = releases(at(tmp_path, path.name, path.read_bytes()))
    assert described(found, "a-a").name == "A.a"
    assert requires(found, "a-a") == ["b>=1", 'c; extra == "x"']


def test_of_many_wheels_the_one_for_this_interpreter_is_read(releases, tmp_path):
    path = wheel(tmp_path, "a", "1", files={"a.py": ""}, requires=["b"])
    other = at(tmp_path, "a-1-cp27-cp27m-win32.whl", b"")
    source = at(tmp_path, "a-1.tar.gz", b"")
    assert requires(releases(source, other, at(tmp_path, path.name, path.read_bytes()))) == ["b"]


def test_a_wheel_of_another_platform_is_better_than_a_source(releases, tmp_path):
    content = zipped(**{"a-1.dist-info__METADATA": METADATA})
    wheel = at(tmp_path, "a-1-cp27-cp27m-win32.whl", content)
    assert requires(releases(at(tmp_path, "a-1.tar.gz", b""), wheel)) == ["b>=1"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a-1.tar.gz", tarred("a-1/PKG-INFO", METADATA)),
        ("a-1.zip", zipped(**{"a-1__x__PKG-INFO": b"", "a-1__PKG-INFO": METADATA})),
    ],
)
def test_a_source_is_read(releases, tmp_path, name, content):
    assert requires(releases(at(tmp_path, name, content))) == ["b>=1"]


def test_metadata_beside_the_file_is_enough(releases, tmp_path):
    digest = hashlib.sha256(METADATA).hexdigest()
    (tmp_path / "a-1-py3-none-any.whl.metadata").write_bytes(METADATA)
    url = (tmp_path / "a-1-py3-none-any.whl").as_uri()
    link = Link(url, "a-1-py3-none-any.whl", "0" * 64, metadata=digest)
    assert requires(releases(link)) == ["b>=1"]
    changed = Link(url, "a-1-py3-none-any.whl", "0" * 64, metadata="0" * 64)
    with pytest.raises(MetadataError, match=rf"{digest}, but the index says {'0' * 64}"):
        requires(releases(changed))


def test_a_file_without_a_hash_is_read_too(releases, tmp_path):
    path = wheel(tmp_path, "a", "1", files={"a.py": ""}, requires=["b"])
    assert requires(releases(Link(path.as_uri(), path.name))) == ["b"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a-1-py3-none-any.whl", b"no zip"),
        ("a-1-py3-none-any.whl", zipped(x=b"")),
        ("a-1.tar.gz", b"no tar"),
        ("a-1.tar.gz", tarred("x", b"")),
        ("a-1.zip", zipped(**{"a__b__PKG-INFO": METADATA})),
    ],
)
def test_what_holds_no_metadata_is_an_error(releases, tmp_path, name, content):
    with pytest.raises(MetadataError, match=f"{name} holds no metadata"):
        requires(releases(at(tmp_path, name, content)))


def test_requirements_that_nobody_understands_are_an_error(releases, tmp_path):
    content = METADATA + b"Requires-Dist: b (c\n"
    source = at(tmp_path, "a-1.tar.gz", tarred("a-1/PKG-INFO", content))
    with pytest.raises(MetadataError, match=r"^a 1: .*\S$"):
        requires(releases(source))


def test_nothing_is_asked_twice(releases, tmp_path):
    path = wheel(tmp_path, "a", "1", files={"a.py": ""})
    found = releases(at(tmp_path, path.name, path.read_bytes()))
    found.prepare(["a", "a"])
    asked = found._index.asked
    before = len(asked)
    assert path.as_uri() in asked
    assert requires(found) == []
    assert found.of("a")[0].version == Version("1")
    assert len(asked) == before
