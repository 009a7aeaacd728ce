import logging
import os
import time
from pathlib import Path

import pytest

from eggcrate.cache import INCOMING, Cache
from support.crafted import locked


@pytest.fixture(params=[False, True], ids=["own", "flat"])
def cache(request, tmp_path):
    return Cache(tmp_path / "cache", flat=request.param)


def download(cache, tmp_path, name="a-1.0-py3-none-any.whl"):
    """Put a file where downloads go; return it and what a lock says of it."""
    source = tmp_path / name
    source.write_bytes(b"a wheel")
    file = locked(source)
    temporary = cache.folder() / "download"
    source.replace(temporary)
    temporary.chmod(0o600)
    return file, temporary


def test_what_is_added_is_found(cache, tmp_path):
    file, temporary = download(cache, tmp_path)
    assert cache.find(file) is None
    path = cache.add(file, temporary)
    assert cache.find(file) == path
    assert path.name == file.name
    assert path.read_bytes() == b"a wheel"
    assert path.stat().st_mode & 0o777 == 0o644
    assert not temporary.exists()
    assert (path.parent == cache.files) is cache.flat


def test_another_hash_is_removed_and_said(cache, tmp_path, caplog):
    file, temporary = download(cache, tmp_path)
    path = cache.add(file, temporary)
    path.write_bytes(b"a whale")
    assert cache.find(file) is None
    assert not path.exists()
    [said] = [line.getMessage() for line in caplog.records if line.levelno == logging.WARNING]
    for part in (file.name, file.sha256, locked_text(b"a whale")):
        assert part in said
    assert cache.find(file) is None


def locked_text(data):
    import hashlib

    return hashlib.sha256(data).hexdigest()


def test_what_cannot_be_removed_is_not_used(cache, tmp_path, caplog, monkeypatch):
    file, temporary = download(cache, tmp_path)
    cache.add(file, temporary).write_bytes(b"a whale")

    def unlink(path, missing_ok=False):
        raise PermissionError

    monkeypatch.setattr(Path, "unlink", unlink)
    assert cache.find(file) is None
    assert "Ignored in the cache" in caplog.text


def test_a_cache_that_cannot_be_is_no_error(tmp_path):
    (tmp_path / "file").touch()
    for cache in (Cache(), Cache(tmp_path / "file" / "cache"), Cache(Path("/proc/none"))):
        temporary = tmp_path / "download"
        temporary.write_bytes(b"a wheel")
        file = locked(temporary)
        assert cache.folder() is None
        assert cache.find(file) is None
        assert cache.add(file, temporary) == temporary
        assert temporary.exists()


def test_what_killed_downloads_have_left_goes_in_time(cache):
    folder = cache.folder()
    for name, age in (("old", 2), ("new", 0)):
        (folder / name).touch()
        moment = time.time() - age * 24 * 60 * 60
        os.utime(folder / name, (moment, moment))
    assert cache.folder() == folder
    assert folder.name == INCOMING
    assert [path.name for path in folder.iterdir()] == ["new"]


def test_where_it_is(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    own = tmp_path / ".cache" / "eggcrate"
    for value in ("", "relative"):
        monkeypatch.setenv("XDG_CACHE_HOME", value)
        assert Cache.configured() == Cache(own / "files", eggs=own / "eggs")
    monkeypatch.setenv("XDG_CACHE_HOME", "/elsewhere")
    own = Path("/elsewhere/eggcrate")
    assert Cache.configured({}) == Cache(own / "files", eggs=own / "eggs")
    for value, folder in (("cache", "/project/cache/dist"), ("/else", "/else/dist")):
        options = {"directory": "/project", "download-cache": value}
        found = Cache.configured(options)
        assert (found.files, found.flat) == (Path(folder), True)
        assert found.eggs == own / "eggs"


def test_a_user_without_a_home_has_none(monkeypatch):
    def home():
        raise RuntimeError

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", home)
    assert Cache.configured() == Cache()
