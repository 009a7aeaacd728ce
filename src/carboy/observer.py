"""What is seen of the requests of a worker."""

from typing import Any


class Observer:
    """Told of each answer, by the thread that makes it; this one looks away.

    `task` is waitress's: `task.request` has `command`, `path`, `query`, `version` and `headers`;
    `task.channel.addr` is the client; at the end `task.status`, `task.content_bytes_written` and
    `task.start_time` (seconds since 1970) are known.
    """

    def begin(self, task: Any) -> None:
        """Notice that an answer begins."""

    def enter(self, task: Any, environ: dict[str, Any]) -> None:
        """Complete the environment that the application is about to get."""

    def end(self, task: Any) -> None:
        """Notice that an answer has ended, well or not."""

    def refused(self, channel: Any, reason: str, status: int) -> None:
        """Notice that a request was turned away without a task.

        `status` is what was answered; 0 if the connection was closed without a word. What was
        received of the request is `channel.requests[-1]` or `channel.request`, if anything.
        """

    def reopen(self) -> None:
        """Open the log files anew: they have been moved. For signal handlers too."""

    def snapshot(self) -> dict[str, Any]:
        """Return figures of what was seen since the start, as JSON can hold them."""
        return {}

    def close(self) -> None:
        """Write down what is still in memory; nothing is observed after it."""
