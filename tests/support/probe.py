"""An application whose answers take every way there is; copied into the folder of a live server.

What it is told beyond the answer, it notes in the file `notes` of that folder.
"""

import io
import json
import os
import sys
import time
from pathlib import Path
from urllib.parse import parse_qs
from wsgiref.validate import validator

BLOCK = b"x" * 65536
TEXT = ("Content-Type", "text/plain")
TOLD = ("REQUEST_METHOD", "PATH_INFO", "SCRIPT_NAME", "QUERY_STRING", "CONTENT_LENGTH")
TOLD += ("CONTENT_TYPE", "REMOTE_ADDR", "SERVER_NAME", "SERVER_PORT", "SERVER_PROTOCOL")


def note(text):
    with Path("notes").open("a") as file:
        file.write(f"{text}\n")


def echo(environ, start_response):
    told = {k: v for k, v in environ.items() if k.startswith("HTTP_") or k in TOLD}
    told |= {"scheme": environ["wsgi.url_scheme"], "pid": os.getpid()}
    told["body"] = environ["wsgi.input"].read(-1).decode("latin-1")
    body = json.dumps(told).encode()
    start_response("200 OK", [("Content-Type", "application/json")])
    return [body]


class Noting:
    """An iterable that notes how far it came and that it was closed."""

    def __init__(self, name, parts):
        self._name, self._parts, self._count = name, iter(parts), 0

    def __iter__(self):
        return self

    def __next__(self):
        part = next(self._parts)
        self._count += 1
        if self._name == "stream":
            Path("count").write_text(str(self._count))
        return part

    def close(self):
        note(f"{self._name} closed")


def fixed(environ, start_response):
    """A body in several parts with a Content-Length."""
    start_response("200 OK", [TEXT, ("Content-Length", "9")])
    return Noting("fixed", [b"one", b"two", b"six"])


def parts(environ, start_response):
    start_response("200 OK", [TEXT])
    return Noting("parts", [b"one", b"", b"two"])


def stream(environ, start_response):
    count = int(parse_qs(environ["QUERY_STRING"])["count"][0])
    start_response("200 OK", [TEXT])
    return Noting("stream", (BLOCK for _ in range(count)))


def short(environ, start_response):
    start_response("200 OK", [TEXT, ("Content-Length", "9")])
    return Noting("short", [b"one"])


def long(environ, start_response):
    start_response("200 OK", [TEXT, ("Content-Length", "3")])
    return Noting("long", [b"one", b"two"])


def empty(environ, start_response):
    status = environ["QUERY_STRING"]
    start_response({"204": "204 No Content", "304": "304 Not Modified"}[status], [])
    return []


def talkative(environ, start_response):
    """A body where there can be none."""
    start_response("304 Not Modified", [])
    return Noting("talkative", [b"one", b"two"])


def write(environ, start_response):
    written = start_response("200 OK", [TEXT])
    written(b"one")
    written(b"two")
    return [b"six"]


def early(environ, start_response):
    """An error before anything was sent."""
    start_response("200 OK", [TEXT, ("X-Lost", "yes")])
    try:
        raise ValueError
    except ValueError:
        start_response("500 Oh No", [TEXT], sys.exc_info())
    return [b"sorry"]


def late(environ, start_response):
    """An error after the beginning was sent."""
    start_response("200 OK", [TEXT])

    def begin():
        yield b"one"
        try:
            raise ValueError
        except ValueError:
            start_response("500 Oh No", [TEXT], sys.exc_info())
        yield b"two"

    return Noting("late", begin())


def broken(environ, start_response):
    start_response("200 OK", [TEXT])

    def begin():
        yield b"one"
        raise ValueError

    return Noting("broken", begin())


def wait(environ, start_response):
    """Work until nobody waits for the answer."""
    has_left, end = environ["waitress.client_disconnected"], time.monotonic() + 20
    note("waiting")
    while not has_left() and time.monotonic() < end:
        time.sleep(0.005)
    note(f"left {has_left()}")
    start_response("200 OK", [TEXT])
    return Noting("wait", [b"x"])


class File(io.BytesIO):
    def close(self):
        note("file closed")
        super().close()


def file(environ, start_response):
    """A file of ten bytes; the query tells the way."""
    asked = parse_qs(environ["QUERY_STRING"])
    given = File(b"0123456789")
    if "real" in asked:
        Path("digits").write_bytes(b"0123456789")
        given = Path("digits").open("rb")  # noqa: SIM115  # the server closes it
    given.seek(int(asked.get("offset", ["0"])[0]))
    headers = [TEXT]
    if "length" in asked:
        headers.append(("Content-Length", asked["length"][0]))
    start_response(asked.get("status", ["200 OK"])[0], headers)
    return environ["wsgi.file_wrapper"](given)


VALID = (echo, fixed, parts, stream, short, long, empty, talkative, write, early, late, broken)
VALID += (wait,)
VIEWS = {f"/{view.__name__}": validator(view) for view in VALID} | {"/file": file}


def app(environ, start_response):
    # The checks of `wsgiref.validate` know no asterisk.
    default = echo if environ["PATH_INFO"] == "*" else VIEWS["/echo"]
    return VIEWS.get(environ["PATH_INFO"], default)(environ, start_response)
