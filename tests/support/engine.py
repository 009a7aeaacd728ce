"""Servers in threads of the test process, and clients that speak HTTP by the byte."""

import os
import socket
import threading

from carboy.link import MAX_DESCRIPTORS, Link
from carboy.serving import Server

PATIENCE = 10.0


class Running:
    """A server in a thread of this process, and the master's end of its link."""

    def __init__(self, application, listeners, *, threads=4, connection_limit=5000, **options):
        ours, theirs = socket.socketpair()
        self.master, self._worker = Link(ours), Link(theirs)
        copies = [socket.socket(fileno=os.dup(sock.fileno())) for sock in listeners]
        self.server = Server(
            application,
            copies,
            self._worker,
            threads=threads,
            connection_limit=connection_limit,
            **options,
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
        return [message for message in found if message.kind == "connections"]

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
