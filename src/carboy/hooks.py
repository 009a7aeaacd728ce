"""Moments in the life of a worker that an application may join in: blinker signals.

The sender is the WSGI application object. Connect in the factory, for example::

    from carboy import hooks

    def create_app(settings=None):
        app = Flask(__name__)
        hooks.worker_started.connect(open_connections, sender=app, weak=False)

A receiver that raises keeps the worker from becoming ready, as a factory that raises does.
"""

from blinker import Namespace

_signals = Namespace()

generation_started = _signals.signal("generation-started")
"""Once per generation, in one of its workers, before any of them serves a request."""

worker_started = _signals.signal("worker-started")
"""In every worker, after the factory has returned and before its first request."""

worker_stopping = _signals.signal("worker-stopping")
"""In every worker that stops in good order, after its last request."""
