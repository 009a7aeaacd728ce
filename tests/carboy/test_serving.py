import os
import socket
import threading
import time

import pytest

from carboy import serving
from carboy.limits import Limits
from carboy.link import Link
from carboy.observer import Observer
from carboy.serving import Server
from support.engine import PATIENCE, Application, answer, ask, is_closed, receive, request
from support.live import wait_until


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


def messages(running, kind):
    """Wait for messages of a kind; return their fields."""
    found = []

    def look():
        found.extend(m.fields for m in running.master.receive() if m.kind == kind)
        return found

    return wait_until(look, kind)


def hold(running, application, connect, times=1):
    """Occupy threads with requests that wait."""
    clients = [connect() for _ in range(times)]
    for client in clients:
        client.sendall(request("/slow"))
    wait_until(lambda: running.server.figures()["in_flight"] == times, "all of them")
    assert application.begun.wait(PATIENCE)
    return clients


def test_beyond_the_queue_requests_are_refused_at_once(start, listeners, connect):
    application = Application()
    running = start(application, listeners, threads=1, limits=Limits(queue=2))
    holding = hold(running, application, connect)
    wait_until(lambda: running.server.figures()["busy_threads"] == 1, "the first")
    for number in (2, 3):
        holding.append(connect())
        holding[-1].sendall(request())
        wait_until(lambda n=number: running.server.figures()["in_flight"] == n, "it to wait")
    for options in ({}, {"method": "POST", "more": "Content-Length: 1000\r\n", "body": b"begun"}):
        late = connect()
        head, _body = ask(late, **options)
        assert (head["status"], head["Retry-After"], head["Connection"]) == ("503", "1", "close")
        assert is_closed(late)
    figures = running.server.figures()
    assert (figures["refused"], figures["queue"]) == ({"queue": 2}, 2)
    application.go.set()
    for client in holding:
        assert answer(client)[1] == b"one"
    assert ask(connect())[1] == b"one"


def test_free_threads_are_no_queue(start, listeners, connect):
    application = Application()
    running = start(application, listeners, threads=4, limits=Limits(queue=1))
    clients = hold(running, application, connect, 4)
    application.go.set()
    for client in clients:
        assert answer(client)[1] == b"one"


def test_figures_are_told_when_asked_and_at_the_end(start, listeners, connect):
    running = start(Application(), listeners)
    ask(connect())
    running.master.send("figures")
    [found] = messages(running, "figures")
    figures = found["figures"]
    assert figures["connections"] == 1
    assert figures["memory"] > 1_000_000
    assert abs(figures["started"] - time.time()) < 60
    assert {"in_flight", "queue", "busy_threads", "threads", "refused"} <= figures.keys()
    running.drain()
    running.join()
    assert messages(running, "figures")[-1]["figures"]["connections"] == 0


def test_the_observer_is_told_to_reopen_its_files(start, listeners):
    class Reopened(Observer):
        seen = threading.Event()

        def reopen(self):
            self.seen.set()

    running = start(Application(), listeners, observer=Reopened())
    running.master.send("reopen")
    assert Reopened.seen.wait(PATIENCE)


def test_it_says_that_it_lives_also_while_requests_hold_all_threads(
    start, listeners, connect, hasty
):
    application = Application()
    running = start(application, listeners, threads=1)
    hold(running, application, connect)
    for _ in range(5):
        messages(running, "beat")
    application.go.set()


def test_a_master_that_does_not_read_is_no_reason_to_end(start, listeners, connect, monkeypatch):
    monkeypatch.setattr(serving, "TICK", 0.0)
    running = start(Application(), listeners)
    client = connect()
    for _ in range(2000):  # each a beat, more than the line holds
        assert ask(client)[1] == b"one"
    assert messages(running, "beat")
    assert ask(client)[1] == b"one"


def test_two_signals_at_once_are_no_busy_loop(start, listeners, connect):
    application = Application()
    running = start(application, listeners)
    [client] = hold(running, application, connect)
    for _ in range(3):
        running.server.ask_to_drain(PATIENCE)
    wait_until(lambda: running.server.draining, "the order")
    before = time.process_time()
    time.sleep(0.3)
    assert time.process_time() - before < 0.15
    application.go.set()
    assert answer(client)[1] == b"one"
