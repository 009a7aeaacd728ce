"""The reloader under buildout: the failure that this project began with, and that it is gone."""

import contextlib
import http.client
import os
import sys

import pytest

from carboy.monitor import Monitor
from support import project
from support.live import HELLO, save, wait_until
from support.scratch import PROJECT, base_python, run

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(
        not (PROJECT / "bin" / "serve").is_file(), reason="bin/serve is missing: run bin/buildout"
    ),
]

# An interpreter that certainly has no Flask: the host's may have one.
BARE = str(PROJECT / "parts" / "buildout" / "bin" / "python")

INDEX = HELLO + "\nif __name__ == '__main__':\n    app.run(port=0, debug=True, use_reloader=True)\n"

RUN = ["run", "--debug", "--port", "0"]

# Werkzeug reads `sys.orig_argv` today, which happens to lead back to the script with the eggs. For
# most of its life it ran `sys.executable` with `sys.argv`, as other reloaders still do.
AS_IT_WAS = """\
import flask
import sys
import werkzeug._reloader

werkzeug._reloader._get_args_for_reloading = lambda: [sys.executable, *sys.argv]
"""

# Writes what zc.recipe.egg makes of `interpreter = python` when nothing of ours is in its way.
STOCK = """\
import sys
from zc.buildout import easy_install

easy_install.scripts(
    [], [], sys.executable, sys.argv[1], extra_paths=sys.argv[2:], interpreter="python"
)
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A copy of the project in a folder whose name has a space and a letter beyond ASCII."""
    made = project.copy(tmp_path_factory.mktemp("reloader") / "große Flasche")
    made.build()
    return made


