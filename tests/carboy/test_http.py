"""HTTP on a live worker, over raw sockets: what a client may do, and what it gets."""

import contextlib
import re
import socket
import threading
import time
from pathlib import Path

import pytest

from support.live import wait_until
from support.raw import chunked, get, post, probing

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def probe(tmp_path_factory):
    with probing(tmp_path_factory.mktemp("probe"), "--max-body", "1000000") as probe:
        yield probe


@pytest.fixture(scope="module", autouse=True)
def clean(probe):
    """All over the module: `wsgiref.validate` has nothing to say, and every iterable is closed."""
    yield
    output = probe.server.output
    assert "AssertionError" not in output
    assert "without being closed" not in output


@pytest.fixture
def client(probe):
    with probe.connect() as client:
        yield client


def asked(client, *texts, method="GET"):
    client.send(*texts)
    return [client.answer(method) for _ in texts]


# -- several requests on one connection -----------------------------------------------------------


def test_pipelined_requests_are_answered_in_their_order(client):
    texts = [post(b"%d" % number, path="/echo") for number in range(50)]
    assert [answer.told["body"] for answer in asked(client, *texts)] == list(map(str, range(50)))
    assert client.is_open()


def test_pipelined_requests_of_all_kinds(client):
    texts = [get("/parts"), chunked(b"1\r\na\r\n0\r\n\r\n"), get("/empty?304"), get("/file")]
    answers = asked(client, *texts)
    assert [answer.body for answer in answers if answer.body[:1] != b"{"] == [
        b"onetwo",
        b"",
        b"0123456789",
    ]
    assert client.is_open()


def test_a_client_that_has_nothing_more_to_say_is_answered(client):
    client.send(get("/parts"), get("/fixed"))
    client.sock.shutdown(socket.SHUT_WR)
    assert client.answer().body == b"onetwo"
    assert client.answer().body == b"onetwosix"
    assert client.rest() == b""


def test_empty_lines_before_a_request_are_skipped(client):
    """RFC 9112, 2.2."""
    assert client.ask(b"\r\n\r\n\r\n" + get()).status == 200


@pytest.mark.parametrize("path", ["/parts", "/empty?304", "/empty?204", "/write", "/file"])
def test_connections_outlive_answers_without_content_length(client, path):
    """Stock waitress closes after these; RFC 9112 (9.3) lets them live, their end is certain."""
    assert "Connection" not in client.ask(get(path)).headers
    assert client.is_open()


@pytest.mark.parametrize("path", ["/parts", "/empty?304", "/echo"])
@pytest.mark.parametrize("line", ["Connection: close", "Connection: TE, Close"])
def test_close_closes(client, path, line):
    assert client.ask(get(path, line)).headers["Connection"] == "close"
    assert client.rest() == b""


def test_an_answer_that_can_have_no_body_has_none(client):
    answer = client.ask(get("/talkative"))
    assert not {"Content-Length", "Transfer-Encoding"} & answer.headers.keys()
    assert client.is_open()


def test_a_file_where_no_body_can_be_ends_the_connection(client):
    assert client.ask(get("/file?status=304+Not+Modified")).headers["Connection"] == "close"
    client.rest()


# -- HEAD -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/echo", "/fixed", "/parts", "/file", "/file?length=10"])
def test_head_has_no_body_and_the_connection_lives(probe, path):
    with probe.connect() as client:
        head = client.ask(get(path, method="HEAD"), "HEAD")
        assert head.status == 200
        if head.headers.get("Connection") != "close":
            assert client.is_open()
        else:
            assert client.rest() == b""
    whole = probe.ask(get(path))
    assert head.headers.get("Content-Type") == whole.headers.get("Content-Type")
    if path in ("/fixed", "/file?length=10"):
        assert head.headers["Content-Length"] == whole.headers["Content-Length"]


def test_head_closes_the_file(probe, client):
    probe.forget_notes()
    client.ask(get("/file", method="HEAD"), "HEAD")
    probe.wait_for_note("file closed")


def test_pipelined_heads(client):
    texts = [get(path, method="HEAD") for path in ("/parts", "/fixed", "/echo", "/file", "/write")]
    assert {answer.status for answer in asked(client, *texts, method="HEAD")} == {200}
    assert client.is_open()


