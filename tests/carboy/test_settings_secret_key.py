import os
import subprocess
import sys
from pathlib import Path

import pytest

import carboy
from carboy.settings import secret_key
from carboy.settings.secret_key import development_key


def names_in(folder):
    return [path.name for path in folder.iterdir()]


def test_made_once_with_mode_0600(tmp_path):
    key = development_key(tmp_path)
    path = tmp_path / "var/secret_key"
    assert len(key) == 64
    assert path.read_text() == key + "\n"
    assert path.stat().st_mode & 0o777 == 0o600
    assert development_key(tmp_path) == key
    assert names_in(tmp_path / "var") == ["secret_key"]


def test_processes_that_start_at_once_agree(tmp_path):
    source = Path(carboy.__file__).parents[1]
    code = (
        f"import sys; sys.path.insert(0, {str(source)!r})\n"
        "from pathlib import Path\n"
        "from carboy.settings.secret_key import development_key\n"
        "print('ready', flush=True); sys.stdin.read()\n"
        f"print(development_key(Path({str(tmp_path)!r})))"
    )
    children = [
        subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(6)
    ]
    for child in children:
        assert child.stdout.readline() == "ready\n"
    for child in children:
        child.stdin.close()
    keys = {child.stdout.read() for child in children}
    for child in children:
        child.stdout.close()
        assert child.wait(timeout=30) == 0
    assert len(keys) == 1
    assert names_in(tmp_path / "var") == ["secret_key"]


def test_file_system_without_links(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    key = development_key(tmp_path)
    assert development_key(tmp_path) == key
    assert names_in(tmp_path / "var") == ["secret_key"]


@pytest.mark.parametrize("content", [b"", b"short\n", b"\xff" * 64])
def test_damaged(tmp_path, content):
    (tmp_path / "var").mkdir()
    (tmp_path / "var/secret_key").write_bytes(content)
    with pytest.raises(ValueError, match="var/secret_key"):
        development_key(tmp_path)


def test_place_that_is_no_folder(tmp_path):
    (tmp_path / "var").touch()
    with pytest.raises(ValueError, match=r"cannot be used: .*; give a SECRET_KEY"):
        development_key(tmp_path)


def test_testing_key_lasts_as_long_as_the_process():
    assert secret_key.testing_key() == secret_key.testing_key()
