import json
from types import SimpleNamespace

import pytest
from waitress.channel import ClientDisconnected
from waitress.utilities import BadRequest

from carboy import request_id
from carboy.access_log import AccessLog
from carboy.log_file import LogError, LogFile
from carboy.log_format import Json
from carboy.observer import Observer
from carboy.sight import BATCH, Sight, make_observer
from support.live import wait_until


class Task:
    """As much of waitress's as is looked at."""

    def __init__(self, method="GET", path="/", *, status="200 OK", error=None, address="10.0.0.1"):
        line = f"{method} {path} HTTP/1.1".encode()
        self.request = SimpleNamespace(
            command=method, first_line=line, headers={}, error=error, header_plus=b""
        )
        self.channel = SimpleNamespace(
            addr=(address, 1), requests=[self.request], request=None, file_size=0
        )
        self.environ = {"REMOTE_ADDR": address}
        self.status, self.content_bytes_written, self.wrote_header = status, 5, True
        self.start_time = 1e9


def serve(sight, task):
    sight.begin(task)
    sight.enter(task, task.environ)
    sight.end(task)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "log"


@pytest.fixture
def sight(path):
    sight = Sight(log=AccessLog(Json(1), LogFile(path)))
    yield sight
    sight.close()


def entries(sight, path):
    sight.close()
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_the_base_class_looks_away():
    observer, task = Observer(), Task()
    serve(observer, task)
    observer.refused(task.channel, "queue", 503)
    observer.reopen()
    observer.close()
    assert observer.snapshot() == {}


def test_an_answer_is_named_counted_and_written(sight, path):
    task = Task("POST", "/x?y=1", status="201 CREATED")
    task.request.headers |= {"REFERER": "http://r/", "USER_AGENT": "ua"}
    serve(sight, task)
    assert sight.snapshot()["requests"] == {"POST 201": 1}
    (found,) = entries(sight, path)
    name = task.environ["carboy.request_id"]
    assert task.environ["HTTP_X_REQUEST_ID"] == name == task.request.request_id == found["id"]
    assert len(name) == 32
    wanted = {"request": "POST /x?y=1 HTTP/1.1", "status": 201, "bytes": 5, "client": "10.0.0.1"}
    assert wanted | {"referer": "http://r/", "agent": "ua"} == {
        key: found[key] for key in (*wanted, "referer", "agent")
    }


def test_an_id_is_current_while_the_answer_is_made(sight):
    task = Task()
    sight.begin(task)
    assert request_id.current() == task.request.request_id
    sight.end(task)
    assert request_id.current() == ""


def test_the_client_is_the_one_that_the_environment_names(sight, path):
    task = Task()
    task.environ |= {"REMOTE_ADDR": "192.0.2.7", "REMOTE_USER": "jane"}
    serve(sight, task)
    (found,) = entries(sight, path)
    assert (found["client"], found["user"]) == ("192.0.2.7", "jane")


def test_a_file_counts_its_size(sight, path):
    task = Task()
    task.content_bytes_written, task.channel.file_size = 0, 12345
    serve(sight, task)
    assert task.channel.file_size == 0
    assert entries(sight, path)[0]["bytes"] == 12345


def test_what_is_not_understood(sight, path):
    task = Task(status="400 Bad Request", error=BadRequest("Invalid header"))
    task.request.command, task.request.first_line = "", b"\x16\x03\x01"
    serve(sight, task)
    assert sight.snapshot()["requests"] == {"OTHER 400": 1}
    (found,) = entries(sight, path)
    wanted = {"status": 400, "request": "\x16\x03\x01", "refused": "Invalid header", "bytes": 5}
    assert wanted == {key: found[key] for key in wanted}


def test_an_error_of_waitress_is_that_of_the_request_that_failed(sight, path):
    failed = Task("GET", "/broken")
    task = Task(status="500 Internal Server Error", error=BadRequest("internal"))
    task.channel = failed.channel
    serve(sight, task)
    (found,) = entries(sight, path)
    assert (found["path"], found["status"], found["refused"]) == ("/broken", 500, "")


def test_a_client_that_leaves_before_its_answer(sight, path):
    task = Task()
    task.wrote_header = False
    sight.begin(task)
    try:
        raise ClientDisconnected
    except ClientDisconnected:
        sight.end(task)
    assert entries(sight, path)[0]["status"] == 499
    assert sight.snapshot()["requests"] == {"GET 499": 1}


def test_an_error_is_not_counted_before_its_answer(sight):
    task = Task()
    task.wrote_header = False
    sight.begin(task)
    try:
        raise ValueError
    except ValueError:
        sight.end(task)
    assert sight.snapshot()["requests"] == {}


