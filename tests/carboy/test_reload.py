"""Development: what was saved is what the browser shows, and no request is lost on the way."""

import contextlib
import statistics
import threading
import time
from pathlib import Path

import pytest

from support.live import HELLO, Serve, fetch, save, serving, wait_until
from support.load import Load

pytestmark = pytest.mark.live


@pytest.fixture
def hello(tmp_path):
    (tmp_path / "hello.py").write_text(HELLO)
    with serving("--app", "hello:app", folder=tmp_path) as server:
        yield server


def test_saved_code_answers_the_next_request(hello):
    for number in range(5):
        save(hello.folder / "hello.py", HELLO.replace('"one"', f'"number {number}"'))
        wait_until(lambda number=number: hello.get() == (200, f"number {number}"), "the new code")


def test_a_request_100_ms_after_a_save_is_never_answered_by_old_code(hello):
    latencies = []
    with contextlib.closing(hello.connect()) as kept:
        assert fetch(kept) == (200, "one")
        for number in range(10):
            save(hello.folder / "hello.py", HELLO.replace('"one"', f'"{number}"'))
            saved = time.monotonic()
            time.sleep(0.1)  # the promise is about this moment, whatever has happened by then
            assert hello.get() == (200, str(number))
            latencies.append(time.monotonic() - saved)
            # the connection of before the save has moved to the new worker
            assert fetch(kept) == (200, str(number))
    print(f"saved -> new response: median {statistics.median(latencies):.3f} s")


def test_no_request_is_lost_while_files_change(hello):
    with Load(hello) as load:
        for number in range(8):
            save(hello.folder / "hello.py", HELLO.replace('"one"', f'"load {number}"'))
            load.wait_for_answer(f"load {number}")
    assert load.is_whole, load.lost


def test_a_request_under_way_is_finished_by_the_old_code(tmp_path):
    slow = HELLO + (
        "\n@app.route('/slow')\ndef slow():\n    import pathlib, time\n"
        "    pathlib.Path('begun').touch()\n"
        "    while not pathlib.Path('go').exists(): time.sleep(0.01)\n    return 'old'\n"
    )
    (tmp_path / "hello.py").write_text(slow)
    with serving("--app", "hello:app", folder=tmp_path) as server:
        got = []
        thread = threading.Thread(target=lambda: got.append(server.get("/slow")))
        thread.start()
        wait_until((tmp_path / "begun").exists, "the slow request")
        save(tmp_path / "hello.py", slow.replace("'old'", "'new'").replace('"one"', '"two"'))
        wait_until(lambda: server.get() == (200, "two"), "the new code")
        (tmp_path / "go").touch()
        thread.join()
        assert got == [(200, "old")]


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("templates/page.html", "old text", "new text"),
        ("data.toml", "value = 'old text'", "value = 'new text'"),
        ("part.py", "TEXT = 'old text'", "TEXT = 'new text'"),
    ],
)
def test_every_kind_of_source_is_watched(tmp_path, name, before, after):
    (tmp_path / "templates").mkdir()
    (tmp_path / name).write_text(before)
    (tmp_path / "hello.py").write_text(
        "from flask import Flask\nimport pathlib\n"
        f"text = pathlib.Path({str(tmp_path / name)!r}).read_text()\n"
        "app = Flask(__name__)\napp.route('/')(lambda: text)\n"
    )
    with serving("--app", "hello:app", folder=tmp_path) as server:
        assert "old text" in server.get()[1]
        save(tmp_path / name, after)
        wait_until(lambda: "new text" in server.get()[1], "the new text")


def test_an_added_and_a_deleted_module(tmp_path):
    (tmp_path / "hello.py").write_text(
        "from flask import Flask\n"
        "try:\n    from extra import text\nexcept ImportError:\n    text = 'nothing'\n"
        "app = Flask(__name__)\napp.route('/')(lambda: text)\n"
    )
    with serving("--app", "hello:app", folder=tmp_path) as server:
        assert server.get() == (200, "nothing")
        (tmp_path / "extra").mkdir()
        (tmp_path / "extra" / "__init__.py").write_text("text = 'something'\n")
        wait_until(lambda: server.get() == (200, "something"), "the added package")
        (tmp_path / "extra").rename(tmp_path / ".extra")
        wait_until(lambda: server.get() == (200, "nothing"), "the deleted package")


