import contextlib
import os

import pytest

from eggcrate import sources
from support import shop
from support.wheels import sdist, setup_py, wheel


def test_requirements_are_those_of_pyproject_toml(tmp_path):
    assert sources.requirements(tmp_path) == ["setuptools"]
    (tmp_path / "pyproject.toml").write_text("[tool.x]\n")
    assert sources.requirements(tmp_path) == ["setuptools"]
    (tmp_path / "pyproject.toml").write_text("[build-system]\nrequires = ['hatchling', 'x>1']\n")
    assert sources.requirements(tmp_path) == ["hatchling", "x>1"]


def test_at_hand_is_what_runs_if_its_version_will_do(monkeypatch):
    monkeypatch.setattr(sources.metadata, "version", {"setuptools": "80.1", "wheel": "1"}.get)
    assert sources.is_at_hand("setuptools>=61")
    assert sources.is_at_hand("Wheel")
    assert not sources.is_at_hand("setuptools<80")
    assert not sources.is_at_hand("cython")
    assert sources.is_at_hand("cython; python_version < '3'")


def test_the_environment_of_a_build_names_no_index(monkeypatch):
    monkeypatch.setenv("PIP_FIND_LINKS", "/links")
    monkeypatch.setenv("PIP_INDEX_URL", "https://index.example/simple")
    environ = sources.environ(["/a", "/b"])
    assert environ["PYTHONPATH"] == "/a:/b"
    assert environ["PIP_NO_INDEX"] == "1"
    assert environ["PIP_CONFIG_FILE"] == os.devnull
    assert not {"PIP_FIND_LINKS", "PIP_INDEX_URL"} & environ.keys()


def test_closed_is_undone(monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", "https://index.example/simple")
    before = dict(os.environ)
    with contextlib.suppress(ZeroDivisionError), sources.closed(["/a"]):
        assert os.environ["PIP_NO_INDEX"] == "1"
        assert "PIP_INDEX_URL" not in os.environ
        raise ZeroDivisionError
    assert dict(os.environ) == before


def hops(folder, backend="", requires="'setuptools'"):
    """Write a source distribution whose build needs what is told."""
    files = {
        "hops.py": "",
        "setup.py": f"{backend}\n{setup_py('hops', modules=['hops'], requires=['malt'])}",
        "pyproject.toml": f"[build-system]\nrequires = [{requires}]\n",
    }
    return sdist(folder, "hops", files=files)


@pytest.mark.live
def test_a_locked_source_distribution_is_built(pub):
    hops(pub.mirror.folder)
    pub.lock()
    pub.configure("hops", hops="1.0", **shop.PINS)
    pub.build()
    assert pub.eggs == ["hops-1.0", "malt-1.0"]
    pub.imports("hops", "malt")
    pub.build()
    assert pub.mirror.requests == []


@pytest.mark.live
def test_what_a_build_needs_is_locked_and_not_among_the_eggs_of_the_part(pub):
    wheel(pub.mirror.folder, "kettle", files={"kettle.py": ""})
    hops(pub.mirror.folder, "import kettle", "'setuptools>=61', 'kettle'")
    pub.lock()
    pub.configure("hops", hops="1.0", kettle="1.0", **shop.PINS)
    pub.build()
    assert pub.eggs == ["hops-1.0", "kettle-1.0", "malt-1.0"]
    code = "import importlib.util as u; print(u.find_spec('kettle'))"
    assert pub.scratch.run("bin/python", "-c", code).stdout == "None\n"


@pytest.mark.live
def test_what_a_build_needs_does_not_come_from_the_network(pub):
    wheel(pub.mirror.folder, "kettle", files={"kettle.py": ""})
    hops(pub.mirror.folder, "import kettle")  # without saying so
    pub.lock()
    pub.configure("hops", hops="1.0", kettle="1.0", **shop.PINS)
    result = pub.build(code=1)
    assert "No module named 'kettle'" in result.stdout
    assert "hops-1.0.tar.gz cannot be built" in result.stderr


@pytest.mark.live
def test_custom_builds_take_a_locked_source_distribution(pub):
    hops(pub.mirror.folder)
    pub.scratch.write(
        "local.cfg",
        "[buildout]\nparts = hops\n[hops]\nrecipe = zc.recipe.egg:custom\n[versions]\nhops = 1.0\n",
    )
    assert "nothing for a source distribution of hops==1.0" in pub.refuse()
    pub.lock()
    pub.build()
    assert list((pub.scratch.root / "develop-eggs").glob("hops-1.0-*.egg"))


@pytest.mark.live
def test_what_was_built_unlocked_is_named_and_not_used_when_it_must_be_locked(pub):
    hops(pub.mirror.folder)
    text = "parts = hops\n[hops]\nrecipe = zc.recipe.egg:custom\n[versions]\nhops = 1.0\n"
    pub.scratch.write("local.cfg", f"[buildout]\neggcrate = unlocked\n{text}")
    for _ in range(2):
        result = pub.build()
        assert result.stdout.count("so not compared with it: hops 1.0\n") == 1
    pub.scratch.write("local.cfg", f"[buildout]\n{text}")
    assert "nothing for a source distribution of hops==1.0" in pub.refuse()
    pub.lock()
    assert "Not in versions.lock" not in pub.build().stdout
