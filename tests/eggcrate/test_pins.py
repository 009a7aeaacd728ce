import sys
from importlib.metadata import version
from types import SimpleNamespace

import pytest

from eggcrate import pins


def test_differences_names_what_runs_and_what_is_pinned(monkeypatch):
    monkeypatch.setattr(pins, "_running", {"pip": "1", "wheel": "2"}.get)
    monkeypatch.setattr(pins, "TOOLS", ("pip", "wheel"))
    assert pins.differences({"pip": "1", "wheel": "==3"}) == [("wheel", "2", "==3")]
    assert pins.differences({"pip": "==1", "wheel": ">=2"}) == []
    assert pins.differences({}) == []


def test_running_version_is_that_of_the_environment():
    assert pins._running("pytest") == version("pytest")
    assert pins._running("nowhere-to-be-found") == "(none)"


def test_without_a_stamp_nothing_is_overridden(monkeypatch, tmp_path):
    monkeypatch.setattr("sys.prefix", str(tmp_path))
    assert pins.overridden() == []
    (tmp_path / "bootstrap.json").write_text('{"overridden": ["setuptools"]}')
    assert pins.overridden() == ["setuptools"]


class UserError(Exception):
    """Stands for zc.buildout's."""


def test_an_environment_that_bootstrap_has_not_made_is_let_be(monkeypatch, tmp_path):
    fake = SimpleNamespace(buildout=SimpleNamespace(UserError=UserError))
    monkeypatch.setitem(sys.modules, "zc", fake)
    monkeypatch.setitem(sys.modules, "zc.buildout", fake.buildout)
    monkeypatch.setattr("sys.prefix", str(tmp_path))
    buildout = SimpleNamespace(versions={"pip": "0.1"})
    pins.check(buildout)
    (tmp_path / "bootstrap.json").write_text("{}")
    with pytest.raises(UserError, match=r"the build environment has pip .*\(pinned: 0.1\)"):
        pins.check(buildout)