def test_a_settings_file_is_watched_and_its_errors_are_shown(tmp_path):
    (tmp_path / "mine.toml").write_text("GREETING = 'old'\n")
    (tmp_path / "hello.py").write_text(
        "from flask import Flask\n"
        "def create_app(settings):\n    app = Flask(__name__)\n    app.config.update(settings)\n"
        "    app.route('/')(lambda: app.config['GREETING'])\n    return app\n"
    )
    arguments = ("--app", "hello", "--settings", "mine.toml")
    with serving(*arguments, folder=tmp_path) as server:
        assert server.get() == (200, "old")
        save(tmp_path / "mine.toml", "GREETING = 'new'\n")
        wait_until(lambda: server.get() == (200, "new"), "the new setting")
        save(tmp_path / "mine.toml", "GREETING = \n")
        wait_until(lambda: server.get()[0] == 500, "the error")
        assert "mine.toml" in server.get()[1]
        save(tmp_path / "mine.toml", "GREETING = 'mended'\n")
        wait_until(lambda: server.get() == (200, "mended"), "the mended setting")


@pytest.mark.parametrize(
    ("broken", "shown"),
    [
        ("def index(:\n", "SyntaxError"),
        ("import nowhere_to_be_found\n", "nowhere_to_be_found"),
        ("raise SystemExit('not today')\n", "not today"),
        ("import os\nos._exit(7)\n", "exit code 7"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n", "SIGSEGV"),
    ],
)
def test_broken_code_is_shown_and_the_next_save_mends_it(hello, broken, shown):
    save(hello.folder / "hello.py", broken)
    wait_until(lambda: hello.get()[0] == 500, "the error page")
    assert shown in hello.get()[1]
    assert shown in hello.output
    save(hello.folder / "hello.py", HELLO.replace('"one"', '"mended"'))
    wait_until(lambda: hello.get() == (200, "mended"), "the mended code")


def test_broken_code_at_the_first_start_does_not_end_the_server(tmp_path):
    (tmp_path / "hello.py").write_text("import nowhere_to_be_found\n")
    with serving("--app", "hello:app", folder=tmp_path) as server:
        status, page = server.get()
        assert status == 500
        assert "nowhere_to_be_found" in page
        save(tmp_path / "hello.py", HELLO)
        wait_until(lambda: server.get() == (200, "one"), "the mended code")


def test_a_save_while_code_hangs_at_import(hello):
    save(hello.folder / "hello.py", "import time\ntime.sleep(1000)\n")
    hello.connect()
    wait_until(lambda: len(hello.workers()) == 1, "the hanging worker")
    save(hello.folder / "hello.py", HELLO.replace('"one"', '"awake"'))
    assert hello.get() == (200, "awake")


def test_watching_costs_nothing_while_nothing_changes(hello):
    def cpu():
        fields = Path(f"/proc/{hello.process.pid}/stat").read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])

    before = cpu()
    time.sleep(1.0)
    assert cpu() - before <= 1  # hundredths of a second


def test_the_debugger_evaluates_behind_a_pin(tmp_path):
    (tmp_path / "hello.py").write_text(HELLO + "\napp.route('/boom')(lambda: 1 / 0)\n")
    with serving("--app", "hello:app", folder=tmp_path) as server:
        status, page = server.get("/boom")
        assert status == 500
        assert "ZeroDivisionError" in page
        assert "EVALEX = true" in page
        server.wait_for(r"debugger PIN \d{3}-\d{3}-\d{3}")


def test_reload_without_debug_shows_the_error_as_text(tmp_path):
    (tmp_path / "hello.py").write_text("import nowhere_to_be_found\n")
    with serving("--app", "hello:app", "--no-debug", folder=tmp_path) as server:
        status, page = server.get()
        assert status == 500
        assert page.startswith("Traceback")


def test_several_workers_reload_together(tmp_path):
    (tmp_path / "hello.py").write_text(HELLO)
    with serving("--app", "hello:app", "--workers", "2", folder=tmp_path) as server:
        save(tmp_path / "hello.py", HELLO.replace('"one"', '"two"'))
        time.sleep(0.1)
        assert {server.get() for _ in range(20)} == {(200, "two")}
        wait_until(lambda: len(server.workers()) == 2, "two workers")


def test_the_master_is_light(hello):
    maps = Path(f"/proc/{hello.process.pid}/maps").read_text()
    assert "markupsafe" not in maps
    fields = Path(f"/proc/{hello.process.pid}/status").read_text()
    resident = int(fields.partition("VmRSS:")[2].split()[0]) / 1024
    assert resident < 40, f"{resident} MiB"


def test_a_port_in_use_is_one_line(hello, tmp_path):
    folder = tmp_path / "second"
    folder.mkdir()
    bind = f"127.0.0.1:{hello.port}"
    with Serve("--app", "hello:app", folder=folder, bind=bind) as second:
        assert second.wait() == 1
        assert second.output.count("\n") == 1
        assert "in use" in second.output
