import json
import os
import shutil

import pytest

from eggcrate import environment, generate
from support.scratch import OF_THE_BUILD

pytestmark = pytest.mark.live


def said(result):
    return json.loads(result.stdout)


def test_script_calls_its_entry_point(built):
    found = said(built.run("bin/carton", "a b", ""))
    assert found["argv"] == [str(built.root / "bin/carton"), "a b", ""]
    assert found["args"] == [1]
    assert found["kwargs"] == {"word": "two"}
    assert found["executable"] == str(built.root / "parts/carton/bin/python")


def test_script_from_elsewhere(built, tmp_path):
    link = tmp_path / "link ü"
    link.symlink_to(built.root / "bin/carton")
    assert said(built.run(str(link), cwd="/"))["argv"] == [str(link)]
    path = f"{built.root}/bin{os.pathsep}{os.environ['PATH']}"
    found = said(built.run("/usr/bin/env", "carton", cwd="/", environ={"PATH": path}))
    assert found["argv"] == [str(built.root / "bin/carton")]
    found = said(built.run("/bin/sh", "carton", cwd=built.root / "bin"))
    assert found["executable"] == str(built.root / "parts/carton/bin/python")


def test_script_run_by_another_python_ends_in_its_own(built):
    from support.scratch import base_python

    for command in ([base_python()], [base_python(), "-I"], ["bin/python"]):
        found = said(built.run(*command, built.root / "bin/carton", "x", cwd=built.root))
        assert found["argv"] == [str(built.root / "bin/carton"), "x"]
        assert found["path"].count(str(built.root / "src")) == 1


def test_script_in_the_c_locale(built):
    built.run("bin/carton", environ={"LC_ALL": "C", "LANG": "C"})


def test_scripts_do_not_depend_on_the_umask(scratch):
    old = os.umask(0o077)
    try:
        scratch.build()
    finally:
        os.umask(old)
    for name in ("buildout", "carton", "python"):
        assert (scratch.root / "bin" / name).stat().st_mode & 0o777 == 0o755


SPAWN = """\
import multiprocessing
import os

def work(number):
    return number * 2, os.environ.get("MARK")

def main():
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        print(pool.map(work, [1]))
"""


def test_script_survives_multiprocessing_spawn(scratch):
    scratch.write("src/carton.py", SPAWN)
    part = "[carton]\narguments =\ninitialization =\n    import os\n    os.environ['MARK'] = 'm'\n"
    scratch.write("local.cfg", part)
    scratch.build()
    assert scratch.run("bin/carton").stdout == "[(2, 'm')]\n"


def test_initialization_of_an_interpreter_runs_at_its_start(scratch):
    scratch.write(
        "local.cfg", "[python]\ninitialization =\n    import os\n    os.environ['MARK'] = 'i'\n"
    )
    scratch.build()
    code = "import os; print(os.environ.get('MARK'))"
    assert scratch.run("bin/python", "-c", code).stdout == "i\n"


def test_what_initialization_defines_is_there(scratch):
    """As in the README of zc.recipe.egg, with an interpreter beside the command."""
    scratch.write(
        "local.cfg",
        "[carton]\ninterpreter = py\narguments = a, word=_b\ninitialization =\n"
        "    import os\n    a = (1, 2,\n    3)\n    _b = os.path.basename('x/y')\n",
    )
    scratch.build()
    found = said(scratch.run("bin/carton"))
    assert (found["args"], found["kwargs"]) == ([[1, 2, 3]], {"word": "y"})
    assert scratch.run("bin/py", "-c", "print(a, __name__)").stdout == "(1, 2, 3) __main__\n"
    program = scratch.write("program.py", "print(a, os.sep, __file__)\n")
    assert scratch.run("bin/py", "program.py").stdout.endswith("/ " + str(program) + "\n")


def test_a_command_may_have_the_name_of_a_module(scratch):
    scratch.write("local.cfg", "[carton]\nscripts = carton=carton.py\n")
    scratch.build()
    commands = scratch.root / "bin"
    assert str(commands) not in said(scratch.run("bin/carton.py"))["path"]
    scratch.run("bin/python", "bin/carton.py", cwd=scratch.root)
    assert not (commands / "__pycache__").exists()


