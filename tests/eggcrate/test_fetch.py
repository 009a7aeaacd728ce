import errno

import pytest

from eggcrate import fetch
from eggcrate.cache import Cache
from eggcrate.index import Index, Link
from eggcrate.lockfile import File
from support.mirror import flip, sha256
from support.wheels import wheel


@pytest.fixture
def links(tmp_path):
    """A folder with one wheel."""
    folder = tmp_path / "links"
    folder.mkdir()
    wheel(folder, "stout", files={"stout.py": ""})
    return folder


@pytest.fixture
def file(links):
    [path] = links.iterdir()
    return File(path.name, sha256(path))


@pytest.fixture
def index(links):
    return Index(None, find_links=[str(links)])


@pytest.fixture
def cache(tmp_path):
    return Cache(tmp_path / "cache")


def leftovers(cache):
    return [path for path in cache.files.rglob("*") if path.is_file()]


def test_what_was_fetched_is_kept_and_found_again(file, index, cache, links):
    path = fetch.fetch(file, "stout", index, cache)
    assert sha256(path) == file.sha256
    assert leftovers(cache) == [path]
    (links / file.name).unlink()
    assert fetch.fetch(file, "stout", index, cache) == path


def test_a_changed_file_is_refused_by_name_and_both_hashes(file, index, cache, links):
    flip(links / file.name)
    with pytest.raises(fetch.MismatchError) as caught:
        fetch.fetch(file, "stout", index, cache)
    text = str(caught.value)
    assert "\n" not in text
    for part in ("stout", file.name, file.sha256, sha256(links / file.name), "bin/lock"):
        assert part in text
    assert leftovers(cache) == []


def test_what_the_index_itself_calls_different_is_not_downloaded(file, cache):
    class Liar:
        def find(self, name, file):
            return Link("https://user:secret@index.example/stout.whl", file.name, "0" * 64)

        def read(self, url):
            raise AssertionError("downloaded")

    with pytest.raises(fetch.MismatchError) as caught:
        fetch.fetch(file, "stout", Liar(), cache)
    assert "0" * 64 in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_flipped_byte_in_the_cache_is_fetched_anew(file, index, cache):
    path = fetch.fetch(file, "stout", index, cache)
    flip(path)
    assert sha256(fetch.fetch(file, "stout", index, cache)) == file.sha256


def test_what_is_nowhere_is_named(index, cache):
    file = File("porter-1.0-py3-none-any.whl", "1" * 64)
    with pytest.raises(fetch.FetchError, match=r"porter: porter-1\.0-py3-none-any\.whl.*1{64}"):
        fetch.fetch(file, "porter", index, cache)


def test_a_download_that_breaks_off_leaves_nothing(file, cache):
    class Breaking(Index):
        def read(self, url):
            yield b"half"
            raise fetch.UnavailableError("connection reset")

    index = Breaking(None, find_links=["/nowhere"])
    index.find = lambda name, file: Link("https://index.example/", file.name)
    with pytest.raises(fetch.FetchError, match="connection reset"):
        fetch.fetch(file, "stout", index, cache)
    assert leftovers(cache) == []


def test_without_a_cache_it_is_kept_for_this_run(file, index):
    path = fetch.fetch(file, "stout", index, Cache())
    assert sha256(path) == file.sha256
    assert path.parent == fetch.scratch()


class Full(Index):
    """A download during which the disk turns out to be full, a number of times."""

    def __init__(self, folder, times):
        super().__init__(None, find_links=[str(folder)])
        self.times = times

    def read(self, url):
        data = b"".join(super().read(url))
        yield data[:5]
        self.times -= 1
        if self.times >= 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        yield data[5:]


def test_a_full_cache_is_done_without(file, cache, links):
    path = fetch.fetch(file, "stout", Full(links, 1), cache)
    assert (sha256(path), path.parent) == (file.sha256, fetch.scratch())
    [link] = (index := Full(links, 1)).files("stout").values()
    assert fetch.fetch_unhashed(link, index, cache)[0] == file
    assert leftovers(cache) == []


def test_where_there_is_no_room_at_all_is_said(file, cache, links):
    with pytest.raises(OSError, match="No space left on device") as caught:
        fetch.fetch(file, "stout", Full(links, 2), cache)
    assert caught.value.filename.startswith(str(fetch.scratch()))
    assert leftovers(cache) == []


def test_a_link_without_a_hash(file, index, cache):
    [link] = index.files("stout").values()
    assert link.sha256 is None
    found, path = fetch.fetch_unhashed(link, index, cache)
    assert found == file
    assert cache.find(file) == path


def test_a_copy_is_compared_again(file, links, tmp_path):
    copied = fetch.copy(file, links / file.name, tmp_path)
    assert copied == tmp_path / file.name
    flip(links / file.name)
    with pytest.raises(fetch.MismatchError, match=file.sha256):
        fetch.copy(file, links / file.name, tmp_path)
