"""Runs that are followed by another one, and what they leave for it."""

import json
import shutil

import pytest

from eggcrate import fingerprint
from support.settled import LOCAL, STILL, build

pytestmark = pytest.mark.live


def test_what_has_changed_is_made(still):
    still.write("page.in", "another text\n")
    build(still)
    assert (still.root / "parts/page.out").read_text() == "another text\n"
    still.write("local.cfg", LOCAL + "[carton]\nscripts = carton=box\n")
    build(still)
    assert (still.root / "bin/box").is_file()
    assert not (still.root / "bin/carton").exists()
    (still.root / "local.cfg").rename(still.root / "aside.cfg")
    assert "render" in still.buildout(code=1).stderr  # which has no pin now
    (still.root / "aside.cfg").rename(still.root / "local.cfg")
    build(still)
    assert build(still) == STILL


def test_a_failed_run_is_followed_by_a_whole_one(still):
    good = (still.root / "setup.py").read_text()
    still.write("setup.py", "raise SystemExit(1)\n")
    build(still, code=1)
    still.write("setup.py", good)
    assert build(still) != STILL
    assert build(still) == STILL


def test_what_is_saved_during_a_run_is_not_taken_for_built(still):
    still.write("local.cfg", LOCAL.replace("[page]\n", "[page]\ntouch = base.cfg\n", 1))
    for _ in range(2):
        assert build(still) != STILL
    still.write("local.cfg", LOCAL)
    build(still)
    assert build(still) == STILL


def test_a_recipe_may_run_buildout(still):
    still.write(
        "local.cfg", LOCAL.replace("[page]\n", "[page]\nrun = bin/buildout install carton\n")
    )
    said = build(still)
    assert said.count("carton.") == 2
    assert "Another run" not in said


def test_a_run_of_one_part_is_followed_by_a_whole_one(still):
    build(still, "install", "carton")
    assert build(still) != STILL


def test_arguments_have_their_own(still):
    assert build(still, "-N") != STILL
    assert build(still, "-N") == STILL
    assert build(still) != STILL
    assert build(still, "-q") == ""
    assert is_quiet(still)
    for _ in range(2):
        assert "Configuration data" in build(still, "-vv")
        assert "Updating carton." in build(still, "-v")


def is_quiet(project):
    identity = fingerprint.identity(project.root, ["-q"])
    record = json.loads((project.root / fingerprint.PLACE).read_text())
    return record["said"] == [] and record["identity"]["arguments"] == identity["arguments"]


def test_what_warns_in_every_run_is_said_again(still):
    still.write("local.cfg", LOCAL.replace("[buildout]", "[buildout]\nspelt-wrongly = 1"))
    [warning] = [line for line in build(still).splitlines() if "unused option" in line]
    # Only now it is known that the warning was not about something that this run has mended.
    assert not build(still).endswith(STILL)
    said = build(still)
    assert said.endswith(STILL)
    assert warning in said.splitlines()
    still.write("local.cfg", LOCAL)
    build(still)
    build(still)
    assert build(still) == STILL


def test_a_copy_of_the_project_is_another_one(still, tmp_path):
    shutil.copytree(still.root, tmp_path / "copy", symlinks=True)
    still.root = tmp_path / "copy"
    still.bootstrap()
    assert build(still) != STILL
