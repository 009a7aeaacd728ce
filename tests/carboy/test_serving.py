import contextlib
import os
import socket
import threading
import time

import pytest

from carboy import binds
from carboy.link import MAX_DESCRIPTORS, Link
from carboy.serving import Server
from support.live import wait_until

PATIENCE = 10.0


class Running:
    """A server in a thread of this process, and the master's end of its link."""

    def __init__(self, application, listeners, *, threads=4, connection_limit=5000):
        ours, theirs = socket.socketpair()
        self.master, self._worker = Link(ours), Link(theirs)
        copies = [socket.socket(fileno=os.dup(sock.fileno())) for sock in listeners]
        self.server = Server(
            application, copies, self._worker, threads=threads, connection_limit=connection_limit
        )
        self._thread = threading.Thread(target=self.server.run)
        self._thread.start()

    def drain(self, grace=PATIENCE, *, hand_over=False):
        self.master.send("drain", grace=grace, hand_over=hand_over)

    def join(self):
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive(), "the server does not end"

    def handed_over(self):
        """Drain; return the messages with connections that came until the end."""
        self.drain(hand_over=True)
        found = []
        while self._thread.is_alive():
            found += self.master.receive()
            self._thread.join(0.001)
        while messages := self.master.receive():
            found += messages
        return found

    def adopt(self, messages):
        for message in messages:
            assert len(message.descriptors) <= MAX_DESCRIPTORS
            assert self.master.send("connections", message.descriptors, **message.fields)
            for number in message.descriptors:
                os.close(number)

    def close(self):
        # Only a server that has ended may lose its master: else it would end this process.
        self.drain(grace=1.0)
        self.join()
        self.master.close()
        self._worker.close()


class Application:
    """Answers with its name and what it was sent; `/slow` waits until `go` is set."""

    def __init__(self, name="one"):
        self.name = name
        self.begun, self.go = threading.Event(), threading.Event()

    def __call__(self, environ, start_response):
        if environ["PATH_INFO"] == "/slow":
            self.begun.set()
            assert self.go.wait(PATIENCE)
        body = self.name.encode() + environ["wsgi.input"].read()
        if environ["PATH_INFO"] == "/big":
            body = b"x" * 3_000_000
        start_response("200 OK", [("Content-Length", str(len(body)))])
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]


@pytest.fixture
def start():
    with contextlib.ExitStack() as stack:

        def start(application, listeners, **options):
            running = Running(application, listeners, **options)
            stack.callback(running.close)
            return running

        yield start


@pytest.fixture
def listeners(tmp_path, monkeypatch):
    """A TCP and a Unix socket."""
    monkeypatch.chdir(tmp_path)
    sockets = binds.open_sockets([binds.parse("127.0.0.1:0"), binds.parse("unix:s")])
    yield sockets
    for sock in sockets:
        binds.close(sock)


@pytest.fixture
def connect(listeners):
    """Connect clients to a listener, 0 for TCP, 1 for Unix."""
    with contextlib.ExitStack() as stack:

        def connect(index=0):
            client = stack.enter_context(socket.socket(listeners[index].family))
            client.settimeout(PATIENCE)
            client.connect(listeners[index].getsockname())
            return client

        yield connect


def request(path="/", *, method="GET", version="1.1", more="", body=b""):
    head = f"{method} {path} HTTP/{version}\r\nHost: x\r\n{more}\r\n"
    return head.encode() + body