# -- HTTP/1.0 and other versions ------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/echo", "/parts", "/file", "/empty?304"])
def test_http_1_0_closes(client, path):
    answer = client.ask(get(path, version="1.0"))
    assert (answer.version, answer.headers["Connection"]) == ("1.0", "close")
    assert "Transfer-Encoding" not in answer.headers
    assert client.rest() == b""


@pytest.mark.parametrize("path", ["/fixed", "/file"])
def test_http_1_0_keeps_alive_what_has_a_length(client, path):
    answer = client.ask(get(path, "Connection: Keep-Alive", version="1.0"))
    assert answer.headers["Connection"] == "Keep-Alive"
    assert client.is_open()


def test_http_1_0_cannot_keep_alive_what_has_none(client):
    answer = client.ask(get("/parts", "Connection: Keep-Alive", version="1.0"))
    assert (answer.headers["Connection"], answer.body) == ("close", b"onetwo")


def test_http_1_0_needs_no_host(client):
    assert client.ask(b"GET /echo HTTP/1.0\r\n\r\n").status == 200


def test_a_later_minor_version_is_answered_as_1_1(client):
    assert client.ask(get("/parts", version="1.7")).version == "1.1"
    assert client.is_open()


@pytest.mark.parametrize("version", ["2.0", "0.9", "3"])
def test_other_versions_are_not_supported(client, version):
    assert client.ask(get(version=version)).status == 505
    assert client.rest() == b""


# -- Expect ---------------------------------------------------------------------------------------

EXPECT = "Expect: 100-continue"


def test_expect_continue(client):
    answer = client.ask(get("/echo", EXPECT, "Content-Length: 3", method="POST"))
    assert (answer.status, answer.headers) == (100, {})
    assert client.ask(b"abc").told["body"] == "abc"
    assert client.is_open()


def test_expect_continue_with_chunks(client):
    assert client.ask(chunked(b"", EXPECT)).status == 100
    assert client.ask(b"3\r\nabc\r\n0\r\n\r\n").told["body"] == "abc"


def test_expect_continue_with_the_body_on_its_heels(client):
    client.send(post(b"abc", EXPECT))
    answer = client.answer()
    answer = client.answer() if answer.status == 100 else answer
    assert answer.told["body"] == "abc"
    assert client.is_open()


def test_expect_continue_behind_another_request(client):
    client.send(get("/parts"), get("/echo", EXPECT, "Content-Length: 3", method="POST"))
    assert client.answer().body == b"onetwo"
    assert client.answer().status == 100
    assert client.ask(b"abc").told["body"] == "abc"


def test_a_body_that_is_too_large_is_not_asked_for(client):
    """waitress says 100 here, and 413 when a million bytes have come."""
    answer = client.ask(get("/echo", EXPECT, "Content-Length: 1000001", method="POST"))
    assert answer.status == 413
    assert client.rest() == b""


def test_expecting_without_a_body_is_expecting_nothing(client):
    """waitress waits for the next request then, and takes its headers for more of this one."""
    answers = asked(client, get("/echo", EXPECT, "X-First: 1"), get("/echo"))
    assert [answer.status for answer in answers] == [200, 200]
    assert "HTTP_X_FIRST" not in answers[1].told


def test_http_1_0_cannot_expect(client):
    text = get("/echo", EXPECT, "Content-Length: 3", version="1.0", method="POST")
    assert client.ask(text + b"abc").status == 200


# -- bodies in chunks -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "body"),
    [
        (b"0\r\n\r\n", ""),
        (b"3\r\nabc\r\n0\r\n\r\n", "abc"),
        (b"A\r\n0123456789\r\n0000\r\n\r\n", "0123456789"),
        (b"003\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", "abcde"),
        (b"3;name=value\r\nabc\r\n0;last\r\n\r\n", "abc"),
        (b'3;a="b;\\"c";d\r\nabc\r\n0\r\n\r\n', "abc"),
        (b"3\r\nabc\r\n0\r\nX-Trailer: yes\r\nOther:\r\n\r\n", "abc"),
        (b"2\r\n\r\n\r\n0\r\n\r\n", "\r\n"),
    ],
)
def test_chunked_bodies(client, data, body):
    answer = client.ask(chunked(data))
    assert answer.told["body"] == body
    assert answer.told["CONTENT_LENGTH"] == str(len(body))
    assert not {"HTTP_TRANSFER_ENCODING", "HTTP_X_TRAILER"} & answer.told.keys()
    assert client.is_open()


