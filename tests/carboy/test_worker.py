import contextlib
import importlib.util
import os
import resource
import signal
import socket
import subprocess
import sys
import types
from pathlib import Path
from types import SimpleNamespace

import pytest

import carboy
from carboy import options, worker
from carboy.link import Link
from carboy.orders import Orders, environment
from carboy.worker import forget_bytecode, make_application

HELLO = """\
from carboy import options, hooks

def app(environ, start_response):
    start_response("200 OK", [("Content-Length", "3")])
    return [b"one"]

for name in ("generation_started", "worker_started", "worker_stopping"):
    getattr(hooks, name).connect(lambda sender, name=name: print(name, flush=True), weak=False)
"""
# Those whose default is computed are not for workers.
OPTIONS = {o.name: o.default for o in options.OPTIONS if not callable(o.default)}
OPTIONS |= {"debug": False, "reload": False, "threads": 1, "workers": 1, "grace": 5.0}


@pytest.mark.parametrize("name", ["hello.py", "pack/__init__.py"])
def test_bytecode_of_changed_files_is_forgotten(tmp_path, name):
    path = tmp_path / name
    compiled = Path(importlib.util.cache_from_source(str(path)))
    other = compiled.with_name("other.pyc")
    compiled.parent.mkdir(parents=True)
    for file in (path, compiled, other):
        file.touch()
    forget_bytecode([str(path), str(tmp_path / "gone.py"), str(tmp_path / "page.html")])
    assert not compiled.exists()
    assert other.exists()
    assert path.exists()


@pytest.fixture
def module(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setenv("FLASK_DEBUG", "")
    before = set(sys.modules)
    yield tmp_path / "sub" / "hello.py"
    for name in set(sys.modules) - before:
        del sys.modules[name]


@pytest.mark.parametrize("debug", [True, False])
def test_the_application_is_made_in_its_folder(module, debug):
    module.parent.mkdir()
    module.write_text(
        "import os\ndef make(settings):\n    return lambda *_: (os.getcwd(), settings)"
    )
    resolved = SimpleNamespace(
        options=SimpleNamespace(app="hello:make", chdir="sub", debug=debug),
        provenance={"app": SimpleNamespace(layer="command line")},
        settings={"A": 1},
        given=True,
    )
    assert make_application(resolved)() == (str(module.parent), {"A": 1})
    assert os.environ["FLASK_DEBUG"] == ("1" if debug else "0")


@pytest.mark.parametrize(
    ("soft", "limit"), [(20, 16), (64, 48), (1024, 768), (65536, 65280), (-1, 65280)]
)
def test_the_limit_of_connections_leaves_room_for_the_application(monkeypatch, soft, limit):
    monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, soft))
    assert worker._connection_limit() == limit


def raised(call):
    try:
        call()
    except BaseException as error:
        return error
    raise AssertionError("nothing was raised")


def test_files_of_an_error_are_those_that_somebody_may_mend(tmp_path):
    inner, outer, text = (tmp_path / name for name in ("inner.py", "outer.py", "text.py"))

    def chain():
        try:
            exec(compile("1 / 0", str(inner), "exec"))
        except ZeroDivisionError as error:
            code = compile("raise KeyError from e", str(outer), "exec")
            exec(code, {"e": error})

    found = worker._files_of(raised(chain))
    assert found >= {inner, outer}
    assert Path(contextlib.__file__) not in found
    syntax = raised(lambda: compile("def (", str(text), "exec"))
    assert text in worker._files_of(syntax)
    assert worker._files_of(raised(lambda: compile("def (", "<string>", "exec"))) >= {
        Path(__file__).absolute()
    }


def test_own_sources_are_neither_pythons_nor_an_eggs(tmp_path, monkeypatch):
    egg = tmp_path / "x-1.egg"
    monkeypatch.setattr(sys, "path", [str(egg), *sys.path])
    for name, path in [("mine", tmp_path / "mine.py"), ("theirs", egg / "theirs.py")]:
        module = types.ModuleType(name)
        module.__file__ = str(path)
        monkeypatch.setitem(sys.modules, name, module)
    found = worker._own_sources()
    assert str(tmp_path / "mine.py") in found
    assert str(egg / "theirs.py") not in found
    assert os.__file__ not in found


class Child:
    """A worker process, and this test as its master."""

    def __init__(self, folder, **orders):
        self.listener = socket.create_server(("127.0.0.1", 0))
        ours, theirs = socket.socketpair()
        self.link = Link(ours)
        reading, self.lifeline = os.pipe()
        passed = [theirs.fileno(), reading, self.listener.fileno()]
        given = Orders(*passed[:2], passed[2:], 1, OPTIONS | orders.pop("options", {}), **orders)
        base = {k: v for k, v in os.environ.items() if not k.startswith("CARBOY_")}
        base |= {"CARBOY_ROOT": str(folder), "PYTHONPATH": str(Path(carboy.__file__).parents[1])}
        arguments = ["--app", "hello:app", "--env", "testing", "--grace", "5"]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "carboy", *arguments],
            cwd=folder,
            env=environment(base, given),
            pass_fds=passed,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        os.close(reading)
        theirs.close()

    def expect(self, kind):
        message = self.link.wait()
        assert message, f"no {kind!r}: {self.process.communicate(timeout=20)[0]}"
        assert message.kind == kind, message
        return message.fields

    def end(self):
        """Wait for the end; return the exit code and what was printed."""
        output = self.process.communicate(timeout=20)[0]
        return self.process.returncode, output

    def cut_lifeline(self):
        os.close(self.lifeline)
        self.lifeline = -1

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()
        self.link.close()
        self.listener.close()
        if self.lifeline >= 0:
            os.close(self.lifeline)


