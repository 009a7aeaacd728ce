"""The parser by itself; what it does on a live worker stands in test_http."""

import time

import pytest
from waitress.adjustments import Adjustments
from waitress.parser import HTTPRequestParser

from carboy import parser
from carboy.chunked import ChunkedBody
from carboy.parser import Parser

ADJUSTMENTS = Adjustments(max_request_header_size=65536, max_request_body_size=1000)
BROWSER = (
    b"GET /caf%C3%A9/?q=1&r=%20 HTTP/1.1\r\nHost: example.org:8080\r\n"
    b"User-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\nAccept: text/html,*/*;q=0.8\r\n"
    b"Accept: application/json\r\nCookie: a=b; c=d\r\nX-Empty:\r\nX-Tab:\ta\tb \t\r\n"
    b"X_Under_Score: no\r\nConnection: keep-alive\r\nX-Obs: \xe9\xff\r\n\r\n"
)


def parsed(text, kind=Parser):
    parser = kind(ADJUSTMENTS)
    assert parser.received(text) == len(text)
    return parser


@pytest.mark.parametrize(
    "text",
    [
        BROWSER,
        b"\r\n" + BROWSER,
        BROWSER.replace(b"1.1", b"1.0"),
        b"GET //a//b?c?d HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        b"GET / HTTP/1.0\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
)
def test_what_is_read_is_what_waitress_reads(text):
    own, theirs = parsed(text), parsed(text, HTTPRequestParser)
    names = ["headers", "first_line", "command", "request_uri", "path", "query", "fragment"]
    names += ["version", "url_scheme", "proxy_scheme", "proxy_netloc", "connection_close"]
    names += ["completed", "empty", "error", "content_length", "chunked", "expect_continue"]
    for name in names:
        assert getattr(own, name) == getattr(theirs, name), name


def test_forwarded_headers_are_kept_apart():
    text = BROWSER[:-2] + b"X-Forwarded-For: 1.2.3.4\r\nforwarded: for=5.6.7.8\r\n\r\n"
    parser = parsed(text)
    assert parser.forwarded == {"X_FORWARDED_FOR": "1.2.3.4", "FORWARDED": "for=5.6.7.8"}
    assert parser.headers == parsed(BROWSER).headers
    assert parsed(BROWSER).forwarded == {}


@pytest.mark.parametrize(
    "text", [b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\nX\r\n\r\n", b"\x80\r\n\r\n"]
)
def test_a_refused_request_can_be_written_down(text):
    parser = parsed(text)
    assert parser.completed
    assert parser.error.code == 400
    assert parser.connection_close
    assert parser.first_line == text.partition(b"\r\n")[0]
    assert {type(parser.command), type(parser.path), type(parser.query)} == {str}


def test_a_body_is_refused_by_its_announcement():
    text = b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n"
    assert parsed(text % 999).expect_continue
    refused = parsed(text % 1000)
    assert (refused.error.code, refused.expect_continue) == (413, False)


@pytest.mark.parametrize(
    "text", [b"\t" * 64000, b"a:" * 32000, b"\r\n " * 21000, b"a:b\r\n" * 12000]
)
def test_nothing_takes_long(text):
    began = time.process_time()
    parsed(b"GET / HTTP/1.1\r\nHost: x\r\nX:" + text + b"\0\r\n\r\n")
    assert time.process_time() - began < 0.5


class Buffer:
    def __init__(self):
        self.data = b""

    def append(self, data):
        self.data += data

    def __len__(self):
        return len(self.data)


def test_a_chunked_body_ends_where_it_ends():
    text, next_one = b"3;a=b\r\nabc\r\n2\r\nde\r\n0\r\nX: y\r\n\r\n", b"GET / HTTP/1.1\r\n"
    for size in range(1, len(text) + 1):
        buffer = Buffer()
        body = ChunkedBody(buffer, 100)
        rest = text + next_one
        while not body.completed:
            piece = rest[:size]
            rest = rest[body.received(piece) :]
        assert (buffer.data, rest, body.error) == (b"abcde", next_one, None)


def test_lines_of_a_chunked_body_have_an_end():
    for text, limit in [
        (b"0" * 10000, 4098),
        (b"3\r\nabc" + b"x" * 100, 8),
        (b"0\r\n" + b"x" * 999, 105),
    ]:
        body = ChunkedBody(Buffer(), 100)
        taken = sum(body.received(text[i : i + 1]) for i in range(len(text)))
        assert body.error is not None
        assert taken <= limit


def test_requests_that_are_the_same_share_nothing_that_may_change():
    text = BROWSER[:-2] + b"X-Forwarded-For: 1.2.3.4\r\n\r\n"
    first, second = parsed(text), parsed(text)
    before = dict(second.headers)
    first.headers["ACCEPT"] = "changed"
    first.headers.pop("COOKIE")
    assert second.headers == before == parsed(text).headers


def test_the_same_headers_are_read_with_another_line():
    for line, path, query in ((b"/a", "/a", ""), (b"/b?c", "/b", "c"), (b"/a", "/a", "")):
        found = parsed(b"GET %b HTTP/1.1\r\nHost: x\r\nX-Y: z\r\n\r\n" % line)
        assert (found.path, found.query) == (path, query)
        assert found.headers == {"HOST": "x", "X_Y": "z"}


def test_a_version_decides_what_the_same_headers_mean():
    headers = b"X-Same: yes\r\n\r\n"
    assert parsed(b"GET / HTTP/1.0\r\n" + headers).error is None
    assert parsed(b"GET / HTTP/1.1\r\n" + headers).error.body == "Host is missing"
    assert parsed(b"GET / HTTP/1.0\r\n" + headers).connection_close


@pytest.mark.parametrize("times", [1, 2])
def test_headers_have_the_names_of_an_environment(times):
    text = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: a/b\r\nContent-Length: 0\r\nX-Y: z\r\n\r\n"
    for _ in range(times):
        found = parsed(text).variables()
    wanted = {"HTTP_HOST": "x", "CONTENT_TYPE": "a/b", "CONTENT_LENGTH": "0", "HTTP_X_Y": "z"}
    assert found == wanted


def test_an_environment_has_what_became_of_the_headers():
    head = b"POST http://y/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunked = parsed(head)
    chunked.received(b"2\r\nab\r\n0\r\n\r\n")
    assert chunked.variables() == {"HTTP_HOST": "y", "CONTENT_LENGTH": "2"}
    assert parsed(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").variables() == {"HTTP_HOST": "x"}


def test_only_so_much_is_remembered():
    for function in (parser._line, parser._fields):
        function.cache_clear()
    for number in range(2 * parser.REMEMBERED):
        parsed(b"GET /%d HTTP/1.1\r\nHost: x\r\nX-Number: %d\r\n\r\n" % (number, number))
    long = b"x" * parser.LONGEST
    parsed(b"GET /%b HTTP/1.1\r\nHost: x\r\nX-Long: %b\r\n\r\n" % (long, long))
    for function in (parser._line, parser._fields):
        assert function.cache_info().currsize == parser.REMEMBERED
        assert function.cache_info().misses == 2 * parser.REMEMBERED


def test_a_request_that_is_refused_tells_what_it_asked_for_each_time():
    for _ in range(2):
        found = parsed(b"CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n")
        assert found.error.code == 501
        assert (found.command, found.request_uri) == ("CONNECT", "x:443")
