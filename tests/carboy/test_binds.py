import contextlib
import errno
import os
import resource
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from carboy import binds
from carboy.binds import Bind, BindError


def close(sock):
    if sock.fileno() >= 0:
        binds.close(sock)


@pytest.fixture
def opened():
    """Open addresses; everything is closed at the end of the test."""
    with contextlib.ExitStack() as stack:

        def opened(*texts):
            sockets = binds.open_sockets([binds.parse(text) for text in texts])
            for sock in sockets:
                stack.callback(close, sock)
            return sockets

        yield opened


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working folder, for the paths of sockets are short."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("8080", Bind("8080", host="127.0.0.1", port=8080)),
        (":8080", Bind(":8080", host="127.0.0.1", port=8080)),
        ("0.0.0.0:0", Bind("0.0.0.0:0", host="0.0.0.0", port=0)),
        ("example.org:65535", Bind("example.org:65535", host="example.org", port=65535)),
        ("[::1]:80", Bind("[::1]:80", host="::1", port=80)),
        ("[::]:80", Bind("[::]:80", host="::", port=80)),
        ("unix:/run/x y.sock", Bind("unix:/run/x y.sock", path="/run/x y.sock")),
        ("unix:s", Bind("unix:s", path="s")),
        ("fd://3", Bind("fd://3", fd=3)),
    ],
)
def test_parse(text, expected):
    assert binds.parse(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", ":", "localhost", "localhost:", "localhost:http", "localhost:-1", "h:65536"),
        *("h: 80", "h:80 ", "h:+80", "h:8_0", "h:²", "²", "h:٣", "::1:80", "[::1]", "[::1]80"),
        *("[::1:80", "http://h:80", "unix:", "unix", "unix:a\0b", "h\0:80"),
        *(
            "fd://",
            "fd://-1",
            "fd://x",
            "fd://3:4",
            "fd://²",
            "fd://" + "9" * 20,
            "h:" + "1" * 5000,
        ),
    ],
)
def test_garbage_is_refused_with_the_ways_to_write_it(text):
    with pytest.raises(BindError, match="write HOST:PORT") as refused:
        binds.parse(text)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "is_loopback"),
    [
        ("127.0.0.1:1", True),
        ("127.9.9.9:1", True),
        ("[::1]:1", True),
        ("localhost:1", True),
        (":1", True),
        ("unix:x", True),
        ("0.0.0.0:1", False),
        ("[::]:1", False),
        ("192.0.2.1:1", False),
        ("localhost.example.org:1", False),
    ],
)
def test_is_loopback(text, is_loopback):
    assert binds.parse(text).is_loopback is is_loopback


@pytest.mark.parametrize(
    ("given", "texts"),
    [
        (([], "::1", 80), ["[::1]:80"]),
        (([], "[::1]", 80), ["[::1]:80"]),
        (([], "0.0.0.0", 80), ["0.0.0.0:80"]),
        ((["unix:x", ":1"], "0.0.0.0", 80), ["unix:x", ":1"]),
    ],
)
def test_resolve_takes_binds_or_else_host_and_port(given, texts):
    assert [bind.text for bind in binds.resolve(*given)] == texts


def test_several_addresses_listen_side_by_side(opened, folder):
    sockets = opened("127.0.0.1:0", "unix:s", "127.0.0.1:0")
    assert [binds.describe(sock).partition(":")[0] for sock in sockets] == ["http", "unix", "http"]
    for sock in sockets:
        assert not sock.getblocking()
        with socket.socket(sock.family) as client:
            client.connect(sock.getsockname())


def test_the_name_localhost_serves_one_port_whatever_the_family(opened):
    (sock,) = opened("localhost:0")
    port = sock.getsockname()[1]
    assert {s.getsockname()[1] for s in opened(f"127.0.0.2:{port}")} == {port}


def test_ipv6_leaves_the_port_free_for_ipv4(opened):
    try:
        (six,) = opened("[::]:0")
    except BindError:
        pytest.skip("no IPv6 here")
    port = six.getsockname()[1]
    (four,) = opened(f"127.0.0.1:{port}")
    assert four.getsockname()[1] == port
    assert binds.describe(six) == f"http://[::]:{port}/"


@pytest.mark.parametrize("number", [errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT])
def test_a_name_with_an_ipv6_address_on_a_machine_without(monkeypatch, opened, number):
    class Socket(socket.socket):
        def __init__(self, family=-1, *arguments, **more):
            if family == socket.AF_INET6:
                raise OSError(number, os.strerror(number))
            super().__init__(family, *arguments, **more)

    found = [(socket.AF_INET, 1, 6, "", ("127.0.0.1", 0)), (socket.AF_INET6, 1, 6, "", ("::1", 0))]
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    monkeypatch.setattr(socket, "socket", Socket)
    (sock,) = opened(f"both.example:{port}")
    assert sock.family == socket.AF_INET
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found[1:])
    with pytest.raises(BindError, match=r"six\.example"):
        opened(f"six.example:{port}")


def test_a_port_in_use(opened):
    (sock,) = opened("127.0.0.1:0")
    port = sock.getsockname()[1]
    with pytest.raises(BindError, match=f"127.0.0.1:{port}: it is in use; .*--port"):
        opened(f"127.0.0.1:{port}")


