import hashlib
import json

import pytest

from eggcrate.release.shipped import verify


@pytest.fixture
def release(tmp_path):
    """An unpacked release with a file, a program and a link."""
    root = tmp_path / "release"
    (root / "bin").mkdir(parents=True)
    (root / "code.py").write_bytes(b"code")
    (root / "bin" / "run").write_bytes(b"run")
    (root / "bin" / "run").chmod(0o755)
    (root / "bin" / "walk").symlink_to("run")
    (root / "var").symlink_to("../var")
    files = {
        "code.py": {"sha256": hashlib.sha256(b"code").hexdigest()},
        "bin/run": {"sha256": hashlib.sha256(b"run").hexdigest(), "executable": True},
        "bin/walk": {"link": "run"},
    }
    manifest = {"name": "x", "version": "1", "files": files}
    (root / "release.json").write_text(json.dumps(manifest))
    return root


def test_all_as_made(release, capsys):
    (release / "code.py").chmod(0o444)
    assert verify.main(release) == 0
    assert capsys.readouterr().out == "x 1: 3 files, all as made\n"


def test_var_is_the_operators_own(release):
    (release / "var").unlink()
    (release / "var").mkdir()
    assert verify.main(release) == 0


def remove(path):
    path.unlink()


def replace_by_link(path):
    path.unlink()
    path.symlink_to("elsewhere")


def replace_by_folder(path):
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("code.py", lambda path: path.write_bytes(b"c0de"), "code.py: sha256 "),
        ("code.py", remove, "code.py: missing\n"),
        ("code.py", replace_by_link, "code.py: another link\n"),
        ("code.py", replace_by_folder, "code.py: missing\n"),
        ("bin/run", lambda path: path.chmod(0o644), "bin/run: another mode\n"),
        ("bin/walk", replace_by_link, "bin/walk: another link\n"),
        ("bin/more", lambda path: path.touch(), "bin/more: not of this release\n"),
    ],
)
def test_what_was_changed_is_named(release, capsys, name, change, said):
    change(release / name)
    assert verify.main(release) == 1
    found = capsys.readouterr().out
    assert found.startswith(said)
    assert found.count("\n") == 1