@pytest.fixture
def start(tmp_path):
    with contextlib.ExitStack() as stack:

        def start(code=HELLO, **orders):
            (tmp_path / "hello.py").write_text(code)
            child = Child(tmp_path, **orders)
            stack.callback(child.close)
            return child

        yield start


def get(child):
    with socket.create_connection(child.listener.getsockname(), timeout=20) as client:
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        answer = b""
        while part := client.recv(65536):
            answer += part
    return answer


@pytest.mark.live
@pytest.mark.parametrize("once", [True, False])
def test_the_life_of_a_worker(start, once):
    child = start()
    child.expect("made")
    child.link.send("prepare", once=once)
    assert child.expect("ready") == {"watch": []}
    assert get(child).endswith(b"one")
    child.link.send("drain", grace=5.0, hand_over=False)
    code, output = child.end()
    first = ["generation_started"] if once else []
    assert (code, output.split()) == (0, [*first, "worker_started", "worker_stopping"])


@pytest.mark.live
def test_sigterm_drains_and_sigint_is_the_masters(start):
    child = start()
    child.expect("made")
    child.process.send_signal(signal.SIGINT)
    child.link.send("prepare", once=False)
    child.expect("ready")
    child.process.send_signal(signal.SIGINT)
    assert get(child).endswith(b"one")
    child.process.send_signal(signal.SIGTERM)
    assert child.end() == (0, "worker_started\nworker_stopping\n")


@pytest.mark.live
def test_another_order_than_to_prepare_ends_it(start):
    child = start()
    child.expect("made")
    child.link.send("drain", grace=5.0, hand_over=True)
    assert child.end() == (1, "")


@pytest.mark.live
@pytest.mark.parametrize(
    ("how", "moment"),
    [
        ("lifeline", "import"),
        ("lifeline", "made"),
        ("lifeline", "ready"),
        ("link", "made"),
        ("link", "ready"),
    ],
)
def test_it_ends_with_its_master(start, moment, how):
    child = start("import time; time.sleep(1000)\n" if moment == "import" else HELLO)
    if moment != "import":
        child.expect("made")
    if moment == "ready":
        child.link.send("prepare", once=False)
        child.expect("ready")
    child.cut_lifeline() if how == "lifeline" else child.link.close()
    assert child.end()[0] == 1


@pytest.mark.live
@pytest.mark.parametrize(
    ("code", "is_user_error", "said"),
    [
        ("1 / 0\n", False, "ZeroDivisionError"),
        ("def app(): pass\n", True, "the factory returned None"),
        ("raise SystemExit('no')\n", False, "SystemExit: no"),
        ("", True, "there is no 'app' in it"),
    ],
)
def test_a_failure_is_reported_and_ends_it(start, tmp_path, code, is_user_error, said):
    child = start(code)
    fields = child.expect("failed")
    assert fields["is_user_error"] is is_user_error
    assert said in fields["text"]
    assert ("Traceback" in fields["text"]) is not is_user_error
    assert is_user_error or str(tmp_path / "hello.py") in fields["files"]
    assert child.end() == (1, "")


@pytest.mark.live
def test_a_hook_that_raises_is_a_failure(start):
    child = start(HELLO + "hooks.worker_started.connect(lambda sender: 1 / 0, weak=False)\n")
    child.expect("made")
    child.link.send("prepare", once=False)
    assert "ZeroDivisionError" in child.expect("failed")["text"]
    assert child.end()[0] == 1


@pytest.mark.live
def test_what_broke_the_last_worker_is_shown_instead(start):
    child = start("raise RuntimeError\n", broken="it was SIGSEGV", options={"reload": True})
    assert "it was SIGSEGV" in child.expect("failed")["text"]
    child.expect("ready")
    assert b"it was SIGSEGV" in get(child)


def test_a_folder_that_only_begins_like_an_egg_is_our_own(monkeypatch):
    monkeypatch.syspath_prepend("/project/some-1.0.egg")
    assert not worker.is_own("/project/some-1.0.egg/some.py")
    assert worker.is_own("/project/some-1.0.egg.py")


def test_own_sources_survive_modules_that_are_none(monkeypatch):
    class Lazy(types.ModuleType):
        @property
        def __file__(self):
            raise ImportError("not installed")

    class Odd(types.ModuleType):
        __file__ = 3

    monkeypatch.setitem(sys.modules, "lazy", Lazy("lazy"))
    monkeypatch.setitem(sys.modules, "odd", Odd("odd"))
    assert worker._own_sources()
