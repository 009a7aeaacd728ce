import pytest

from eggcrate.release.checkout import Checkout
from eggcrate.release.errors import ReleaseError
from eggcrate.release.origin import EPOCH, Origin


@pytest.fixture
def root(tmp_path):
    for name in ("etc/production.toml", "etc/secret.toml", "etc/.hidden.toml", "data/a/b.txt"):
        (tmp_path / "project" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "project" / name).touch()
    (tmp_path / "outside").touch()
    return tmp_path / "project"


def origin(root, *patterns, tracked=None, changed=()):
    found = None
    if tracked is not None:
        found = Checkout(root, "f" * 40, 123, tuple(tracked), tuple(changed), ())
    buildout = {"release": {"files": "\n".join(patterns)}} if patterns else {}
    return Origin(root, root / "etc" / "production.cfg", buildout, found)


def test_files_that_are_named(root):
    found = origin(root, "etc/production.toml", "data").files()
    assert found == {
        "data/a/b.txt": root / "data/a/b.txt",
        "etc/production.toml": root / "etc/production.toml",
    }
    assert set(origin(root, "data/**/*.txt").files()) == {"data/a/b.txt"}


def test_files_that_nobody_names(root):
    assert set(origin(root).files()) == {"etc/production.toml", "etc/secret.toml"}


def test_of_a_checkout_only_what_is_tracked(root):
    found = origin(root, "etc/*", "data", tracked=["etc/production.toml", "setup.py"]).files()
    assert set(found) == {"etc/production.toml"}


@pytest.mark.parametrize("pattern", ["../outside", "../*", "etc/../../outside", "/etc/passwd"])
def test_files_elsewhere_are_refused(root, pattern):
    with pytest.raises(ReleaseError, match="that is not in the project"):
        origin(root, pattern).files()


def test_files_that_are_not_there_are_an_error(root):
    with pytest.raises(ReleaseError, match=r"files = none: there is no such file"):
        origin(root, "none").files()


def test_the_date(root, monkeypatch):
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    assert origin(root).time() == EPOCH
    assert origin(root, tracked=[]).time() == 123
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "99")
    assert origin(root, tracked=[]).time() == 99
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "soon")
    with pytest.raises(ReleaseError, match="SOURCE_DATE_EPOCH=soon is no number of seconds"):
        origin(root).time()


def test_what_the_manifest_says_of_it(root):
    assert origin(root).source() == {"config": "etc/production.cfg"}
    assert origin(root, tracked=[], changed=["x"]).source() == {
        "config": "etc/production.cfg", "revision": "f" * 40, "modified": True,
    }  # fmt: skip


def test_a_configuration_that_is_not_there_is_an_error(root):
    with pytest.raises(ReleaseError, match=r"there is no file none\.cfg"):
        Origin.read(root, "none.cfg")
