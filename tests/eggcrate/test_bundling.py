"""From a bundle to a working project where nothing can be fetched."""

import http.client
import os
import shutil
import socket
import subprocess

import pytest

from support import project
from support.live import Serve
from support.scratch import PROJECT, base_python, run

pytestmark = pytest.mark.live

TEST = "def test_it():\n    import flask, hypothesis, portal\n"


class UnixConnection(http.client.HTTPConnection):
    """HTTP through a socket in the file system: it needs no network, not even this machine's."""

    def __init__(self, path):
        super().__init__("localhost")
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(self.path))


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    """The bundle of this very project."""
    if not (PROJECT / "bin/eggcrate").is_file():
        pytest.skip("bin/eggcrate is missing: run python3 bootstrap.py")
    path = tmp_path_factory.mktemp("packed") / "it.bundle.tar"
    made = run([PROJECT / "bin/eggcrate", "bundle", "-o", path], cwd=PROJECT, code=None)
    if "cannot get http" in made.stderr:
        pytest.skip(f"no package index is reachable: {made.stderr}")
    assert made.returncode == 0, made.stderr
    return path


@pytest.fixture(scope="module")
def alone():
    """How to start a program that has no network, and what else it is not to find.

    Where no name space may be made, the settings of pip and proxies that nobody answers at have to
    do; they are there in any case.
    """
    ways = [[], ["unshare", "--map-root-user", "--net"], ["unshare", "--net"]]
    while ways[-1] and subprocess.run([*ways[-1], "true"], capture_output=True).returncode:
        ways.pop()
    return ways[-1]


@pytest.fixture(scope="module")
def environ(tmp_path_factory):
    empty = str(tmp_path_factory.mktemp("empty"))
    nowhere = "http://127.0.0.1:9/"
    return {
        "HOME": empty, "XDG_CACHE_HOME": empty, "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": nowhere, "PIP_EXTRA_INDEX_URL": "", "PIP_FIND_LINKS": "",
        "http_proxy": nowhere, "https_proxy": nowhere, "all_proxy": nowhere,
    }  # fmt: skip


def test_two_at_once_make_the_same(packed, tmp_path):
    path = tmp_path / "it.bundle.tar"
    left = tmp_path / f".new-{path.name}-killed"
    left.touch()
    os.utime(left, (1, 1))
    command = [PROJECT / "bin/eggcrate", "bundle", "-o", path]
    started = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for _ in range(2)
    ]
    ended = [(process.communicate(timeout=100)[0], process.returncode) for process in started]
    assert [code for _, code in ended] == [0, 0], ended
    assert path.read_bytes() == packed.read_bytes()
    assert list(tmp_path.iterdir()) == [path]


def test_a_clone_and_a_bundle_are_enough(packed, alone, environ, tmp_path):
    there = project.sources(tmp_path / "clone")

    def do(*command):
        return run([*alone, *command], cwd=there.root, environ=environ).stdout

    do(base_python(), "bootstrap.py", "--bundle", packed)
    do("bin/buildout")
    (there.root / "tests").mkdir()
    (there.root / "tests/test_it.py").write_text(TEST)
    assert "1 passed" in do("bin/test", "-q", "tests/test_it.py")
    command = [*alone, there.command("serve")]
    with Serve(command=command, folder=there.root, environ=environ, bind="unix:s") as server:
        server.ready()
        connection = UnixConnection(there.root / "s")
        connection.request("GET", "/")
        assert connection.getresponse().status == 200
        connection.close()
    # The files of the bundle stay at hand.
    shutil.rmtree(there.root / "parts/buildout")
    do(base_python(), "bootstrap.py", "-c", "etc/production.cfg")
    assert "flask" in do("bin/python", "-c", "import flask; print(flask.__name__)")