@pytest.mark.parametrize(
    "data",
    [
        b"3\nabc\r\n0\r\n\r\n",
        b"3\n\r\nabc\r\n0\r\n\r\n",
        b"3\r\nabcd\r\n0\r\n\r\n",
        b"3\r\nabc\n0\r\n\r\n",
        b"3\r\nabc\r\n\r\n0\r\n\r\n",
        b"\r\n3\r\nabc\r\n0\r\n\r\n",
        b"11111111111111111\r\nabc",
        b"3;" + b"x" * 5000 + b"\r\nabc\r\n0\r\n\r\n",
        b"0" * 5000,
        b"0\r\nX-Trailer: a\nb\r\n\r\n",
        b"0\r\nno trailer\r\n\r\n",
        b"0\r\n\n",
        b"0\r\n" + b"X: %b\r\n" % (b"x" * 60000) * 2 + b"\r\n",
    ],
)
def test_bad_chunks_are_refused(client, data):
    assert client.ask(chunked(data)).status == 400
    assert client.rest() == b""


def test_chunks_without_end_are_refused_by_their_size(client):
    with contextlib.suppress(OSError):
        client.send(chunked(b""), *[b"10000\r\n" + b"x" * 0x10000 + b"\r\n"] * 20)
    assert client.answer().status == 413


# -- what can be wrong with a request -------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "status"),
    [
        # 3.0.2 serves these; the sections are RFC 9112's
        (
            get("/echo", "Transfer-Encoding: chunked", "Content-Length: 5", method="POST"),
            400,
        ),  # 6.3
        (get("/echo", "Transfer-Encoding: chunked", "Transfer-Encoding: chunked"), 400),
        (get("/echo", "Transfer-Encoding: chunked", version="1.0", method="POST"), 400),  # 6.1
        (get("/echo", "Host: other.org"), 400),  # 3.2
        (get("/echo", "host: example.org"), 400),
        (b"GET /echo HTTP/1.1\r\n\r\n", 400),  # 3.2: a server MUST refuse it
        (b"GET /echo HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
        (b"GET /echo HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
        (b"GET /echo HTTP/1.1\r\nHost: user@a\r\n\r\n", 400),
        (get("/echo", "Content-Length: 3", "Content-Length: 3", method="POST"), 400),
        (get("/echo", "Content-Type: a/b", "Content-Type: c/d"), 400),
        (b"GET /echo\r\nHost: x\r\n\r\n", 400),  # HTTP/0.9 has no headers
        (get("echo"), 400),
        (get("*"), 400),
        (get("/echo#part"), 400),
        (get("ftp://example.org/"), 400),
        (get("http:///echo"), 400),
        (get("http://user@example.org/echo"), 400),
        (get("example.org:443", method="CONNECT"), 501),
        # these killed the thread that polls
        (get("http://[x/echo"), 400),
        (get("http://[x]:y/echo"), 400),
        (get("/echo", "Content-Length: " + "1" * 5000, method="POST"), 400),
        (get("/echo", "Content-Length: " + "1" * 18, method="POST"), 413),
        # and these are refused by stock as well
        (get(method="get"), 400),
        (get(method="GE T"), 400),
        (get(method="GET "), 400),
        (get("/ec ho"), 400),
        (get("/echo\x00"), 400),
        (get("/echo\t"), 400),
        (get("/\xe9"), 400),
        (get("/echo", "no colon"), 400),
        (get("/echo", "X: a\x00b"), 400),
        (get("/echo", "X: a\nY: b"), 400),
        (get("/echo", "X: a\rY: b"), 400),
        (get("/echo", "X\xe9: a"), 400),
        (b"GET /echo HTTP/1.1\nHost: x\r\n\r\n", 400),
        (b"GET /echo HTTP/1.1\r\n Host: x\r\n\r\n", 400),
        (b"GET /echo HTTP/1.1\r\n\tX: y\r\nHost: x\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
        (b"nonsense\r\n\r\n", 400),
        (get("/" + "a" * 70000), 431),
        (get("/echo", "X: " + "a" * 70000), 431),
    ],
)
def test_bad_requests_are_refused_and_the_connection_closed(probe, client, text, status):
    # As if a proxy had put somebody else's request behind it.
    with contextlib.suppress(OSError):
        client.send(text, get("/parts"))
    answer = client.answer()
    assert (answer.status, answer.headers["Connection"]) == (status, "close")
    assert client.rest() == b""
    assert probe.ask(get()).status == 200


def test_a_folded_header_is_one(client):
    """RFC 9112, 5.2: obsolete, replaced by white space."""
    assert client.ask(get("/echo", "X: a\r\n  b\r\n\tc")).told["HTTP_X"] == "a b c"


def test_a_header_given_twice_is_a_list(client):
    assert client.ask(get("/echo", "X-A: 1", "x-a: 2")).told["HTTP_X_A"] == "1, 2"


def test_a_header_with_an_underscore_is_nobody(client):
    told = client.ask(get("/echo", "X_Forwarded_For: 1.2.3.4", "Content_Length: 5")).told
    assert not any("1.2.3.4" in str(value) for value in told.values())


def test_long_lines_within_the_limit(client):
    told = client.ask(get("/echo?" + "q" * 30000, "X: " + "x" * 30000)).told
    assert (len(told["QUERY_STRING"]), len(told["HTTP_X"])) == (30000, 30000)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "M-SEARCH"])
