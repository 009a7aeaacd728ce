"""Each advisory about waitress, tried on a live worker; sources are its advisories and history.

https://github.com/Pylons/waitress/security/advisories and HISTORY.txt of waitress 3.0.2.
"""

import contextlib
import os
import socket
import time
from pathlib import Path

import pytest

from support.live import wait_until
from support.raw import chunked, get, post, probing

pytestmark = pytest.mark.live

HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture(scope="module")
def probe(tmp_path_factory):
    with probing(tmp_path_factory.mktemp("probe")) as probe:
        yield probe


def refused(probe, text, statuses=(400,)):
    """Assert one refusal and nothing after it; return it."""
    with probe.connect() as client:
        answer = client.ask(text)
        assert answer.status in statuses
        assert answer.headers["Connection"] == "close"
        assert client.rest() == b""
    assert probe.ask(get()).status == 200
    return answer


@pytest.mark.parametrize(
    "header",
    [
        b"X-Header: x\nContent-Length: 0",
        b"X-Header: x\rContent-Length: 0",
        b"X-Header: x\n\nGET /hidden HTTP/1.1",
    ],
)
def test_cve_2019_16785_lf_does_not_end_a_line(probe, header):
    """GHSA-pg36-wpm5-g57p: a lone LF ended a header line here, and not in the proxy in front."""
    lines = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n%b\r\n\r\n"
    refused(probe, lines % (len(HIDDEN), header) + HIDDEN)


@pytest.mark.parametrize(
    ("coding", "status"),
    [
        ("gzip, chunked", 501),
        ("identity", 501),
        ("chunked, identity", 400),
        ("chunked, chunked", 400),
        ("x", 501),
        ("", 501),
        (",chunked", 501),
    ],
)
def test_cve_2019_16786_only_chunked_is_understood(probe, coding, status):
    """GHSA-g2xc-35jw-c63p: codings besides chunked were ignored, and Content-Length counted."""
    text = get("/echo", f"Transfer-Encoding: {coding}", method="POST") + b"0\r\n\r\n" + HIDDEN
    refused(probe, text, (status,))


def test_cve_2019_16786_with_a_content_length(probe):
    text = get("/echo", "Transfer-Encoding: gzip, chunked", "Content-Length: 5", method="POST")
    refused(probe, text + b"0\r\n\r\n" + HIDDEN)


def test_cve_2019_16786_a_folded_coding_is_one(probe):
    text = get("/echo", "Transfer-Encoding: gzip,\r\n chunked", method="POST")
    refused(probe, text + b"0\r\n\r\n" + HIDDEN, (501,))


@pytest.mark.parametrize(
    "lines",
    [
        ["Content-Length: 33", "Content-Length: 0"],
        ["Content-Length: 33", "Content-Length: 33"],
        ["Content-Length: 33, 33"],
        ["Content-Length: 33\r\n 0"],
        ["Content-Length: abc"],
        ["Content-Length:"],
        ["Content-Length: -1"],
    ],
)
def test_ghsa_4ppp_gpcr_7qf6_a_length_that_is_none(probe, lines):
    """A Content-Length that was no number, or came twice, counted as 0."""
    refused(probe, get("/echo", *lines, method="POST") + HIDDEN)


@pytest.mark.parametrize("white", ["\x0b", "\x0c", "\x1c", "\x00", "\x7f", "\x85", "\xa0"])
@pytest.mark.parametrize("place", ["{}chunked", "chunked{}", "chunked,{}"])
def test_cve_2019_16789_other_white_space_is_none(probe, white, place):
    """GHSA-m5ff-3wj3-8ph4: Python's white space around chunked was stripped."""
    line = "Transfer-Encoding: " + place.format(white)
    text = get("/echo", line, method="POST") + b"0\r\n\r\n" + HIDDEN
    refused(probe, text, (400, 501))


@pytest.mark.parametrize(
    "line",
    [
        "Content-Length : 33",
        "Transfer-Encoding : chunked",
        "Content-Length\t: 33",
        " Content-Length: 33",
        "Content Length: 33",
        "\x00Content-Length: 33",
        "Content-Length",
        ": 33",
    ],
)
def test_cve_2019_16789_malformed_header_lines(probe, line):
    text = b"POST /echo HTTP/1.1\r\n" + line.encode() + b"\r\nHost: x\r\n\r\n"
    refused(probe, text + HIDDEN)


