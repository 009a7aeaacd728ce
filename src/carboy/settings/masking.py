"""Hide secrets in what people read."""

from __future__ import annotations

import re
from typing import Any

MASK = "********"

_REVEALING = re.compile(r"SECRET|PASSWORD|PASSWD|TOKEN|CREDENTIAL|API_?KEY|PRIVATE_?KEY")
# Up to the last @: a password that nobody quoted may hold an @ or a slash itself.
_URL_PASSWORD = re.compile(r"(?<=://)([^:@/\s]*):(.+)@", re.DOTALL)
_QUERY_PASSWORD = re.compile(r"(?i)([?&](?:password|passwd|pwd|secret|token)=)[^&#]*")


def masked(value: Any, secret: bool = False) -> Any:
    """Return `value` with its secrets masked; of a URL with a password, only the password.

    `secret` says so of the whole value; the parts of a dict are judged by their names as well.
    """
    if isinstance(value, dict):
        return {
            part: masked(inner, secret or is_revealing(str(part))) for part, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return [masked(inner, secret) for inner in value]
    if value is None or isinstance(value, bool):
        return value
    url = _without_password(value) if isinstance(value, str) else value
    return MASK if secret and url == value else url


def is_revealing(key: str) -> bool:
    """Tell whether a key's name says that its value is secret."""
    return _REVEALING.search(key.upper()) is not None


def _without_password(text: str) -> str:
    if "://" not in text:
        return text
    text = _URL_PASSWORD.sub(rf"\1:{MASK}@", text)
    return _QUERY_PASSWORD.sub(rf"\1{MASK}", text)