def test_methods(client, method):
    assert client.ask(get(method=method)).told["REQUEST_METHOD"] == method


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        ("/echo?a=b&c=%20?d", "/echo", "a=b&c=%20?d"),
        ("/echo?", "/echo", ""),
        ("//echo", "/echo", ""),
        ("http://example.org/echo?x", "/echo", "x"),
        ("HTTPS://example.org/echo", "/echo", ""),
    ],
)
def test_targets(client, target, path, query):
    told = client.ask(get(target)).told
    assert (told["PATH_INFO"], told["QUERY_STRING"], told["scheme"]) == (path, query, "http")


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("/caf%C3%A9", "/café"),
        ("/%E2%82%AC%2F%25", "/€/%"),
        ("/%zz%", "/%zz%"),
        ("/a+b;c=d,e@f:g", "/a+b;c=d,e@f:g"),
        ("http://example.org", "/"),
        ("http://example.org?q", "/"),
    ],
)
def test_paths_are_decoded(client, target, path):
    told = client.ask(get(target)).told
    assert told["PATH_INFO"].encode("latin-1").decode() == path


def test_the_host_of_an_absolute_target_is_the_one(client):
    """RFC 9112, 3.2.2: the Host header is ignored then."""
    assert client.ask(get("http://other.org:81/echo")).told["HTTP_HOST"] == "other.org:81"


def test_the_asterisk(client):
    told = client.ask(get("*", method="OPTIONS")).told
    assert (told["PATH_INFO"], told["SCRIPT_NAME"]) == ("*", "")


@pytest.mark.parametrize("host", ["", "a", "a.b:80", "[::1]", "[::1]:8080", "ex_a.org", "a:"])
def test_hosts(client, host):
    answer = client.ask(f"GET /echo HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    assert answer.told["HTTP_HOST"] == host


# -- how an application can answer ----------------------------------------------------------------


@pytest.mark.parametrize("path", ["/fixed", "/parts", "/short", "/long", "/broken", "/late"])
def test_iterables_are_closed(probe, path):
    probe.forget_notes()
    with probe.connect() as client:
        client.send(get(path, "Connection: close"))
        client.rest()
    probe.wait_for_note(f"{path[1:]} closed")
    assert len(probe.notes()) == 1


def test_the_write_callable(client):
    assert client.ask(get("/write")).body == b"onetwosix"
    assert client.is_open()


def test_an_error_before_anything_is_sent_replaces_the_answer(client):
    answer = client.ask(get("/early"))
    assert (answer.status, answer.body) == (500, b"sorry")
    assert "X-Lost" not in answer.headers
    assert client.is_open()


@pytest.mark.parametrize("path", ["/late", "/broken"])
def test_an_answer_that_breaks_off_does_not_look_whole(client, path):
    client.send(get(path))
    whole = client.rest()
    assert whole.endswith(b"\r\n\r\n3\r\none\r\n")  # and no chunk of 0 bytes


def test_less_than_was_promised(client):
    client.send(get("/short"))
    assert client.rest().endswith(b"\r\n\r\none")


def test_more_than_was_promised(client):
    assert client.ask(get("/long")).body == b"one"
    assert client.is_open()


@pytest.mark.parametrize(
    ("query", "body", "length"),
    [
        ("", b"0123456789", "10"),
        ("real=1", b"0123456789", "10"),
        ("offset=4", b"456789", "6"),
        ("real=1&offset=4", b"456789", "6"),
        ("length=10", b"0123456789", "10"),
        ("length=3", b"012", "3"),
        ("length=30", b"0123456789", "10"),
        ("real=1&offset=8&length=1", b"8", "1"),
        ("offset=10", b"", None),
    ],
)
def test_files(probe, client, query, body, length):
    probe.forget_notes()
    answer = client.ask(get(f"/file?{query}"))
    assert (answer.body, answer.headers.get("Content-Length")) == (body, length)
    assert client.is_open()
    if "real" not in query:
        probe.wait_for_note("file closed")


# -- slow clients, and those that leave -----------------------------------------------------------


def memory(pid):
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) / 1024


