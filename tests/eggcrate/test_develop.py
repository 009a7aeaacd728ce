import pytest

from eggcrate import develop


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, True),
        ("[tool.x]\n", True),
        ("[build-system]\nrequires = ['setuptools>=61', 'wheel']\n", True),
        ("[build-system]\nrequires = ['hatchling']\n", False),
        ("[build-system]\nrequires = ['setuptools', 'cython']\n", False),
    ],
)
def test_buildable(tmp_path, text, expected):
    if text is not None:
        (tmp_path / "pyproject.toml").write_text(text)
    (tmp_path / "setup.py").touch()
    assert develop.buildable(tmp_path) is expected
    assert develop.buildable(tmp_path / "setup.py") is expected


@pytest.mark.live
def test_develop_needs_no_index(scratch):
    unreachable = {"PIP_CONFIG_FILE": "/dev/null", "PIP_INDEX_URL": "http://127.0.0.1:9/simple"}
    scratch.bootstrap()
    scratch.buildout(environ=unreachable)
    scratch.run("bin/carton")
