"""What clients may take of a worker, and when a worker has done enough."""

from dataclasses import dataclass, fields
from typing import Any, Self

from carboy.options import BY_NAME


def _default(name: str) -> Any:
    return BY_NAME[name].default


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The server options of these names; for what each means see the table of options.

    Times are in seconds, `max_memory` in MiB, sizes in bytes, `body_rate` in bytes a second.
    0 switches a limit off, except for the sizes and `keep_alive`.
    """

    queue: int = _default("queue")
    per_client: int = _default("per_client")
    header_timeout: float = _default("header_timeout")
    body_rate: int = _default("body_rate")
    keep_alive: float = _default("keep_alive")
    max_header: int = _default("max_header")
    max_body: int = _default("max_body")
    max_requests: int = _default("max_requests")
    max_memory: int = _default("max_memory")
    request_timeout: float = _default("request_timeout")

    @classmethod
    def of(cls, options: Any) -> Self:
        """Return the limits among the server options."""
        return cls(**{field.name: getattr(options, field.name) for field in fields(cls)})