@pytest.fixture
def folder(tmp_path):
    """A folder with applications that can be changed."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "hello.py").write_text(HELLO)
    (home / "index.py").write_text(INDEX)
    return home


def check_reload(server, path):
    """See the first response, change the file, see the new response, twice."""
    wait_until(lambda: server.get() == (200, "one"), "the first response")
    # Werkzeug's reloader does not see a save while it starts; each save is a longer file.
    for text in ("number two", "and this is number three"):
        source = path.read_text()
        old = source.partition('return "')[2].partition('"')[0]
        save(path, source.replace(f'"{old}"', f'"{text}"'))
        wait_until(lambda text=text: answer(server) == (200, text), f"{text!r} after the change")


def answer(server):
    """Return the response; None while Werkzeug, unlike bin/serve, refuses or breaks it off."""
    try:
        return server.get()
    except (OSError, http.client.HTTPException):
        if not isinstance(server, project.Program):
            raise
        return None


# --- the failure ---------------------------------------------------------------------------------


def eggs():
    """Return the folders with the eggs: each its own, or one with links to what many hold."""
    return [entry for entry in sys.path if entry.endswith(".egg") or "/eggs-" in entry]


@pytest.fixture
def stock_python(tmp_path):
    """The interpreter of a stock zc.recipe.egg: a script that puts the eggs on its own path."""
    commands = tmp_path / "stock"
    commands.mkdir()
    run([BARE, "-c", STOCK, str(commands), *eggs()], cwd=tmp_path)
    return str(commands / "python")


def test_stock_interpreter_has_the_eggs_but_what_it_starts_has_not(stock_python, tmp_path):
    code = "import flask, subprocess, sys; {}"
    run([stock_python, "-c", code.format("")], cwd=tmp_path)
    child = "sys.exit(subprocess.run([sys.executable, '-c', 'import flask']).returncode)"
    result = run([stock_python, "-c", code.format(child)], cwd=tmp_path, code=1)
    assert "ModuleNotFoundError: No module named 'flask'" in result.stderr


def test_stock_interpreter_does_not_take_the_options_of_a_command(stock_python, folder):
    command = [stock_python, "-m", "flask", "--app", "hello:app", "run", "--debug"]
    assert "GetoptError" in run(command, cwd=folder, code=1).stderr


def test_reloader_under_the_stock_interpreter_fails(stock_python, folder):
    (folder / "index.py").write_text(AS_IT_WAS + INDEX)
    with project.Program(stock_python, "index.py", folder=folder) as server:
        assert server.wait() == 1
        assert "ModuleNotFoundError: No module named 'flask'" in server.output


def test_reloader_under_a_path_set_in_the_script_fails(folder):
    """The other form of old: a script that changes `sys.path` and then runs another."""
    (folder / "index.py").write_text(AS_IT_WAS + INDEX)
    runner = folder / "run.py"
    runner.write_text(
        f"import runpy, sys\nsys.path[0:0] = {eggs()!r}\nsys.argv[:] = ['index.py']\n"
        "runpy.run_path('index.py', run_name='__main__')\n"
    )
    with project.Program(BARE, "-I", "run.py", folder=folder) as server:
        assert server.wait() == 1
        assert "ModuleNotFoundError: No module named 'flask'" in server.output


# --- and that it is gone -------------------------------------------------------------------------


def test_serve_in_the_project(built, folder):
    with built.serve("--app", "hello:app", "--chdir", str(folder)) as server:
        check_reload(server, folder / "hello.py")


def test_serve_found_on_path(built, folder):
    path = f"{built.root / 'bin'}{os.pathsep}{os.environ['PATH']}"
    # A shell looks the command up, as the one of a person does.
    shell = ["/bin/sh", "-c", 'exec serve "$@"', "sh"]
    server = project.Serve(
        "--app", "hello:app", command=shell, folder=folder,
        environ={"PATH": path, "CARBOY_ROOT": ""},
    )  # fmt: skip
    with server:
        check_reload(server, folder / "hello.py")


def test_serve_from_another_folder(built, folder):
    with built.serve("--app", "hello:app", folder=folder) as server:
        check_reload(server, folder / "hello.py")


def test_serve_by_a_relative_path(built, folder):
    command = os.path.relpath(built.command("serve"), folder)
    with built.serve("--app", "hello:app", command=command, folder=folder) as server:
        check_reload(server, folder / "hello.py")


def test_serve_through_a_symlink(built, folder):
    (folder / "my-server").symlink_to(built.command("serve"))
    with built.serve("--app", "hello:app", command="./my-server", folder=folder) as server:
        check_reload(server, folder / "hello.py")


def test_serve_run_by_another_python(built, folder):
    server = project.Serve(
        "--app", "hello:app", command=[base_python(), built.command("serve")], folder=folder,
        environ={"CARBOY_ROOT": ""},
    )  # fmt: skip
    with server:
        check_reload(server, folder / "hello.py")


@pytest.mark.parametrize("notify", [True, False])
def test_a_save_before_the_master_has_heard_what_to_watch(folder, notify):
    """A worker serves already when its list of files arrives: what was saved meanwhile counts."""
    with contextlib.closing(Monitor(notify=notify)) as monitor:
        monitor.watch([folder])
        save(folder / "hello.py", HELLO + "# saved\n")
        monitor.watch([folder / "hello.py", folder / "index.py"])
        assert monitor.changes() == {folder / "hello.py"}


def test_serve_with_the_application_that_ships(built):
    page = built.root / "src" / "portal" / "templates" / "base.html"
    views = built.root / "src" / "portal" / "errors.py"
    with built.serve() as server:
        assert "Straw Bottle" not in server.get("/about")[1]
        save(page, page.read_text().replace("</body>", "<p>Straw Bottle</p></body>"))
        wait_until(lambda: "Straw Bottle" in server.get("/about")[1], "the changed template")
        original = views.read_text()
        save(views, original + "\nraise RuntimeError('spilt')\n")
        wait_until(lambda: "spilt" in server.get("/about")[1], "the error")
        save(views, original)
        wait_until(lambda: server.get("/about")[0] == 200, "the mended code")


def test_reloader_as_it_was(built, folder):
    (folder / "index.py").write_text(AS_IT_WAS + INDEX)
    with project.Program(built.command("python"), "index.py", folder=folder) as server:
        check_reload(server, folder / "index.py")


@pytest.mark.parametrize(
    ("name", "arguments", "changed"),
    [
        ("python", ["index.py"], "index.py"),
        ("python", ["-m", "index"], "index.py"),
        ("python", ["-m", "flask", "--app", "hello:app", *RUN], "hello.py"),
        ("flask", ["--app", "hello:app", *RUN], "hello.py"),
        ("flask", RUN, "hello.py"),
    ],
)
def test_reloader_of_werkzeug(built, folder, name, arguments, changed):
    environ = {} if "--app" in arguments else {"FLASK_APP": "hello:app"}
    command = [built.command(name), *arguments]
    with project.Program(*command, folder=folder, environ=environ) as server:
        check_reload(server, folder / changed)


def test_relative_interpreter(built, folder):
    """`bin/python index.py`, to the letter, in the project's own folder."""
    (built.root / "index.py").write_text(INDEX)
    with project.Program("bin/python", "index.py", folder=built.root) as server:
        check_reload(server, built.root / "index.py")
