import pytest

from support.engine import ask, is_closed, request


def raises_in_the_middle(environ, start_response):
    start_response("200 OK", [("Content-Length", "10")])
    yield b"begun"
    raise SystemExit(3)


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, GeneratorExit, OSError])
def test_what_an_application_throws_is_answered_and_the_connection_closed(
    start, listeners, connect, error
):
    def app(environ, start_response):
        raise error

    start(app, listeners)
    for _ in range(3):  # more than the thread that polls would survive
        client = connect()
        assert ask(client)[0]["status"] == "500"
        assert is_closed(client)


def test_an_end_in_the_middle_of_an_answer_cuts_it_short(start, listeners, connect):
    start(raises_in_the_middle, listeners)
    client = connect()
    client.sendall(request())
    data = b""
    while part := client.recv(100):
        data += part
    assert data.endswith(b"\r\n\r\nbegun")


@pytest.mark.parametrize("status", ["200 OK", "204 No Content"])
def test_what_cannot_be_sent_is_an_error_too(start, listeners, connect, status):
    def app(environ, start_response):
        start_response(status, [("X-Arrow", "\N{RIGHTWARDS ARROW}")])
        return []

    start(app, listeners)
    client = connect()
    assert ask(client)[0]["status"] == "500"
    assert is_closed(client)


def test_an_answer_that_was_never_begun_is_an_error(start, listeners, connect):
    start(lambda environ, start_response: [], listeners)
    assert ask(connect())[0]["status"] == "500"
