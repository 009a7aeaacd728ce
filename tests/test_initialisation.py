"""Initialisation that is not lost although no `__main__` runs: the example of docs/develop.md."""

import os
import signal
import sys

import pytest

from support import project
from support.live import Serve, serving, wait_until
from support.scratch import PROJECT

pytestmark = pytest.mark.live

EXAMPLE = project.blocks(PROJECT / "docs" / "develop.md", "python")["Moments in a worker's life"]
PRODUCTION = ("--app", "example", "--env", "production", "--workers")


@pytest.fixture
def example(tmp_path):
    (tmp_path / "example.py").write_text(EXAMPLE)
    return tmp_path


def counts(server):
    """Return how often the cache was filled, a pool opened and a pool closed."""
    return tuple(
        server.output.count(text) for text in ("fill the cache", "open the pool", "close the pool")
    )


def test_once_per_generation_and_once_per_worker(example):
    with serving(*PRODUCTION, "2", folder=example) as server:
        assert counts(server) == (1, 2, 0)
        assert server.output.index("fill the cache") < server.output.index("open the pool")
        assert server.get() == (200, "ready")

        server.process.send_signal(signal.SIGHUP)
        server.wait_for("reloaded in")
        wait_until(lambda: counts(server) == (2, 4, 2), "the end of the first generation")

        server.process.send_signal(signal.SIGTERM)
        assert server.wait() == 0
        assert counts(server) == (2, 4, 4)


def test_a_worker_that_replaces_a_dead_one_starts_no_generation(example):
    with serving(*PRODUCTION, "1", folder=example) as server:
        [first] = server.workers()
        os.kill(first, signal.SIGKILL)
        wait_until(lambda: counts(server)[1] == 2, "the worker that replaces it")
        assert server.get() == (200, "ready")
        assert counts(server) == (1, 2, 0)


@pytest.mark.parametrize("moment", ["fill the cache", "open the pool"])
def test_a_receiver_that_raises(example, moment):
    raising = EXAMPLE.replace(f'app.logger.warning("{moment}")', 'raise OSError("spilt")')
    (example / "example.py").write_text(raising)
    with serving("--app", "example", folder=example) as server:
        status, page = server.get()
        assert status == 500
        assert "spilt" in page
    with Serve(*PRODUCTION, "2", folder=example) as server:
        assert server.wait() == 3
        assert "spilt" in server.output


def test_under_another_server_the_factory_runs_and_the_hooks_do_not(example):
    command = (sys.executable, "-m", "waitress", "--listen", "127.0.0.1:0")
    with project.Program(*command, "--call", "example:create_app", folder=example) as server:
        assert server.get() == (200, "ready")
        assert counts(server) == (0, 0, 0)