@pytest.mark.parametrize(
    ("line", "wanted"), [(b"GET /slow HTTP/1.1\r\nHo", "GET /slow HTTP/1.1"), (b"", "")]
)
def test_a_refusal(sight, path, line, wanted):
    request = SimpleNamespace(command="", headers={}, error=None, header_plus=line)
    channel = SimpleNamespace(addr=("10.0.0.9", 1), requests=[], request=request)
    sight.refused(channel, "header_timeout", 408)
    snapshot = sight.snapshot()
    assert snapshot["requests"] == {"OTHER 408": 1}
    assert sum(snapshot["seconds"]) == 0  # says nothing of how fast the application is
    (found,) = entries(sight, path)
    assert (found["request"], found["status"], found["refused"]) == (wanted, 408, "header_timeout")
    assert len(found["id"]) == 32


def test_a_refusal_without_a_word(sight, path):
    channel = SimpleNamespace(addr=("10.0.0.9", 1), requests=[], request=None)
    sight.refused(channel, "connections", 0)
    assert entries(sight, path)[0]["status"] == 0
    assert sight.snapshot()["requests"] == {"OTHER 000": 1}


def test_what_is_cut_off_by_the_end(sight, path):
    task = Task("GET", "/long")
    sight.begin(task)
    sight.refused(task.channel, "cut off", 0)
    (found,) = entries(sight, path)
    assert (found["path"], found["status"], found["refused"]) == ("/long", 0, "cut off")
    assert found["id"] == task.request.request_id


def test_more_than_a_batch(sight, path):
    for number in range(10 * BATCH + 1):
        serve(sight, Task("GET", f"/{number}"))
    assert sight.snapshot()["requests"] == {"GET 200": 10 * BATCH + 1}
    assert [entry["path"] for entry in entries(sight, path)] == [
        f"/{number}" for number in range(10 * BATCH + 1)
    ]


def test_an_idle_log_is_left_asleep(sight):
    serve(sight, Task())
    sight.snapshot()
    wait_until(lambda: not sight._log.file.is_awake, "the writer's sleep")
    sight.snapshot()
    assert not sight._log.file.is_awake


def test_without_a_log_it_counts():
    sight = Sight()
    for _ in range(BATCH + 1):
        serve(sight, Task())
    sight.reopen()
    sight.close()
    assert sight.snapshot()["requests"] == {"GET 200": BATCH + 1}


def test_what_goes_wrong_here_is_logged_and_nothing_else(sight, caplog):
    task = Task()
    task.environ = None
    sight.begin(task)
    sight.end(task)
    assert "while observing" in caplog.text


def options(**changes):
    usual = {"access_log": "log", "log_format": "json", "trusted_proxy": ()}
    return SimpleNamespace(**{**usual, **changes})


@pytest.mark.parametrize("name", ["log", "{}/log"])
def test_a_log_lies_in_the_project(tmp_path, name):
    sight = make_observer(options(access_log=name.format(tmp_path)), root=tmp_path)
    serve(sight, Task())
    assert len(entries(sight, tmp_path / "log")) == 1


@pytest.mark.parametrize(
    ("name", "beginning"), [("combined", "10.0.0.1 - - ["), ("json", '{"time": "'), ("short", "")]
)
def test_formats(tmp_path, name, beginning):
    sight = make_observer(options(log_format=name), root=tmp_path)
    serve(sight, Task())
    sight.close()
    line = (tmp_path / "log").read_text()
    assert line.startswith(beginning)
    assert "GET /" in line
    assert "\x1b" not in line


def test_off_writes_nothing(tmp_path):
    sight = make_observer(options(access_log="off"), root=tmp_path)
    serve(sight, Task())
    sight.close()
    assert list(tmp_path.iterdir()) == []


def test_standard_output(tmp_path, capfd):
    sight = make_observer(options(access_log="-"), root=tmp_path)
    serve(sight, Task())
    sight.close()
    assert json.loads(capfd.readouterr().out)["path"] == "/"


def test_a_log_that_cannot_be_opened(tmp_path):
    with pytest.raises(LogError, match="cannot open the access log"):
        make_observer(options(access_log="no/log"), root=tmp_path)


def test_ids_of_trusted_proxies(tmp_path):
    sight = make_observer(options(access_log="off", trusted_proxy=["10.0.0.1"]), root=tmp_path)
    for address, is_believed in [("10.0.0.1", True), ("10.0.0.2", False)]:
        task = Task(address=address)
        task.request.headers["X_REQUEST_ID"] = "given"
        serve(sight, task)
        assert (task.request.request_id == "given") is is_believed
