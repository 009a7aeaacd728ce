"""The answer to whoever is turned away: ready-made, because it must be cheap."""

import time
from http import HTTPStatus

from waitress.utilities import build_http_date

# What a client that was told "not now" is asked to wait, in seconds.
RETRY_AFTER = 1


def answer(status: int, ident: str) -> bytes:
    """Return a whole response that closes the connection (RFC 9110, 15.6.4 and 15.5.9)."""
    phrase = HTTPStatus(status).phrase
    body = f"{phrase}\r\n"
    lines = [
        f"HTTP/1.1 {status} {phrase}",
        "Connection: close",
        f"Content-Length: {len(body)}",
        "Content-Type: text/plain; charset=utf-8",
        f"Date: {build_http_date(time.time())}",
        f"Server: {ident}",
    ]
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        lines.append(f"Retry-After: {RETRY_AFTER}")
    return "\r\n".join([*lines, "", body]).encode("latin-1")
