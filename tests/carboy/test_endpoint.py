import contextlib
import socket
import time

import pytest

from carboy.endpoint import LIMIT, Endpoint
from support.looping import talk, turning

PAGES = {
    "/hello": lambda respond: respond(200, "hellö\n"),
    "/sick": lambda respond: respond(503, b"sick\n", "text/x-sick"),
}


@pytest.fixture
def address():
    with (
        socket.create_server(("127.0.0.1", 0)) as sock,
        turning(lambda loop: Endpoint(loop, [sock], PAGES)),
    ):
        yield sock.getsockname()


def split(answer):
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *lines = head.decode("ascii").split("\r\n")
    return status, dict(line.split(": ") for line in lines), body


def get(address, path="/hello", method="GET", more=""):
    return split(talk(address, f"{method} {path} HTTP/1.1\r\nHost: x\r\n{more}\r\n".encode()))


def test_a_page(address):
    status, headers, body = get(address)
    assert (status, body) == ("HTTP/1.1 200 OK", "hellö\n".encode())
    assert headers["Content-Length"] == str(len(body))
    assert headers["Content-Type"] == "text/plain; charset=utf-8"
    assert headers["Connection"] == "close"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Date"].endswith("GMT")


def test_status_and_type_are_the_page_s(address):
    status, headers, body = get(address, "/sick?now")
    assert (status, body) == ("HTTP/1.1 503 Service Unavailable", b"sick\n")
    assert headers["Content-Type"] == "text/x-sick"


def test_head_has_no_body(address):
    status, headers, body = get(address, method="HEAD")
    assert (status, headers["Content-Length"], body) == ("HTTP/1.1 200 OK", "7", b"")


def test_bare_line_feeds_do(address):
    assert split(talk(address, b"GET /hello HTTP/1.0\n\n"))[0] == "HTTP/1.1 200 OK"


def test_a_request_in_many_parts(address):
    parts = [bytes([byte]) for byte in b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n"]
    assert split(talk(address, *parts))[0] == "HTTP/1.1 200 OK"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "get", "BREW"])
def test_other_methods_are_refused(address, method):
    status, headers, _ = get(address, method=method, more="Content-Length: 3\r\n")
    assert status == "HTTP/1.1 405 Method Not Allowed"
    assert headers["Allow"] == "GET, HEAD"


def test_a_body_of_a_refused_request_does_not_lose_the_answer(address):
    request = b"POST /hello HTTP/1.1\r\nContent-Length: 100000\r\n\r\n" + b"x" * 100_000
    assert talk(address, request).startswith(b"HTTP/1.1 405 ")


def test_an_unknown_page(address):
    status, _, body = get(address, "/hell")
    assert status == "HTTP/1.1 404 Not Found"
    assert b"/hello, /sick" in body


@pytest.mark.parametrize(
    "garbage",
    [
        b"\n\n",
        b"\r\n\r\n",
        b"GET /hello\r\n\r\n",
        b"GET  /hello HTTP/1.1\r\n\r\n",
        b"GET /hello HTTP/2\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n\n",
        b"\x00" * 100 + b"\n\n",
        b"\xff\xfe HTTP/1.1 x\n\n",
    ],
)
def test_garbage_is_400(address, garbage):
    assert split(talk(address, garbage))[0] == "HTTP/1.1 400 Bad Request"
    assert get(address)[0] == "HTTP/1.1 200 OK"


def test_a_request_without_end_is_431(address):
    endless = b"GET /hello HTTP/1.1\r\n" + b"A: b\r\n" * LIMIT
    assert talk(address, endless).startswith(b"HTTP/1.1 431 ")


def test_slow_clients_do_not_disturb_others(address):
    with contextlib.ExitStack() as stack:
        for _ in range(60):
            stack.enter_context(socket.create_connection(address)).sendall(b"GET /he")
        began = time.monotonic()
        assert get(address)[0] == "HTTP/1.1 200 OK"
        assert time.monotonic() - began < 2


def test_a_client_that_says_all_and_closes_its_side_is_answered(address):
    with socket.create_connection(address) as sock:
        sock.sendall(b"GET /hello HTTP/1.1\r\n\r\n")
        sock.shutdown(socket.SHUT_WR)
        assert sock.recv(1000).startswith(b"HTTP/1.1 200 OK")
