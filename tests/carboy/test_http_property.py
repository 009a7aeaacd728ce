"""Any valid requests, cut anywhere, get stock waitress's answers; garbage harms nobody.

Where Carboy decides otherwise (it keeps connections open whose end waitress cannot tell), only that
difference is left out of the comparison. Both serve on Unix sockets: there a client can tell when
what it has sent was read, so that a cut is a cut.
"""

import contextlib
import fcntl
import logging
import re
import socket
import struct
import termios
import threading
from pathlib import Path
from urllib.parse import quote

import hypothesis
import hypothesis.configuration
import pytest
import waitress
from hypothesis import strategies as st

from carboy.link import Link
from carboy.serving import Server
from support.live import wait_until

hypothesis.configuration.set_hypothesis_home_dir(Path(__file__).parents[2] / ".hypothesis_cache")
PATIENCE = 10.0
BOUNDED = {
    "deadline": None,
    "database": None,
    "suppress_health_check": list(hypothesis.HealthCheck),
}


def app(environ, start_response):
    """Answer with what was asked, in the way that the query begins with."""
    told = {k: v for k, v in environ.items() if k.startswith("HTTP_") or k in TOLD}
    body = repr((sorted(told.items()), environ["wsgi.input"].read())).encode()
    way = environ["QUERY_STRING"][:5]
    status = {"empty": "304 Not Modified", "faile": "404 Not Found"}.get(way, "200 OK")
    headers = [("X-One", "1"), ("ETag", '"x"'), ("x-one", "2"), ("Content-Type", "text/plain")]
    if environ["REQUEST_METHOD"] == "HEAD" or way == "empty":
        start_response(status, headers if way == "empty" else [*headers, ("Content-Length", "7")])
        return []
    if way == "parts":
        start_response(status, [*headers, ("Content-Length", str(len(body)))])
        return [body[:10], b"", body[10:]]
    if way == "write":
        start_response(status, headers)(body[:10])
        return [body[10:]]
    if way == "error":
        raise ValueError
    start_response(status, headers)
    return iter([body]) if way == "chunk" else [body]


TOLD = ("REQUEST_METHOD", "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING", "REQUEST_URI")
TOLD += ("CONTENT_LENGTH", "CONTENT_TYPE", "SERVER_PROTOCOL", "wsgi.url_scheme", "REMOTE_ADDR")
WAYS = st.sampled_from(["list", "parts", "write", "chunk", "empty", "failed", "error"])


# A large body makes large examples.
pytestmark = pytest.mark.filterwarnings("ignore:Generating overly large repr")

# -- the two servers ------------------------------------------------------------------------------


def listen(path):
    sock = socket.socket(socket.AF_UNIX)
    sock.bind(str(path))
    sock.listen(100)
    sock.setblocking(False)
    return sock


@pytest.fixture(scope="module", autouse=True)
def quiet():
    """What the application raises is not of interest."""
    logging.getLogger("waitress").setLevel(logging.CRITICAL)
    yield
    logging.getLogger("waitress").setLevel(logging.NOTSET)


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    path = tmp_path_factory.mktemp("ours") / "s"
    master, worker = (Link(end) for end in socket.socketpair())
    server = Server(app, [listen(path)], worker, threads=4, connection_limit=1000)
    thread = threading.Thread(target=server.run)
    thread.start()
    yield path
    server.ask_to_drain(0.0)
    thread.join(PATIENCE)
    master.close()
    worker.close()
    assert not thread.is_alive()


@pytest.fixture(scope="module")
def stock(tmp_path_factory):
    path = tmp_path_factory.mktemp("stock") / "s"
    server = waitress.create_server(app, sockets=[listen(path)], ident="carboy", threads=4)
    thread = threading.Thread(target=server.run)
    thread.start()
    yield path
    server.task_dispatcher.shutdown()
    server.asyncore.close_all(server._map)
    thread.join(PATIENCE)
    assert not thread.is_alive()


def is_read(sock):
    return not struct.unpack("i", fcntl.ioctl(sock, termios.TIOCOUTQ, b"\0" * 4))[0]


