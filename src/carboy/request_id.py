"""A name for each request, by which its lines in all logs are found.

Use `current()` in an application; `Filter` puts it into its log records.
"""

import logging
import re
import secrets
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

HEADER = "X_REQUEST_ID"  # as waitress writes header names
# Nothing in it needs an escape in a log, in JSON, in a header or in a shell.
_ACCEPTABLE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~+/=:@-]{0,127}").fullmatch
# Random bytes are fetched for so many at a time; a system call for each would cost more.
_BATCH = 128
_DIGITS = 32  # 128 bits

_current: ContextVar[str] = ContextVar("carboy_request_id", default="")
set_current = _current.set


def current() -> str:
    """Return the id of the request that this thread or task works on; "" outside of one."""
    return _current.get()


class Ids:
    """Gives each request the id that a trusted proxy gave it, or else a new one.

    New ones are 32 hexadecimal digits, as NGINX makes them.
    """

    def __init__(self, trusts: Callable[[str], bool] | None = None) -> None:
        self._trusts = trusts
        self._made: list[str] = []
        self._take = self._made.pop  # one step, for any thread

    def of(self, task: Any) -> str:
        """Return the id of the request of waitress's `task`."""
        if self._trusts is not None:
            given = task.request.headers.get(HEADER)
            if given and self._trusts(task.channel.addr[0]) and _ACCEPTABLE(given):
                return str(given)
        try:
            return self._take()
        except IndexError:
            return self.make()

    def make(self) -> str:
        """Return a new id that nobody can guess; for any thread."""
        try:
            return self._take()
        except IndexError:
            digits = secrets.token_hex(_BATCH * _DIGITS // 2)
            made = [digits[start : start + _DIGITS] for start in range(0, len(digits), _DIGITS)]
            found = made.pop()
            self._made += made
            return found


class Filter(logging.Filter):
    """Gives log records the attribute `request_id`; "-" outside of a request.

    For the handlers of an application that sets up its own logging.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass."""
        record.request_id = current() or "-"
        return True
