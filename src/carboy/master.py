"""The master: holds the listening sockets, keeps workers alive, replaces them by new ones.

It imports neither the application nor Flask nor waitress, so that it stays small and nothing
in it grows old; whatever may fail happens in a worker.
"""

import os
import signal
import socket
from collections.abc import Sequence
from typing import Any

from carboy import binds
from carboy.console import Console
from carboy.control import Control, Reply
from carboy.crew import Crew
from carboy.generation import Generation
from carboy.loop import Loop, Timer
from carboy.monitor import Monitor
from carboy.notify import Notifier
from carboy.overview import Overview, is_silent
from carboy.reasons import in_short
from carboy.signals import SignalTable
from carboy.succession import Succession
from carboy.survey import Survey

EXIT_OK, EXIT_FORCED, EXIT_FAILED = 0, 1, 3


class Master:
    """Runs generations of workers until it is told to stop; `run()` returns the exit code.

    `options` are the resolved server options. With a `monitor` (development) it reloads when
    a file changes. It answers on the `control` socket and, to probes, on those of `status`.
    """

    def __init__(
        self,
        options: Any,
        listeners: Sequence[socket.socket],
        console: Console,
        *,
        monitor: Monitor | None = None,
        control: socket.socket | None = None,
        status: Sequence[socket.socket] = (),
        notifier: Notifier | None = None,
    ) -> None:
        self._options = options
        self._console = console
        self._monitor = monitor
        self._notifier = notifier or Notifier()
        self._loop = Loop()
        # In development somebody may be at a prompt while a module is imported.
        patience = 0.0 if monitor else options.start_timeout
        self._crew = Crew(self._loop, listeners, console, options, start_timeout=patience)
        self._crew.handlers["beat"] = lambda worker, _message: worker.note_sign_of_life()
        self._survey = Survey(self._loop, self._crew)
        self._succession = Succession(
            options, self._loop, console, self._crew, self, monitor=monitor
        )
        self._overview = Overview(
            self._succession,
            self._crew,
            self._survey,
            addresses=[binds.describe(sock) for sock in listeners],
            queue=options.queue,
        )
        self._next_look: Timer | None = None
        self._reload_replies: list[Reply] = []
        self._exit_code = EXIT_OK
        if control:
            commands = {"reload": self._reload, "status": self._status, "stop": self._stop_by}
            Control(self._loop, control, commands)
        if status:
            from carboy.probes import Probes

            Probes(self._loop, status, self._overview)

    # -- the loop ---------------------------------------------------------------------------

    def run(self) -> int:
        """Serve until a signal ends it, and leave no worker behind."""
        table = {
            signal.SIGTERM: self._on_stop,
            signal.SIGINT: self._on_stop,
            signal.SIGHUP: self._on_hangup,
            signal.SIGUSR1: self._on_reopen,
            signal.SIGTTIN: lambda _: self._resize(1),
            signal.SIGTTOU: lambda _: self._resize(-1),
            signal.SIGCHLD: lambda _: None,  # to wake the loop, which looks for itself
        }
        with SignalTable(self._loop, table):
            try:
                self._begin()
                while not (self._succession.is_stopping and not self._crew):
                    self._loop.turn()
                    self._crew.reap()
                    self._watch_files()
            finally:
                self._crew.bury()
                # One that was at a prompt has left the terminal as the prompt had it.
                self._console.restore_terminal()
                self._loop.close()
        return self._exit_code

    def _begin(self) -> None:
        if self._monitor and self._monitor.interval is None:
            self._loop.watch(self._monitor, self._look_for_changes)
        if self._notifier.watchdog:
            self._loop.after(self._notifier.watchdog, self._prove_life)
        if self._options.request_timeout:
            self._loop.after(self._options.request_timeout, self._replace_silent)
        self._succession.begin()

    # -- signals ----------------------------------------------------------------------------

    def _on_stop(self, number: signal.Signals) -> None:
        if self._succession.is_stopping:
            self._console.warn(f"{number.name} again: stopping at once")
            self._exit_code = EXIT_FORCED
            self._crew.kill()
        else:
            self._stop(number.name)

    def _stop(self, reason: str) -> None:
        if self._succession.is_stopping:
            return
        self._console.say(f"{reason}: finishing the requests under way")
        self._end("finishing the requests under way")

    def _end(self, status: str) -> None:
        self._notifier.stopping(status)
        self._succession.stop()
        self._answer_reloads(ok=False, error="the server is stopping")

    def _on_hangup(self, _number: signal.Signals) -> None:
        if not self._succession.is_stopping:
            self._console.say("SIGHUP: reloading")
            self._succession.request()

    def _on_reopen(self, _number: signal.Signals) -> None:
        self._console.say("SIGUSR1: opening the log files anew")
        for worker in self._crew:
            worker.tell("reopen")

    def _resize(self, step: int) -> None:
        if self._succession.is_stopping:
            return
        self._succession.resize(step)
        self._console.say(f"{self._succession.count} workers from now on")

    # -- how generations come out -------------------------------------------------------------

    def on_reloading(self) -> None:
        """Tell the service manager that a reload has begun."""
        if self._overview.generation or self._monitor:
            self._notifier.reloading()

    def on_serving(self, generation: Generation, seconds: float) -> None:
        """Tell everyone who waits that a generation serves, or shows its error."""
        if generation.number > 1:
            self._overview.reloads["failed" if generation.failed else "done"] += 1
        self._notifier.ready(f"generation {generation.number} serves")
        if generation.failed:
            reason = f"the browser shows the error: {in_short(generation.reason)}"
            self._answer_reloads(ok=False, error=reason)
        else:
            pids = [worker.pid for worker in generation.workers]
            self._answer_reloads(ok=True, generation=generation.number, seconds=seconds, pids=pids)

    def on_reload_failed(self, reason: str) -> None:
        """Tell everyone who waits that the old generation serves on."""
        self._overview.reloads["failed"] += 1
        said = f"reload given up, the old code serves on: {in_short(reason)}"
        self._notifier.ready(said)
        self._answer_reloads(ok=False, error=said)

    def on_hopeless(self) -> None:
        """End, since nothing can be served."""
        self._exit_code = EXIT_FAILED
        self._end("no worker becomes ready")

    # -- commands -----------------------------------------------------------------------------

    def _reload(self, reply: Reply) -> None:
        if self._succession.is_stopping:
            reply(ok=False, error="the server is stopping")
            return
        self._console.say("serve reload: reloading")
        self._reload_replies.append(reply)
        self._succession.request()

    def _answer_reloads(self, **fields: Any) -> None:
        replies, self._reload_replies = self._reload_replies, []
        for reply in replies:
            reply(**fields)

    def _status(self, reply: Reply) -> None:
        self._survey.ask(lambda: reply(ok=True, **self._overview.status()))

    def _stop_by(self, reply: Reply) -> None:
        # The end of the connection, and of the process, is the rest of the answer.
        reply(ok=True, pid=os.getpid(), hold=True)
        self._stop("serve stop")

    # -- time ---------------------------------------------------------------------------------

    def _prove_life(self) -> None:
        """Keep the service manager's watchdog quiet, for as long as some worker is well."""
        assert self._notifier.watchdog
        if self._overview.is_alive():
            self._notifier.alive()
        self._loop.after(self._notifier.watchdog, self._prove_life)

    def _replace_silent(self) -> None:
        """Replace workers that are so stuck that they cannot even say so."""
        for worker in self._crew:
            if is_silent(worker, self._options.request_timeout):
                self._succession.recycle(worker, "no sign of life")
        self._loop.after(self._options.request_timeout, self._replace_silent)

    # -- files --------------------------------------------------------------------------------

    def _watch_files(self) -> None:
        """Look for changes at intervals where no notification tells of them."""
        if self._monitor and self._monitor.interval is not None and not self._next_look:
            self._next_look = self._loop.after(self._monitor.interval, self._look_for_changes)

    def _look_for_changes(self) -> None:
        assert self._monitor
        self._next_look = None
        changed = self._monitor.changes()
        if changed and not self._succession.is_stopping:
            self._succession.request(changed)
