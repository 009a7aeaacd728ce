import pytest

pytestmark = pytest.mark.live


def test_a_build_that_fails_leaves_the_commands(scratch):
    scratch.build()
    scratch.write("local.cfg", "[carton]\neggs =\n    carton\n    nowhere-to-be-found\n")
    scratch.buildout("buildout:index=file:///nowhere/", code=1)
    scratch.run("bin/carton")
    scratch.run("bin/python", "-c", "import carton")
    (scratch.root / "local.cfg").unlink()
    scratch.buildout()
    scratch.run("bin/carton")
    assert not (scratch.root / "parts/replaced.json").exists()


def test_a_renamed_command_goes_when_the_build_has_succeeded(scratch):
    scratch.build()
    part = "[carton]\nscripts = carton=box\neggs =\n    carton\n    nowhere-to-be-found\n"
    scratch.write("local.cfg", part)
    scratch.buildout("buildout:index=file:///nowhere/", code=1)
    assert (scratch.root / "bin/carton").is_file()
    scratch.write("local.cfg", "[carton]\nscripts = carton=box\n")
    scratch.buildout()
    assert not (scratch.root / "bin/carton").exists()
    scratch.run("bin/box")
