import traceback

import pytest
from werkzeug.test import Client

from carboy.debugging import BrokenApplication, PlainErrors, pin_of, wrap


def hello(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]


def boom(environ, start_response):
    return 1 / 0


def broken(error):
    """An application whose making has raised that error."""
    try:
        raise error
    except BaseException as raised:
        return BrokenApplication(raised)


@pytest.fixture(autouse=True)
def _no_variable(monkeypatch):
    monkeypatch.delenv("WERKZEUG_DEBUG_PIN", raising=False)


def test_the_error_is_raised_at_each_request_with_its_own_traceback():
    app = broken(KeyError("why"))
    lengths = set()
    for _ in range(3):
        with pytest.raises(KeyError, match="why") as raised:
            app({}, None)
        lengths.add(len(traceback.extract_tb(raised.value.__traceback__)))
    assert len(lengths) == 1


@pytest.mark.parametrize("error", [SystemExit("not today"), KeyboardInterrupt("stop")])
def test_what_would_end_the_server_is_raised_as_an_error(error):
    with pytest.raises(RuntimeError, match=f"ended with {type(error).__name__}") as raised:
        broken(error)({}, None)
    assert raised.value.__cause__ is error


def test_plain_errors_pass_on_what_works():
    assert Client(PlainErrors(hello)).get("/").text == "hello"


@pytest.mark.parametrize("error", [ValueError("größer \udcff"), SyntaxError("x"), SystemExit(1)])
def test_plain_errors_show_the_traceback(error):
    answer = Client(PlainErrors(broken(error))).get("/")
    assert answer.status_code == 500
    assert answer.content_type == "text/plain; charset=utf-8"
    assert answer.content_length == len(answer.data)
    assert answer.text.startswith("Traceback")
    assert type(error).__name__ in answer.text


@pytest.mark.parametrize("evaluate", [True, False])
@pytest.mark.parametrize("app", [boom, broken(ZeroDivisionError("division by zero"))])
def test_the_debugger_shows_the_error(app, evaluate):
    answer = Client(wrap(app, evaluate=evaluate)).get("/")
    assert answer.status_code == 500
    assert "ZeroDivisionError" in answer.text
    assert f"EVALEX = {'true' if evaluate else 'false'}" in answer.text


def test_the_debugger_passes_on_what_works(capfd):
    assert Client(wrap(hello, evaluate=True)).get("/").text == "hello"
    assert "PIN" not in "".join(capfd.readouterr())  # the master tells it


@pytest.mark.parametrize(
    ("host", "evaluates"),
    [
        ("localhost", True),
        ("127.0.0.1:8080", True),
        ("x.localhost", True),
        ("example.org", False),
        ("192.0.2.1", False),
    ],
)
def test_code_is_evaluated_on_loopback_names_only(host, evaluates):
    answer = Client(wrap(boom, evaluate=True)).get("/", headers={"Host": host})
    assert f"EVALEX = {'true' if evaluates else 'false'}" in answer.text


def test_the_pin(monkeypatch):
    app = wrap(hello, evaluate=True)
    assert pin_of(app)
    monkeypatch.setenv("WERKZEUG_DEBUG_PIN", "off")
    assert pin_of(app) is None
    assert pin_of(hello) is None
