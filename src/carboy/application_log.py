"""Where the log records of an application go that has set up no logging itself."""

import json
import logging
import os
import re
import sys
from datetime import datetime

from carboy import request_id

_TEXT = "%(asctime)s %(levelname)s %(name)s [%(request_id)s] %(message)s"
# C0 without tab and newline, DEL, C1, and the separators that some viewers break lines at.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")


class TextFormatter(logging.Formatter):
    """Time, level, logger, request id, message; what continues a record is indented.

    So a message that repeats what a client has sent cannot pass for two records.
    """

    def __init__(self) -> None:
        super().__init__(_TEXT)

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as lines of text."""
        text = _CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", super().format(record))
        return text.replace("\n", "\n    ")


class JsonFormatter(logging.Formatter):
    """One JSON object in each line, with the names that the access log uses."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as a line."""
        moment = datetime.fromtimestamp(record.created).astimezone()
        found = {
            "time": moment.isoformat("T", "milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "id": getattr(record, "request_id", "-"),
            "worker": os.getpid(),
        }
        if record.exc_info:
            found["exception"] = self.formatException(record.exc_info)
        return json.dumps(found)


def set_up(*, as_json: bool = False) -> bool:
    """Send all records to standard error, with the request's id; return whether that was done.

    It is not if any logger has a handler: then the application knows what it wants. To be
    called when the application is made. Flask's own handler does not count, and is replaced.
    """
    if any(_has_own_handler(logger) for logger in _loggers()):
        return False
    for logger in _loggers():
        for handler in _of_flask():
            logger.removeHandler(handler)
    handler = logging.StreamHandler()
    handler.addFilter(request_id.Filter())
    handler.setFormatter(JsonFormatter() if as_json else TextFormatter())
    logging.root.addHandler(handler)
    return True


def _loggers() -> list[logging.Logger]:
    known = logging.root.manager.loggerDict.values()
    return [logging.root, *(logger for logger in known if isinstance(logger, logging.Logger))]


def _has_own_handler(logger: logging.Logger) -> bool:
    others = [handler for handler in logger.handlers if handler not in _of_flask()]
    return any(not isinstance(handler, logging.NullHandler) for handler in others)


def _of_flask() -> list[logging.Handler]:
    """Return the handler that Flask gives to an application's logger where there is no other."""
    module = sys.modules.get("flask.logging")
    return [module.default_handler] if module else []