def test_a_port_that_was_just_left_is_free(opened):
    (sock,) = opened("127.0.0.1:0")
    address = sock.getsockname()
    with socket.create_connection(address) as client:
        sock.setblocking(True)
        sock.accept()[0].close()  # the server closes first: its side waits in TIME_WAIT
        assert client.recv(1) == b""
    binds.close(sock)
    assert opened(f"127.0.0.1:{address[1]}")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("192.0.2.1:0", "no such address"),
        ("nowhere.invalid:0", "cannot bind to nowhere.invalid:0: "),
        ("..:0", "cannot bind to ..:0: "),
        (f"{'a' * 64}.invalid:0", "cannot bind to aaaa"),
    ],
)
def test_addresses_of_others(text, said):
    with pytest.raises(BindError, match=said):
        binds.open_sockets([binds.parse(text)])


def test_a_privileged_port():
    start = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
    if not start.exists() or int(start.read_text()) < 1024:
        pytest.skip("no port is privileged here")
    code = (
        "import os, socket\n"
        "from carboy import binds\n"
        "socket.getaddrinfo('127.0.0.1', 0)\n"  # it imports, which another user may not
        "if os.getuid() == 0: os.setuid(65534)\n"
        "try: binds.open_sockets([binds.parse('127.0.0.1:1023')])\n"
        "except binds.BindError as error: print(error)"
    )
    environ = {"PYTHONPATH": str(Path(binds.__file__).parents[1])}
    said = subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True, text=True, timeout=20
    )
    assert "port 1023 needs privileges; use a port above 1023" in said.stdout, said.stderr


def test_all_or_none(folder):
    before = set(Path("/proc/self/fd").iterdir())
    with pytest.raises(BindError):
        binds.open_sockets([binds.parse(text) for text in ("unix:a", ":0", "192.0.2.1:0")])
    assert set(Path("/proc/self/fd").iterdir()) == before
    assert not Path("a").exists()


def test_a_unix_socket_goes_with_its_server(opened, folder):
    (sock,) = opened("unix:s")
    assert Path("s").is_socket()
    binds.close(sock)
    assert not Path("s").exists()


def test_a_stale_unix_socket_is_replaced(opened, folder):
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind("s")
    opened("unix:s")
    with socket.socket(socket.AF_UNIX) as client:
        client.connect("s")


def test_a_live_unix_socket_is_left_alone(opened, folder):
    opened("unix:s")
    with pytest.raises(BindError, match="another server answers there"):
        opened("unix:s")
    with socket.socket(socket.AF_UNIX) as client:
        client.connect("s")


@pytest.mark.parametrize("make", [Path.touch, Path.mkdir, lambda path: path.symlink_to("gone")])
def test_a_file_that_is_no_socket_is_left_alone(folder, make):
    path = folder / "s"
    make(path)
    with pytest.raises(BindError, match="no socket"):
        binds.open_sockets([binds.parse("unix:s")])
    assert os.path.lexists(path)


@pytest.mark.parametrize(
    ("path", "said"),
    [("x" * 120, "too long"), ("nowhere/s", "No such file"), ("file/s", "Not a directory")],
)
def test_a_path_where_no_socket_can_be(folder, path, said):
    Path("file").touch()
    with pytest.raises(BindError, match=said):
        binds.open_sockets([binds.parse(f"unix:{path}")])


def test_a_descriptor_that_is_not_open():
    number = resource.getrlimit(resource.RLIMIT_NOFILE)[1] + 1
    with pytest.raises(BindError, match=f"descriptor {number}"):
        binds.open_sockets([binds.parse(f"fd://{number}")])


def test_a_busy_unix_socket_is_left_alone(folder):
    with socket.socket(socket.AF_UNIX) as busy, contextlib.ExitStack() as clients:
        busy.bind("s")
        busy.listen(0)
        with contextlib.suppress(BlockingIOError):
            while True:
                client = clients.enter_context(socket.socket(socket.AF_UNIX))
                client.setblocking(False)
                client.connect("s")
        with pytest.raises(BindError, match="another server is busy"):
            binds.open_sockets([binds.parse("unix:s")])
        assert Path("s").is_socket()


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_UNIX])
def test_an_inherited_socket_stays_its_owners(opened, folder, family):
    with socket.socket(family) as owned:
        owned.bind("s" if family == socket.AF_UNIX else ("127.0.0.1", 0))
        owned.listen()
        (sock,) = opened(f"fd://{owned.fileno()}")
        assert sock.getsockname() == owned.getsockname()
        binds.close(sock)
        with socket.socket(family) as client:
            client.connect(owned.getsockname())


def test_descriptors_that_are_no_stream_sockets():
    with socket.socket(type=socket.SOCK_DGRAM) as datagrams, Path(__file__).open() as file:
        for number, said in [(datagrams.fileno(), "no stream socket"), (file.fileno(), "socket")]:
            before = set(Path("/proc/self/fd").iterdir())
            with pytest.raises(BindError, match=f"descriptor {number}.*{said}"):
                binds.open_sockets([binds.parse(f"fd://{number}")])
            assert set(Path("/proc/self/fd").iterdir()) == before


def test_an_inherited_connection_is_none_to_listen_on():
    ours, theirs = socket.socketpair()
    with ours, theirs, pytest.raises(BindError, match="cannot bind to fd://"):
        binds.open_sockets([binds.parse(f"fd://{ours.fileno()}")])


@pytest.mark.parametrize(
    ("family", "address", "is_loopback"),
    [
        (socket.AF_INET, ("0.0.0.0", 0), False),
        (socket.AF_INET, ("127.0.0.1", 0), True),
        (socket.AF_UNIX, "s", True),
    ],
)
def test_an_inherited_socket_is_loopback_only_if_it_is(folder, family, address, is_loopback):
    with socket.socket(family) as owned:
        owned.bind(address)
        assert binds.parse(f"fd://{owned.fileno()}").is_loopback is is_loopback