def answer(client, *, head_only=False):
    """Read one answer; return its head and its body."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += (part := client.recv(65536))
        assert part, f"closed after {data!r}"
    head, _, body = data.partition(b"\r\n\r\n")
    lines = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
    while not head_only and len(body) < int(lines["Content-Length"]):
        body += (part := client.recv(65536))
        assert part, "closed too early"
    return lines | {"status": head.decode().split()[1]}, body


def receive(client, text, times):
    """Read until the text has come that often; return whether it has."""
    data = b""
    while data.count(text) < times and (part := client.recv(65536)):
        data += part
    return data.count(text) == times


def ask(client, path="/", **options):
    client.sendall(request(path, **options))
    return answer(client)


def is_closed(client):
    return client.recv(1) == b""


def test_tcp_and_unix_side_by_side(start, listeners, connect):
    start(Application(), listeners)
    for index in (0, 1, 0):
        client = connect(index)
        for _ in range(2):
            assert ask(client)[1] == b"one"


@pytest.mark.parametrize("index", [0, 1])
def test_draining_closes_what_is_idle_and_accepts_no_more(start, listeners, connect, index):
    running = start(Application(), listeners)
    used, fresh = connect(index), connect(index)
    ask(used)
    running.drain()
    running.join()
    assert is_closed(used)
    assert is_closed(fresh)
    late = connect(index)  # waits in the socket for whoever serves next
    late.settimeout(0)
    with pytest.raises(BlockingIOError):
        late.recv(1)


def test_draining_finishes_what_is_under_way_and_says_close(start, listeners, connect):
    application = Application()
    running = start(application, listeners)
    client = connect()
    client.sendall(request("/slow"))
    assert application.begun.wait(PATIENCE)
    running.drain()
    wait_until(lambda: running.server.draining, "the order")
    application.go.set()
    head, body = answer(client)
    assert (head["Connection"], body) == ("close", b"one")
    assert is_closed(client)
    running.join()


def test_draining_hears_a_request_that_is_half_there(start, listeners, connect):
    application = Application()
    running = start(application, listeners)
    client = connect()
    whole = request(more="Content-Length: 4\r\n", body=b"body", method="POST")
    client.sendall(whole[:-2])
    wait_until(lambda: any(c.request for c in running.server._channels()), "the first half")
    running.drain()
    wait_until(lambda: running.server.draining, "the order")
    client.sendall(whole[-2:])
    assert answer(client)[1] == b"onebody"
    running.join()


def test_draining_hears_who_has_connected_but_not_spoken(start, listeners, connect):
    running = start(Application(), listeners)
    client = connect()
    running.drain()
    wait_until(lambda: running.server.draining, "the order")
    assert ask(client)[1] == b"one"
    assert is_closed(client)
    running.join()


def test_draining_finishes_pipelined_requests(start, listeners, connect):
    application = Application()
    running = start(application, listeners)
    client = connect()
    client.sendall(request("/slow") + request("/"))
    assert application.begun.wait(PATIENCE)
    running.drain(hand_over=True)
    wait_until(lambda: running.server.draining, "the order")
    application.go.set()
    assert receive(client, b"\r\n\r\none", 2)
    running.join()


@pytest.mark.parametrize("hand_over", [False, True])
def test_draining_ends_with_its_grace(start, listeners, connect, hand_over):
    application = Application()
    running = start(application, listeners)
    client = connect()
    client.sendall(request("/slow"))
    assert application.begun.wait(PATIENCE)
    began = time.monotonic()
    running.drain(grace=0.1, hand_over=hand_over)
    running.join()
    assert time.monotonic() - began < 2
    application.go.set()


def test_draining_twice_is_draining_once(start, listeners, connect):
    application = Application()
    running = start(application, listeners)
    client = connect()
    client.sendall(request("/slow"))
    assert application.begun.wait(PATIENCE)
    running.drain(hand_over=True)
    running.drain(grace=0.0)
    running.server.ask_to_drain(0.0)  # a SIGTERM on top
    application.go.set()
    assert answer(client)[1] == b"one"


def test_asking_to_drain_wakes_the_loop(start, listeners):
    running = start(Application(), listeners)
    began = time.monotonic()
    running.server.ask_to_drain(PATIENCE)
    running.join()
    assert time.monotonic() - began < 0.9  # less than a tick


def test_a_big_answer_is_whole(start, listeners, connect):
    running = start(Application(), listeners)
    client = connect()
    client.sendall(request("/big"))
    assert client.recv(1, socket.MSG_PEEK)
    running.drain()
    wait_until(lambda: running.server.draining, "the order")
    assert len(answer(client)[1]) == 3_000_000
    running.join()


@pytest.mark.parametrize("index", [0, 1])
def test_an_idle_connection_lives_on_with_the_next(start, listeners, connect, index):
    old = start(Application("old"), listeners)
    used, fresh = connect(index), connect(index)
    assert ask(used)[1] == b"old"
    wait_until(lambda: len(list(old.server._channels())) == 2, "both")
    messages = old.handed_over()
    assert {message.fields["listener"] for message in messages} == {index}
    new = start(Application("new"), listeners)
    new.adopt(messages)
    for client in (used, fresh):
        head, body = ask(client)
        assert body == b"new"
        assert head.get("Connection", "keep-alive").lower() != "close"


def test_after_an_answer_the_connection_is_handed_over_open(start, listeners, connect):
    application = Application("old")
    old = start(application, listeners)
    client = connect()
    client.sendall(request("/slow"))
    assert application.begun.wait(PATIENCE)
    old.drain(hand_over=True)
    wait_until(lambda: old.server.draining, "the order")
    application.go.set()
    head, body = answer(client)
    assert "Connection" not in head
    assert body == b"old"
    messages = old.handed_over()
    new = start(Application("new"), listeners)
    new.adopt(messages)
    assert ask(client)[1] == b"new"


def test_a_request_that_is_half_there_stays_with_the_old(start, listeners, connect):
    old = start(Application("old"), listeners)
    client = connect()
    client.sendall(request()[:10])
    wait_until(lambda: any(c.request for c in old.server._channels()), "the first half")
    old.drain(hand_over=True)
    wait_until(lambda: old.server.draining, "the order")
    client.sendall(request()[10:])
    assert answer(client)[1] == b"old"
    new = start(Application("new"), listeners)
    new.adopt(old.handed_over())
    assert ask(client)[1] == b"new"


def test_a_request_sent_between_two_servers_is_answered_by_the_next(start, listeners, connect):
    old = start(Application("old"), listeners)
    kept, late = connect(), None
    ask(kept)
    messages = old.handed_over()
    kept.sendall(request())
    late = connect()
    late.sendall(request())
    new = start(Application("new"), listeners)
    new.adopt(messages)
    assert answer(kept)[1] == b"new"
    assert answer(late)[1] == b"new"


def test_more_than_a_thousand_connections_in_batches(start, listeners, connect):
    old = start(Application("old"), listeners)
    clients = [connect(number % 2) for number in range(1100)]
    wait_until(lambda: len(list(old.server._channels())) == len(clients), "all of them")
    messages = old.handed_over()
    assert sum(len(message.descriptors) for message in messages) == len(clients)
    assert {message.fields["listener"] for message in messages} == {0, 1}
    new = start(Application("new"), listeners)
    new.adopt(messages)
    for client in clients:
        client.sendall(request())
    assert {answer(client)[1] for client in clients} == {b"new"}


@pytest.fixture
def adopted(start, listeners, connect):
    """A connection that has lived through two generations."""
    old = start(Application("old"), listeners)
    client = connect()
    ask(client)
    new = start(Application("new"), listeners[:])
    new.adopt(old.handed_over())
    return client


def test_head_after_adoption(adopted):
    adopted.sendall(request(method="HEAD"))
    head, body = answer(adopted, head_only=True)
    assert (head["status"], head["Content-Length"], body) == ("200", "3", b"")
    assert ask(adopted)[1] == b"new"


def test_http_1_0_after_adoption(adopted):
    assert ask(adopted, version="1.0")[1] == b"new"
    assert is_closed(adopted)


def test_http_1_0_with_keep_alive_after_adoption(adopted):
    head, _ = ask(adopted, version="1.0", more="Connection: Keep-Alive\r\n")
    assert head["Connection"] == "Keep-Alive"
    assert ask(adopted)[1] == b"new"


def test_chunked_after_adoption(adopted):
    chunked = {"method": "POST", "more": "Transfer-Encoding: chunked\r\n"}
    assert ask(adopted, **chunked, body=b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")[1] == b"newabcde"
    assert ask(adopted)[1] == b"new"


def test_expect_continue_after_adoption(adopted):
    more = "Expect: 100-continue\r\nContent-Length: 2\r\n"
    adopted.sendall(request(method="POST", more=more))
    assert adopted.recv(100).startswith(b"HTTP/1.1 100")
    adopted.sendall(b"ab")
    assert answer(adopted)[1] == b"newab"


def test_pipelining_after_adoption(adopted):
    adopted.sendall(request() * 3)
    assert receive(adopted, b"\r\n\r\nnew", 3)


def test_a_bad_request_after_adoption(adopted):
    adopted.sendall(b"nonsense\r\n\r\n")
    assert answer(adopted)[0]["status"] == "400"
    assert is_closed(adopted)


def test_a_client_that_has_left_is_not_adopted(start, listeners, connect):
    old = start(Application("old"), listeners)
    gone, kept = connect(), connect()
    ask(gone)
    ask(kept)
    messages = old.handed_over()
    gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    gone.close()  # with a reset
    new = start(Application("new"), listeners)
    new.adopt(messages)
    assert ask(kept)[1] == b"new"
    assert len(list(new.server._channels())) == 1


def test_the_limit_of_connections_does_not_deafen_the_server(start, listeners, connect):
    running = start(Application(), listeners, connection_limit=8)
    clients = [connect() for _ in range(20)]
    for client in clients:
        client.sendall(request(more="Connection: close\r\n"))
    assert {answer(client)[1] for client in clients} == {b"one"}
    running.drain()
    running.join()


def test_an_error_of_the_application_is_answered(start, listeners, connect):
    def broken(environ, start_response):
        raise ZeroDivisionError

    running = start(broken, listeners)
    client = connect()
    assert ask(client)[0]["status"] == "500"
    running.drain()
    running.join()


def test_an_order_that_was_read_with_the_last_one_is_obeyed(listeners):
    ours, theirs = socket.socketpair()
    master, worker = Link(ours), Link(theirs)
    master.send("prepare", once=True)
    master.send("drain", grace=5.0, hand_over=True)  # a file was saved at this very moment
    assert worker.wait().kind == "prepare"
    copies = [socket.socket(fileno=os.dup(sock.fileno())) for sock in listeners]
    server = Server(Application(), copies, worker, threads=1, connection_limit=100)
    thread = threading.Thread(target=server.run)
    thread.start()
    thread.join(2)
    obeyed = server.draining
    server.ask_to_drain(0.0)
    thread.join()
    master.close()
    worker.close()
    assert obeyed
