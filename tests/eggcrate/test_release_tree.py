import subprocess
import sys
from pathlib import Path

import pytest

from eggcrate import environment, launcher
from eggcrate.release import parts, tree
from eggcrate.release.errors import ReleaseError
from eggcrate.release.own import Own
from eggcrate.release.parts import Built
from eggcrate.release.target import Target

CARTON = "import sys, other\ndef main(*given): print(given, sys.prefix, other.__file__)\n"


class Place:
    """What a build leaves: a part with two eggs, of which one is the project's own."""

    def __init__(self, root):
        self.root = root
        self.project = root / "project"
        self.own = Own("carton", "1.0", self.project, self.egg("carton", CARTON))
        self.part(self.egg("other", "x = 1\n"), self.own.egg)
        self.command("carton", "'a'")

    def egg(self, name, text):
        egg = self.root / "eggs" / f"{name}-1.0-py3.egg"
        egg.mkdir(parents=True)
        (egg / f"{name}.py").write_text(text)
        (egg / ".mark").touch()
        (egg / "__pycache__").mkdir()
        (egg / "__pycache__" / "old.cpython-20.pyc").touch()
        return egg

    def part(self, *folders, initialization=""):
        search = environment.SearchPath(tuple(map(str, folders)))
        path = self.root / "built" / "parts" / "app"
        path.parent.mkdir(parents=True, exist_ok=True)
        environment.write(path, environment.Base.current(), search, initialization)

    @property
    def built(self):
        return parts.read(self.root / "built")

    def command(self, name, arguments="", *, relative=True):
        commands = self.built.commands
        commands.mkdir(exist_ok=True)
        target = parts.target(self.built.parts[0], commands)
        if not relative:
            target = launcher.Target(target.environment, target.inside)
        text = launcher.call(target, "carton", "main", arguments)
        (commands / name).write_text(text)

    def lay_out(self):
        target = Target.current(())
        return tree.lay_out(self.root / "release", self.built, target, [self.own], self.project)

    def release(self):
        """Write what is laid out to a folder, as if it had been packed and unpacked."""
        for member in self.lay_out().members():
            path = self.root / "unpacked it's" / member.name
            path.parent.mkdir(parents=True, exist_ok=True)
            if member.target is not None:
                path.symlink_to(member.target)
            else:
                path.write_bytes(member.read())
                path.chmod(0o755 if member.executable else 0o644)
        return self.root / "unpacked it's"


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def test_a_command_runs_in_the_release(place):
    root = place.release()
    said = subprocess.check_output([root / "bin" / "carton"], text=True, cwd="/")
    assert said.startswith(f"('a',) {root}/parts/app {root}/")
    assert said.endswith("/other.py\n")


def test_what_is_in_it(place):
    root = place.release()
    found = {str(path.relative_to(root)) for path in root.rglob("*") if not path.is_dir()}
    outside = {name for name in found if not name.startswith("parts/")}
    tag = sys.implementation.cache_tag
    assert outside == {
        "bin/carton", "bin/verify", "var",
        "eggs/carton-1.0-py3.egg/carton.py", "eggs/other-1.0-py3.egg/other.py",
        f"eggs/carton-1.0-py3.egg/__pycache__/carton.{tag}.pyc",
        f"eggs/other-1.0-py3.egg/__pycache__/other.{tag}.pyc",
    }  # fmt: skip
    assert (root / "var").readlink() == Path("../var")


def test_the_projects_own_comes_first(place):
    place.lay_out()
    search = environment.read(place.root / "release" / "parts" / "app")
    assert [Path(folder).name for folder in search.folders] == [
        "carton-1.0-py3.egg", "other-1.0-py3.egg",
    ]  # fmt: skip


def test_initialization_is_kept(place):
    place.part(place.own.egg, initialization="import builtins\nbuiltins.initialized = 5\n")
    root = place.release()
    python = root / "parts" / "app" / "bin" / "start"
    assert subprocess.check_output([python, "-c", "print(initialized)"], text=True) == "5\n"


def test_a_program_of_an_egg_is_linked_to(place):
    program = place.own.egg / "bin" / "tool"
    program.parent.mkdir()
    program.write_bytes(b"\x7fELF")
    program.chmod(0o755)
    (place.built.commands / "tool").symlink_to(program)
    root = place.release()
    assert (root / "bin" / "tool").readlink() == Path("../eggs/carton-1.0-py3.egg/bin/tool")
    assert (root / "bin" / "tool").stat().st_mode & 0o100


def test_a_link_to_elsewhere_is_refused(place):
    (place.built.commands / "tool").symlink_to("/usr/bin/env")
    with pytest.raises(ReleaseError, match="bin/tool is a link out of the release"):
        place.lay_out()


def test_folders_of_this_machine_are_refused(place):
    place.command("carton", f"'{place.project}/data'")
    with pytest.raises(ReleaseError, match="bin/carton names a folder of this machine"):
        place.lay_out()


def test_folders_of_this_machine_in_an_initialization_are_refused(place):
    place.part(place.own.egg, initialization=f"import os\nos.chdir('{place.project}')\n")
    with pytest.raises(ReleaseError, match=r"initialization\.py names a folder of this machine"):
        place.lay_out()


def test_a_command_that_cannot_be_moved_is_refused(place):
    place.command("carton", relative=False)
    with pytest.raises(ReleaseError, match="bin/carton cannot be moved"):
        place.lay_out()


def test_sources_on_the_path_are_refused(place):
    (place.root / "src").mkdir()
    place.part(place.own.egg, place.root / "src")
    with pytest.raises(ReleaseError, match="is on the path of a part, but it is no egg"):
        place.lay_out()


def test_two_eggs_of_one_name_are_refused(place):
    other = place.root / "more" / place.own.egg.name
    other.mkdir(parents=True)
    place.part(place.own.egg, other)
    with pytest.raises(ReleaseError, match="two eggs of one name"):
        place.lay_out()


def test_a_configuration_without_commands_is_refused(place):
    built = Built(place.built.place, (), ())
    with pytest.raises(ReleaseError, match="nothing to release"):
        tree.lay_out(place.root / "release", built, Target.current(()), [], place.project)


def test_settings_are_an_etc_in_any_case(tmp_path):
    (tmp_path / "hook").write_text("#!/bin/sh\n")
    (tmp_path / "hook").chmod(0o755)
    found = {member.name: member for member in tree.settings({"etc/hook": tmp_path / "hook"})}
    assert found["etc"].data is None
    assert found["etc/hook"].executable