def test_extra_paths_and_renamed_scripts(scratch, tmp_path):
    scratch.write(
        "local.cfg", f"[carton]\nscripts = carton=box\nextra-paths =\n    {tmp_path}\n    lib\n"
    )
    (scratch.root / "lib").mkdir()
    scratch.build()
    path = said(scratch.run("bin/box"))["path"]
    assert path[-2:] == [str(tmp_path), str(scratch.root / "lib")]


@pytest.mark.skipif(not shutil.which("readlink"), reason="no readlink on this machine")
def test_relative_paths_survive_a_move(scratch):
    scratch.write("local.cfg", "[buildout]\nrelative-paths = true\n")
    scratch.build()
    scratch.root = scratch.root.rename(scratch.root.with_name("moved ü"))
    (scratch.root / "link").symlink_to("bin/carton")
    found = said(scratch.run("./link"))
    assert found["prefix"] == str(scratch.root / "bin/../parts/carton") or found["prefix"] == str(
        scratch.root / "parts/carton"
    )
    assert str(scratch.root / "src") in found["path"]
    scratch.run("bin/python", "-c", "import carton")


def test_second_build_changes_no_command(scratch):
    scratch.build()
    kept = [scratch.root / "bin", scratch.root / "parts/carton", scratch.root / "parts/python"]

    def snapshot():
        return {f: f.lstat().st_mtime_ns for top in kept for f in top.rglob("*")}

    before = snapshot()
    scratch.buildout()
    assert snapshot() == before


def test_buildout_builds_its_own_project_from_anywhere(scratch):
    scratch.write("etc/small.cfg", "[buildout]\nextends = ../buildout.cfg\nparts = python\n")
    scratch.write("local.cfg", "[carton]\nscripts = carton=local\n")
    scratch.build()
    assert (scratch.root / "bin/local").is_file()
    scratch.buildout("-c", "small.cfg", cwd=scratch.root / "etc")
    assert {p.name for p in (scratch.root / "bin").iterdir()} == {*OF_THE_BUILD, "python"}
    assert not (scratch.root / "parts/carton").exists()
    assert not (scratch.root / "etc/bin").exists()
    scratch.buildout(cwd="/")
    assert (scratch.root / "bin/local").is_file()


def test_an_unknown_zc_buildout_is_an_error(scratch):
    scratch.bootstrap()
    [module] = scratch.root.glob("parts/buildout/lib/*/site-packages/zc/buildout/easy_install.py")
    text = module.read_text()
    module.unlink()  # a hard link to the project's own
    module.write_text(text.replace("def _pyscript(path,", "def _pyscript(paths,"))
    result = scratch.buildout(code=1)
    assert "eggcrate does not know zc.buildout 6." in result.stderr
    assert "has no zc.buildout.easy_install._pyscript(" in result.stderr


class Options(dict):
    name = "part"


def test_a_recipe_may_want_several_sets_of_eggs(tmp_path):
    generator = generate.Generator(tmp_path)
    one, two = environment.SearchPath(("/a",)), environment.SearchPath(("/b",))

    def install():
        return [generator._environment(search).name for search in (one, two, one)]

    options = Options(recipe="zc.recipe.egg:scripts")
    call = generator.call(lambda options, f: f())
    assert call(options, install) == call(options, install) == ["part", "part-2", "part"]


def test_another_recipe_has_the_folder_of_its_part_for_itself(tmp_path):
    generator = generate.Generator(tmp_path)
    found = generator.call(lambda options, f: f())(
        Options(recipe="zc.recipe.eggs"), lambda: generator._environment(environment.SearchPath())
    )
    assert found == tmp_path / "part.eggs"


def test_split_keeps_what_must_be_first():
    before, after = generate.split(
        "#!python\n'doc'\nfrom __future__ import annotations\nimport os\n"
    )
    assert before == "'doc'\nfrom __future__ import annotations\n"
    assert after == "import os\n"
    assert generate.split("#!python\nprint()\n") == ("print()\n", "")