def converse(path, pieces):
    """Send the pieces one by one; return all that comes back until the end."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(PATIENCE)
        sock.connect(str(path))
        with contextlib.suppress(OSError):  # closed, because enough was said
            for piece in pieces:
                sock.sendall(piece)
                wait_until(lambda: is_read(sock), f"{path} to read", PATIENCE)
            sock.shutdown(socket.SHUT_WR)
        found = b""
        with contextlib.suppress(ConnectionResetError):
            while part := sock.recv(65536):
                found += part
        return found


# -- requests -------------------------------------------------------------------------------------

TOKEN = st.text("abcdefgxyzABCXYZ0123456789-!#$%&'*+.^`|~", min_size=1, max_size=12)
VALUE = st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=30
)
OWN = re.compile(r"(?i)host|content-.*|transfer-encoding|connection|expect|(x-)?forwarded.*")
HEADERS = st.lists(st.tuples(TOKEN.filter(lambda name: not OWN.fullmatch(name)), VALUE), max_size=5)
PATH = st.text("abc/%.~-_:@!$&'()*+,;=é€ \x00", max_size=20)
SAFE = "/:@!$&'()*+,;="
DATA = st.binary(max_size=60)


@st.composite
def bodies(draw):
    """Return header lines and what follows them."""
    kind = draw(st.sampled_from(["none", "none", "fixed", "chunked"]))
    if kind == "fixed":
        data = draw(DATA | st.just(b"x" * 9000))
        return [f"Content-Length: {len(data)}"], data
    if kind == "none":
        return [], b""
    data = b""
    for chunk in draw(st.lists(DATA.filter(len), max_size=4)):
        extension = draw(st.sampled_from([b"", b"", b";a", b';a=b;c="d e"']))
        data += b"%x%b\r\n%b\r\n" % (len(chunk), extension, chunk)
    trailer = draw(st.sampled_from([b"", b"", b"X-Trailer: yes\r\n"]))
    return ["Transfer-Encoding: " + draw(st.sampled_from(["chunked", "Chunked"]))], (
        data + b"0\r\n" + trailer + b"\r\n"
    )


@st.composite
def requests(draw):
    method = draw(st.sampled_from(["GET", "GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS"]))
    lines, body = draw(bodies())
    version = "1.1" if "Transfer-Encoding" in "".join(lines) else draw(VERSION)
    target = f"/{quote(draw(PATH), safe=SAFE)}?{draw(WAYS)}"
    if draw(st.integers(0, 9)) == 0:
        target = f"http://host.example{target}"
    lines += [f"{name}:{' ' * (len(value) % 3)}{value}" for name, value in draw(HEADERS)]
    lines += draw(CONNECTION)
    lines.insert(len(lines) // 2, "Host: host.example")
    head = [f"{method} {target} HTTP/{version}", *draw(st.permutations(lines)), "", ""]
    return "\r\n".join(head).encode("latin-1") + body


VERSION = st.sampled_from(["1.1", "1.1", "1.1", "1.0"])
CONNECTION = st.sampled_from([[], [], [], ["Connection: close"], ["Connection: keep-alive"]])


@st.composite
def cut(draw, texts):
    """Return bytes in pieces."""
    text = b"".join(draw(texts))
    places = sorted(draw(st.lists(st.integers(0, len(text)), max_size=6)))
    return [text[i:j] for i, j in zip([0, *places], [*places, None], strict=True) if text[i:j]]


# -- the comparison -------------------------------------------------------------------------------

HEAD = re.compile(rb"HTTP/1\.[01] \d\d\d [^\r\n]*\r\n(?:[^\r\n]+\r\n)*\r\n")


def answers(data):
    """Split what a server has sent, whose bodies never look like a head."""
    heads = list(HEAD.finditer(data))
    ends = [head.start() for head in heads[1:]] + [len(data)]
    found = []
    for head, end in zip(heads, ends, strict=True):
        text, date = re.subn(rb"\r\nDate: [^\r]*", b"", head[0])
        assert date == 1
        found.append((text, data[head.end() : end]))
    assert data[: heads[0].start() if heads else None] == b""
    return found


# What waitress says to HTTP/1.0 when an application failed.
BOTH = b"Connection: close\r\nConnection: Keep-Alive\r\n"


def is_measured(head):
    return b"\r\nContent-Length: " in head


@hypothesis.settings(max_examples=120, **BOUNDED)
@hypothesis.given(cut(st.lists(requests(), min_size=1, max_size=4)))
def test_the_answers_are_those_of_stock_waitress(ours, stock, pieces):
    theirs, own = answers(converse(stock, pieces)), answers(converse(ours, pieces))
    assert len(theirs) <= len(own)
    for (their_head, their_body), (head, body) in zip(theirs, own, strict=False):
        their_head = their_head.replace(BOTH, BOTH[:19])
        if not is_measured(their_head) and b"Connection: close\r\n" not in head:
            their_head = their_head.replace(b"Connection: close\r\n", b"")
        assert (head, body) == (their_head, their_body)
    if theirs and len(theirs) < len(own):
        assert not is_measured(theirs[-1][0])  # it has closed, and did not need to


@hypothesis.settings(max_examples=60, **BOUNDED)
@hypothesis.given(st.lists(requests(), min_size=1, max_size=3), st.data())
def test_how_a_request_is_cut_does_not_matter(ours, texts, data):
    pieces = data.draw(cut(st.just(texts)))
    assert answers(converse(ours, pieces)) == answers(converse(ours, [b"".join(texts)]))


# -- garbage --------------------------------------------------------------------------------------

SPICE = st.sampled_from(
    [
        *(b"\r\n", b"\n", b"\r", b"\0", b" ", b"\t", b":", b"\r\n\r\n", b"0", b"-1", b"%", b"\xff"),
        b"Host: y\r\n",
        b"Content-Length: 3\r\n",
        b"Content-Length: " + b"9" * 5000 + b"\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Expect: 100-continue\r\n",
        b"http://[",
        b"GET * HTTP/1.1",
    ]
)


@st.composite
def spoilt(draw):
    text = b"".join(draw(st.lists(requests(), min_size=1, max_size=2)))
    for spice in draw(st.lists(SPICE, min_size=1, max_size=4)):
        place = draw(st.integers(0, min(len(text), 300)))
        gone = draw(st.sampled_from([0, 0, 1, 5]))
        text = text[:place] + spice + text[place + gone :]
    return text


GOOD = b"GET /?list HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


@hypothesis.settings(max_examples=200, **BOUNDED)
@hypothesis.given(cut(st.lists(st.binary(max_size=200) | spoilt(), min_size=1, max_size=2)))
def test_garbage_is_answered_or_dropped_and_the_next_client_served(ours, pieces):
    converse(ours, pieces)  # which ends, or the test fails
    assert converse(ours, [GOOD]).startswith(b"HTTP/1.1 200 OK\r\n")
