"""Servers in threads of the test process, for the tests of the engine."""

import contextlib
import socket

import pytest

from carboy import binds, leadership, serving
from carboy.poller import HAS_EPOLL
from support.engine import PATIENCE, Running


@pytest.fixture(
    params=[True, False] if HAS_EPOLL else [False], ids=lambda yes: "epoll" if yes else "poll"
)
def use_epoll(request):
    return request.param == "epoll"


@pytest.fixture
def start(use_epoll):
    with contextlib.ExitStack() as stack:

        def start(application, listeners, **options):
            running = Running(application, listeners, use_epoll=use_epoll, **options)
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


@pytest.fixture
def hasty(monkeypatch):
    """Let the engine look after its deadlines all the time."""
    monkeypatch.setattr(serving, "TICK", 0.02)
    monkeypatch.setattr(leadership, "WAIT", 0.02)