@pytest.mark.parametrize(
    "value",
    ["x" * 60000 + "\x00", " " * 60000 + "\x00", "x " * 30000 + "\x00", "\t " * 30000 + "\x7f"],
)
def test_ghsa_73m2_3pwg_5fgc_no_header_is_slow_to_refuse(probe, value):
    """Values that are refused took for ever (waitress 3.0.2 still takes 10 s for white space)."""
    began = time.monotonic()
    refused(probe, get("/echo", f"X-Header:{value}"))
    assert time.monotonic() - began < 1


@pytest.mark.parametrize("length", ["+10", "0x10", "1_0", "10 ", "10\x0b", "١", "1e1", "10;"])
def test_ghsa_4f7p_27jc_3c36_a_length_is_digits(probe, length):
    """CVE-2022-24761: what Python's int() reads was good enough for a number."""
    if length == "10 ":  # white space around a value is allowed
        assert probe.ask(get("/echo", "Content-Length: 2 ", method="POST") + b"ab").status == 200
        return
    head = f"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n"
    refused(probe, head.encode() + b"0123456789" + HIDDEN)


@pytest.mark.parametrize("size", ["+3", "0x3", "-3", "3 ", " 3", "3_0", "", "g", "٣", "3\t"])
def test_ghsa_4f7p_27jc_3c36_a_chunk_size_is_hexadecimal_digits(probe, size):
    refused(probe, chunked(size.encode() + b"\r\nabc\r\n0\r\n\r\n") + HIDDEN)


@pytest.mark.parametrize("extension", [";\n", ";a\n", ";a=\n", ';a="\n"', ";a=b\x00", ";=", ";a b"])
def test_ghsa_4f7p_27jc_3c36_a_chunk_extension_is_looked_at(probe, extension):
    refused(probe, chunked(b"3" + extension.encode() + b"\r\nabc\r\n0\r\n\r\n") + HIDDEN)


def test_pr_377_a_client_that_leaves_while_another_thread_sends(probe):
    """Closing a socket in the thread that sent took the whole server down (fixed in 2.1.2).

    https://github.com/Pylons/waitress/pull/377
    """
    pid = probe.ask(get()).told["pid"]
    for number in range(40):
        clients = [probe.connect(SO_RCVBUF=4096) for _ in range(5)]
        for client in clients:
            client.send(get("/stream?count=100"))
        if number % 2:
            clients[0].sock.recv(1000)
        for client in clients:
            client.reset()
    assert probe.ask(get()).told["pid"] == pid
    assert_no_connections(pid)


def test_ghsa_9298_4cf8_g4wj_nothing_is_served_after_a_refusal(probe):
    """A second request was served although the first one had ended the connection."""
    probe.forget_notes()
    bad = get("/echo", "Content-Length: x", method="POST")
    for pause in (False, True):
        for _ in range(50):
            with probe.connect() as client:
                client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                client.send(bad) if pause else client.send(bad, get("/parts"))
                if pause:
                    with contextlib.suppress(OSError):
                        client.send(get("/parts"))
                assert client.answer().status == 400
                assert client.rest() == b""
    assert probe.ask(get()).status == 200
    assert probe.notes() == []


def test_ghsa_9298_4cf8_g4wj_nor_after_an_answer_that_says_close(probe):
    probe.forget_notes()
    for _ in range(50):
        with probe.connect() as client:
            client.send(post(b"a", "Connection: close"), get("/parts"))
            assert client.answer().headers["Connection"] == "close"
            assert client.rest() == b""
    assert probe.notes() == []


def test_ghsa_3f84_rpwh_47g6_a_client_that_leaves_at_once(probe):
    """A connection that ended before the server looked at it was polled for ever."""
    pid = probe.ask(get()).told["pid"]
    for _ in range(200):
        probe.connect().reset()
    assert_no_connections(pid)
    used = cpu_seconds(pid)
    time.sleep(0.5)
    assert cpu_seconds(pid) - used < 0.2, "the worker spins"
    assert probe.ask(get()).told["pid"] == pid


def assert_no_connections(pid):
    """Wait until the worker has closed all sockets but those that it listens on."""

    def connections():
        found = set()
        for fd in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                found.add(fd.readlink().name)
        tcp = [line.split() for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]]
        return [line for line in tcp if line[3] != "0A" and f"socket:[{line[9]}]" in found]

    wait_until(lambda: not connections(), "the end of all connections")


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
