import io
import os
import socket
import sys
from pathlib import Path

import pytest

import carboy.settings
from carboy.commands import check

APP = "def app(environ, start_response): return []\n"


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Check what the arguments resolve to; return the exit code and the lines."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setenv("FLASK_DEBUG", "")
    monkeypatch.setenv("CARBOY_ROOT", str(tmp_path))
    modules = set(sys.modules)

    def run(code=APP, *, binds=("127.0.0.1:0",), name="hello:app", **more):
        Path("hello.py").write_text(code)
        arguments = {"app": name, "options": {"bind": binds}, "environ": {}, "root": tmp_path}
        resolved = carboy.settings.resolve(**arguments | more, cwd=tmp_path, strict=False)
        stream = io.StringIO()
        code = check.run(resolved, stream=stream)
        return code, stream.getvalue().splitlines()

    yield run
    assert Path.cwd() == tmp_path
    for name in set(sys.modules) - modules:
        del sys.modules[name]


def test_nothing_wrong(run):
    assert run() == (0, ["ready to serve hello:app (development)"])


def test_the_sockets_are_free_again(run):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    for _ in range(2):
        assert run(binds=(f"127.0.0.1:{port}", "unix:s"))[0] == 0
    assert not Path("s").exists()


@pytest.mark.parametrize("name", ["hello:app", None])
def test_everything_that_is_wrong_at_once(run, name):
    Path("file").touch()
    Path("settings.toml").touch()
    code, lines = run(
        "1 / 0\n",
        name=name,
        binds=("unix:file", "127.0.0.1:http", "192.0.2.1:0"),
        sets=["TESTING=maybe", "bad"],
        options={"bind": ("unix:file", "192.0.2.1:0"), "debug": False},
    )
    text = "\n".join(lines)
    assert code == 1
    for said in ("TESTING", "bad", "unix:file", "192.0.2.1:0", "ZeroDivisionError" if name else ""):
        assert said in text
    assert "--app MODULE:NAME" in text or name
    assert len(lines) == len(set(lines)) == 5


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("1 / 0\n", "application: ZeroDivisionError: division by zero (/"),
        ("\ndef (\n", "hello.py:2)"),
        ("raise RuntimeError('one\\ntwo')\n", "application: RuntimeError: one two ("),
        ("raise SystemExit(3)\n", "application: SystemExit: 3 ("),
        ("def app(): pass\n", "--app hello:app: the factory returned None"),
        ("def app(settings): return settings['NOT_SET']\n", "KeyError: 'NOT_SET'"),
        ("import carboy.nowhere\n", "No module named 'carboy.nowhere' ("),
        ("", "--app hello:app: there is no 'app' in it"),
    ],
)
def test_an_application_that_cannot_be_made_is_one_line(run, code, said):
    exit_code, lines = run(code)
    assert exit_code == 1
    assert len(lines) == 1
    assert said in lines[0]


def test_an_application_elsewhere(run, tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "there.py").write_text("import os\napp = None\n" + APP)
    assert run(name="there:app", options={"chdir": "sub", "bind": (":0",)})[0] == 0
    code, lines = run(name="there:app", options={"chdir": "nowhere", "bind": (":0",)})
    assert (code, len(lines)) == (1, 1)
    assert "--chdir nowhere" in lines[0]


def test_every_setting_reaches_the_factory(run):
    code = "def app(settings):\n    assert settings['SITE'] == 'x'\n    return lambda a, b: []\n"
    assert run(code, sets=["SITE=x"]) == (0, ["ready to serve hello:app (development)"])


def test_production_wants_a_real_secret_key(run):
    code, lines = run(env="production", environ={"CARBOY_SECRET_KEY": "dev"})
    assert code == 1
    assert any("SECRET_KEY" in line for line in lines)


def test_settings_that_cannot_be_read(run, tmp_path, monkeypatch):
    (tmp_path / "mine.toml").write_text("A = 1\n")
    monkeypatch.setattr(os, "access", lambda path, _mode: path.name != "mine.toml")
    code, lines = run(files=["mine.toml"])
    assert (code, lines) == (1, [f"settings: {tmp_path / 'mine.toml'} cannot be read"])


def test_what_is_written_beside_serving_can_be(run, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    (tmp_path / "pid").write_text(f"{os.getppid()}\n")
    options = {"status": "192.0.2.1:0", "access_log": "file/access.log", "pid_file": "pid"}
    code, lines = run(options=options)
    assert code == 1
    for said in (
        "192.0.2.1:0",
        f"access log: {tmp_path}/file/access.log cannot be made in {tmp_path}/file",
        f"pid file {tmp_path}/pid: process {os.getppid()} is running",
    ):
        assert any(said in line for line in lines), lines
    assert len(lines) == 3
    monkeypatch.setattr(os, "access", lambda _path, mode: not mode & os.W_OK)
    code, lines = run(options={"access_log": str(tmp_path), "pid_file": "file"})
    assert lines == [
        f"access log: {tmp_path} is a folder",
        f"pid file: {tmp_path}/file cannot be written",
    ]


def test_what_will_be_written_is_not_made_by_looking(run, tmp_path):
    options = {"status": "127.0.0.1:0", "access_log": "access.log", "pid_file": "run/pid"}
    assert run(options=options)[0] == 0
    assert {path.name for path in tmp_path.iterdir()} <= {"hello.py", "__pycache__"}


def test_what_is_wrong_with_a_socket_is_not_said_of_the_application(run):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        code, (line,) = run(binds=(f"fd://{ours.fileno()}",))
    assert code == 1
    assert not line.startswith("application")


def test_interrupting_is_not_a_problem_of_the_application(run):
    with pytest.raises(KeyboardInterrupt):
        run("raise KeyboardInterrupt\n")


def test_checking_leaves_an_inherited_socket_with_its_owner(run):
    with socket.socket(socket.AF_UNIX) as owned:
        owned.bind("s")
        owned.listen()
        assert run(binds=(f"fd://{owned.fileno()}",))[0] == 0
        assert Path("s").exists()