def test_a_slow_reader_does_not_fill_memory(probe):
    """256 MB are on offer; the generator waits, and goes on as far as somebody reads."""
    pid = probe.ask(get()).told["pid"]
    count, total = probe.server.folder / "count", 4096
    before = memory(pid)
    with probe.connect(SO_RCVBUF=65536) as client:
        client.send(get(f"/stream?count={total}"))
        made = wait_until(lambda: standing(count), "the generator to wait")
        assert made < 600  # of 64 KiB each
        assert memory(pid) - before < 100
        assert probe.ask(get()).status == 200  # meanwhile
        assert client.answer().body == b"x" * 65536 * total
        assert client.is_open()
    probe.wait_for_note("stream closed")
    assert memory(pid) - before < 150


def standing(path, seconds=0.3):
    """Return the number in a file once it does not change any more, else 0."""
    if not path.exists():
        return 0
    before = path.read_text()
    time.sleep(seconds)
    return int(before) if before and before == path.read_text() else 0


@pytest.mark.parametrize("farewell", ["reset", "close"])
def test_a_generator_ends_when_its_client_leaves(probe, farewell):
    probe.forget_notes()
    (probe.server.folder / "count").unlink(missing_ok=True)
    client = probe.connect(SO_RCVBUF=65536)
    client.send(get("/stream?count=1000000"))
    wait_until(lambda: standing(probe.server.folder / "count", 0.05), "the generator to wait")
    if farewell == "reset":
        client.reset()
    else:
        client.__exit__()
    probe.wait_for_note("stream closed")


@pytest.mark.parametrize("farewell", ["reset", "close"])
def test_an_application_can_ask_whether_its_client_has_left(probe, farewell):
    probe.forget_notes()
    client = probe.connect()
    client.send(get("/wait"))
    probe.wait_for_note("waiting")
    if farewell == "reset":
        client.reset()
    else:
        client.__exit__()
    probe.wait_for_note("left True")


def test_clients_that_leave_in_the_middle_of_a_request(probe):
    for text in (get()[:-2], post(b"abc")[:-1], chunked(b"3\r\nab"), get("/echo", EXPECT)[:20]):
        for leave in (lambda c: c.reset(), lambda c: c.__exit__()):
            client = probe.connect()
            client.send(text)
            leave(client)
    assert probe.ask(get()).status == 200


def test_a_request_byte_by_byte(client):
    client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for text in (post(b"abc"), chunked(b"3;a=b\r\nabc\r\n0\r\nX: y\r\n\r\n")):
        for place in range(len(text)):
            client.send(text[place : place + 1])
        assert client.answer().told["body"] == "abc"


def test_many_at_once(probe):
    """Answers do not mix, whoever writes them."""
    wrong = []

    def talk(number):
        with probe.connect() as client:
            for turn in range(30):
                body = b"%d-%d" % (number, turn) * 50
                if client.ask(post(body)).told["body"].encode() != body:
                    wrong.append(number)

    threads = [threading.Thread(target=talk, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
