"""Prompts under the development server: pdb and ipdb in a view, shells, the browser's console."""

import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import threading
import urllib.parse

import pytest

from support import project
from support.live import save, serving, wait_until
from support.scratch import PROJECT
from support.terminal import Terminal

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(
        not (PROJECT / "bin" / "serve").is_file(), reason="bin/serve is missing: run bin/buildout"
    ),
]

SERVE = str(PROJECT / "bin" / "serve")
VIEW = """\
from flask import Flask

app = Flask(__name__)

@app.route("/")
def index():
    bottles = 41
    {}
    return f"{{bottles}} bottles"

@app.route("/boom")
def boom():
    bottles = 41
    return bottles / 0
"""
DEBUGGERS = [
    ("breakpoint()", r"\(Pdb\) ", "\n"),
    # prompt_toolkit takes the line feed for Ctrl-J.
    ("import ipdb; ipdb.set_trace()", r"ipdb> ?", "\r"),
]


class Request(threading.Thread):
    """A request that waits while somebody sits at a prompt."""

    def __init__(self, port, path="/"):
        super().__init__(daemon=True)
        self.port, self.path, self.body = port, path, None
        self.start()

    def run(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection.request("GET", self.path)
            self.body = connection.getresponse().read().decode()
        connection.close()

    def answer(self):
        self.join(30)
        return self.body


@contextlib.contextmanager
def terminal(folder, call, **environ):
    """A terminal at which bin/serve serves a view that makes `call`."""
    (folder / "hello.py").write_text(VIEW.format(call))
    # This terminal does not tell where its cursor is, and ipdb would wait for that.
    environ = {"CARBOY_ROOT": str(folder), "PROMPT_TOOLKIT_NO_CPR": "1", **environ}
    command = (SERVE, "--app", "hello:app", "--bind", "127.0.0.1:0")
    with Terminal(*command, folder=folder, environ=environ) as screen:
        screen.wait_for("ready in")
        yield screen


# --- in a view -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("call", "prompt", "enter"), DEBUGGERS, ids=["pdb", "ipdb"])
def test_a_prompt_in_a_view(tmp_path, call, prompt, enter):
    with terminal(tmp_path, call) as screen:
        talk(screen, prompt, enter, start=0)
        # and in the worker that comes after a reload
        start = len(screen.text)
        save(tmp_path / "hello.py", VIEW.format(call).replace('bottles"', 'straw bottles"'))
        screen.wait_for("reloaded in", since=start)
        assert talk(screen, prompt, enter, start=start) == "42 straw bottles"
        assert screen.echoes()
        screen.type("\x03")
        assert screen.wait() == 0
        assert screen.echoes()


def talk(screen, prompt, enter, start):
    """Ask for the page, look at a variable and change it at the prompt, return the answer."""
    request = Request(screen.port)
    screen.wait_for(prompt, since=start)
    screen.type(f"bottles + 100{enter}")
    screen.wait_for(r"\b141\b")
    screen.wait_for(prompt)
    screen.type(f"bottles = 42{enter}")
    screen.wait_for(prompt)
    screen.type(f"c{enter}")
    answer = request.answer()
    assert answer.startswith("42 ")
    return answer


def test_other_requests_are_answered_while_one_is_at_a_prompt(tmp_path):
    with terminal(tmp_path, "breakpoint()") as screen:
        request = Request(screen.port)
        screen.wait_for(r"\(Pdb\) ", since=0)
        assert "ZeroDivisionError" in Request(screen.port, "/boom").answer()
        screen.type("c\n")
        assert request.answer() == "41 bottles"


def test_ctrl_c_stops_the_server(tmp_path):
    with terminal(tmp_path, "pass") as screen:
        assert Request(screen.port).answer() == "41 bottles"
        screen.type("\x03")
        assert screen.wait() == 0
        assert screen.echoes()
        assert "Traceback" not in screen.text


def test_ctrl_c_at_a_prompt_stops_the_server_and_leaves_the_terminal_usable(tmp_path):
    with terminal(tmp_path, "breakpoint()", CARBOY_GRACE="0.5") as screen:
        Request(screen.port)
        screen.wait_for(r"\(Pdb\) ", since=0)
        wait_until(lambda: not screen.echoes(), "the prompt, which echoes by itself")
        screen.type("\x03")
        assert screen.wait() == 0
        assert screen.echoes()


def test_ctrl_c_at_ipdb_clears_the_line(tmp_path):
    with terminal(tmp_path, "import ipdb; ipdb.set_trace()") as screen:
        request = Request(screen.port)
        screen.wait_for("ipdb>", since=0)
        wait_until(lambda: not screen.echoes(), "the prompt, which echoes by itself")
        screen.type("bottles = 43\x03bottles + 100\r")
        screen.wait_for(r"\b141\b")
        screen.type("c\r")
        assert request.answer() == "41 bottles"
        wait_until(screen.echoes, "the end of the prompt")
        screen.type("\x03")
        assert screen.wait() == 0


@pytest.mark.parametrize(("call", "prompt", "enter"), DEBUGGERS, ids=["pdb", "ipdb"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_worker_at_a_prompt(tmp_path, call, prompt, enter, number):
    with terminal(tmp_path, call, CARBOY_GRACE="0.5") as screen:
        Request(screen.port)
        screen.wait_for(prompt, since=0)
        wait_until(lambda: not screen.echoes(), "the prompt, which echoes by itself")
        screen.process.send_signal(number)
        assert screen.wait() == 0
        assert screen.echoes()


def test_a_prompt_that_outlives_a_reload_leaves_the_terminal_usable(tmp_path):
    with terminal(tmp_path, "breakpoint()", CARBOY_GRACE="0.5") as screen:
        Request(screen.port)
        screen.wait_for(r"\(Pdb\) ", since=0)
        wait_until(lambda: not screen.echoes(), "the prompt, which echoes by itself")
        save(tmp_path / "hello.py", VIEW.format("pass"))
        screen.wait_for("reloaded in", since=0)
        wait_until(screen.echoes, "the end of the old worker, whose grace is over")
        assert Request(screen.port).answer() == "41 bottles"


# --- shells --------------------------------------------------------------------------------------


def test_the_interpreter_at_a_terminal(tmp_path):
    # The prompt of Python 3.13 draws itself anew at each key, which is not for us to test.
    environ = {"PYTHON_BASIC_REPL": "1"}
    with Terminal(str(PROJECT / "bin" / "python"), folder=tmp_path, environ=environ) as screen:
        screen.wait_for(r">>> $", since=0)
        screen.type("import flask, waitress; 6 * 7\n")
        screen.wait_for(r"\n42\n>>> $")
        screen.type("\x04")
        assert screen.wait() == 0


@pytest.fixture
def shell(tmp_path):
    environ = {"DATABASE_URL": f"sqlite:///{tmp_path}/portal.sqlite", "CARBOY_SITE_NAME": "Cellar"}
    command = (str(PROJECT / "bin" / "flask"), "shell")
    with Terminal(*command, folder=tmp_path, environ=environ) as screen:
        screen.wait_for(r">>> $", since=0)
        yield screen
        screen.type("\x04")
        assert screen.wait() == 0


def evaluate(screen, line, answer):
    screen.type(f"{line}\n")
    screen.wait_for(r">>> $")
    assert re.search(rf"\n{answer}\n?>>> $", screen.text[screen.typed :])


def test_the_application_shell_at_a_terminal(shell):
    evaluate(shell, "from flask import current_app", "")
    evaluate(shell, "current_app.config['SITE_NAME']", "'Cellar'")
    evaluate(shell, "app is current_app._get_current_object()", "True")
    evaluate(shell, "Page.__tablename__, session.get(Page, 1).id", r"\('\w+', 1\)")


def test_the_application_shell_builds_urls(shell):
    evaluate(shell, "current_app.name", "'portal'")
    evaluate(shell, "url_for('pages.page', slug='about')", "'.*/about'")


# --- in the browser ------------------------------------------------------------------------------


@pytest.fixture
def broken(tmp_path):
    """A development server with a view that raises."""
    (tmp_path / "hello.py").write_text(VIEW.format("pass"))
    with serving("--app", "hello:app", folder=tmp_path, command=[SERVE]) as server:
        yield server


def ask(server, path="/boom", headers=None, **query):
    """Return a response and its text."""
    with contextlib.closing(server.connect()) as connection:
        url = f"{path}?{urllib.parse.urlencode(query)}" if query else path
        connection.request("GET", url, headers=headers or {})
        response = connection.getresponse()
        return response, response.read().decode()


def command(server, page, cmd, headers=None, **query):
    """Send a command to the debugger whose page is given."""
    secret = re.search(r'SECRET = "(\w+)"', page)[1]
    query = {"__debugger__": "yes", "cmd": cmd, "s": secret, **query}
    return ask(server, headers=headers, **query)


def test_the_console_evaluates_after_the_pin(broken):
    page = ask(broken)[1]
    frame = re.findall(r'id="frame-(\d+)"', page)[-1]
    pin = broken.wait_for(r"debugger PIN ([\d-]+)")[1]

    question, answer = "'straw' * (bottles - 38)", "strawstrawstraw"
    assert answer not in command(broken, page, question, frm=frame)[1]
    refused = command(broken, page, "pinauth", pin="000-000-000")[1]
    assert json.loads(refused)["auth"] is False
    response, text = command(broken, page, "pinauth", pin=pin)
    assert json.loads(text)["auth"] is True
    cookie = {"Cookie": response.getheader("Set-Cookie").partition(";")[0]}
    assert answer in command(broken, page, question, frm=frame, headers=cookie)[1]


def test_the_console_of_a_foreign_host_name_is_refused(broken):
    page = ask(broken)[1]
    pin = broken.wait_for(r"debugger PIN ([\d-]+)")[1]
    foreign = {"Host": "attacker.example"}
    response, text = command(broken, page, "pinauth", pin=pin, headers=foreign)
    assert response.status == 400
    assert '"auth": true' not in text
    assert "EVALEX = true" not in ask(broken, headers=foreign)[1]


def test_there_is_no_debugger_in_production(tmp_path):
    (tmp_path / "hello.py").write_text(VIEW.format("pass"))
    arguments = ("--app", "hello:app", "--env", "production", "--workers", "1")
    with serving(*arguments, folder=tmp_path, command=[SERVE]) as server:
        response, text = ask(server)
        assert response.status == 500
        assert "bottles" not in text
        assert "Traceback" not in text
        resource = {"__debugger__": "yes", "cmd": "resource", "f": "debugger.js"}
        response, text = ask(server, "/nothing", **resource)
        assert response.status == 404
        response, text = ask(server, "/console")
        assert response.status == 404
        assert "PIN" not in server.output


@pytest.fixture
def browser(tmp_path):
    """A function that returns a page as a browser shows it, scripts run."""
    names = ("chromium", "chromium-browser", "google-chrome")
    program = next(filter(None, map(shutil.which, names)), None)
    if program is None:
        pytest.skip("no chromium on this machine")
    switches = (
        "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run"
        " --disable-background-networking --disable-component-update --disable-sync"
        f" --user-data-dir={tmp_path / 'chromium'} --virtual-time-budget=5000 --dump-dom"
    )
    home = {**os.environ, "HOME": str(tmp_path)}

    def show(url):
        result = subprocess.run(
            [program, *switches.split(), url], env=home, capture_output=True, text=True, timeout=60
        )
        assert result.returncode == 0, result.stderr
        return result.stdout

    return show


@pytest.mark.service
def test_the_debugger_in_a_browser(broken, browser):
    page = browser(f"http://127.0.0.1:{broken.port}/boom")
    assert "ZeroDivisionError" in page
    assert "bottles / 0" in page
    # Its script puts it into every frame.
    assert "Open an interactive python shell in this frame" in page


@pytest.mark.service
def test_the_toolbar_in_a_browser(tmp_path, browser):
    environ = {"CARBOY_ROOT": "", "DATABASE_URL": f"sqlite:///{tmp_path}/portal.sqlite"}
    with project.Serve(command=[SERVE], folder=tmp_path, environ=environ) as server:
        page = browser(f"http://127.0.0.1:{server.port}/about")
        assert 'id="flDebug"' in page
        assert "Profiler" in page
