"""The project's own configurations: development, production, and what local.cfg adds."""

import shutil

import pytest

from support.project import FILES
from support.scratch import OF_THE_BUILD, PROJECT, Scratch, share_tools

pytestmark = pytest.mark.live

HELLO = """\
[buildout]
develop += {folder}

[site]
app = hello:app
eggs += hello
"""


@pytest.fixture
def project(tmp_path):
    """A copy of the project that shares its eggs: nothing is to be fetched."""
    if not (PROJECT / "eggs").is_dir():
        pytest.skip("eggs/ is missing: run bin/buildout")
    copy = Scratch.__new__(Scratch)
    copy.root = tmp_path / "project"
    generated = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(PROJECT / "src", copy.root / "src", ignore=generated)
    shutil.copytree(PROJECT / "etc", copy.root / "etc")
    for name in FILES:
        shutil.copy(PROJECT / name, copy.root)
    share_tools(copy.root)
    (copy.root / "eggs").symlink_to(PROJECT / "eggs")
    copy.bootstrap()
    return copy


def commands(project):
    return {path.name for path in (project.root / "bin").iterdir()}


def importable(project, *names):
    code = f"import importlib.util as u; print([n for n in {names!r} if u.find_spec(n)])"
    return project.run("bin/python", "-c", code).stdout.strip()


def test_development_to_production_and_back(project):
    project.buildout()
    assert commands(project) == OF_THE_BUILD | {"serve", "flask", "python", "test"}
    assert importable(project, "flask_debugtoolbar", "ipdb", "pytest") == (
        "['flask_debugtoolbar', 'ipdb', 'pytest']"
    )
    assert "env='development'" in (project.root / "bin/serve").read_text()
    project.buildout("-c", "etc/production.cfg")
    assert commands(project) == OF_THE_BUILD | {"serve", "flask", "python"}
    assert importable(project, "flask_debugtoolbar", "ipdb", "pytest", "webtest") == "[]"
    assert "env='production'" in (project.root / "bin/serve").read_text()
    assert not (project.root / "parts/test").exists()
    project.buildout()
    assert commands(project) == OF_THE_BUILD | {"serve", "flask", "python", "test"}


def test_tests_are_found_from_anywhere(project):
    project.buildout()
    project.write("tests/test_it.py", "def test_it():\n    import flask\n")
    for arguments, folder in (
        ([], project.root),
        ([], "/"),
        (["test_it.py::test_it"], project.root / "tests"),
        (["tests/test_it.py"], "/"),
        ([project.root / "tests"], "/"),
    ):
        assert "1 passed" in project.run("bin/test", "-q", *arguments, cwd=folder).stdout


def test_flask_command_follows_the_environment(project):
    project.buildout()
    text = (project.root / "bin/flask").read_text()
    assert "flask_cli.main(app='portal:create_app', env='development')" in text
    project.run("bin/flask", "routes", cwd="/")


@pytest.mark.parametrize("config", ["buildout.cfg", "etc/production.cfg"])
def test_another_application_through_local_cfg(project, tmp_path, config):
    other = tmp_path / "hello"
    other.mkdir()
    (other / "hello.py").write_text("def app(environ, start_response): ...\n")
    (other / "setup.py").write_text(
        "from setuptools import setup\nsetup(name='hello', version='1', py_modules=['hello'])\n"
    )
    project.write("local.cfg", HELLO.format(folder=other))
    project.buildout("-c", config)
    assert "app='hello:app'" in (project.root / "bin/serve").read_text()
    assert importable(project, "hello", "portal") == "['hello', 'portal']"
