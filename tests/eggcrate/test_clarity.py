import pytest

pytestmark = pytest.mark.live

SETUP = """\
from setuptools import setup

setup(
    name="made", py_modules=["made"], entry_points={"zc.buildout": ["default = made:Made"]}
)
"""
RECIPE = """\
import errno, os


class Made:
    def __init__(self, *_):
        pass

    def install(self):
        number = errno.{number}
        raise OSError(number, os.strerror(number), "conf")
"""


@pytest.fixture
def failed(scratch):
    """Return what is said where a recipe ends with an error of the system, by its name."""
    scratch.write("made/setup.py", SETUP)
    scratch.write(
        "local.cfg", "[buildout]\ndevelop += made\nparts += made\n[made]\nrecipe = made\n"
    )
    scratch.bootstrap()

    def fail(number):
        scratch.write("made/made.py", RECIPE.format(number=number))
        return scratch.buildout(code=1).stderr

    return fail


@pytest.mark.parametrize("number", ["ENOSPC", "EACCES", "EROFS"])
def test_a_fault_of_the_machine_is_one_line(scratch, failed, number):
    said = failed(number)
    assert said.splitlines()[-1].startswith("Error: conf: ")
    assert "Installing made." in said
    assert "Traceback" not in said
    (scratch.root / "local.cfg").unlink()
    scratch.buildout()
    scratch.run("bin/carton")


def test_the_mistake_of_a_recipe_keeps_its_traceback(failed):
    said = failed("ENOENT")
    assert "Traceback" in said
    assert "FileNotFoundError" in said
