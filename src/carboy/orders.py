"""What a master gives a worker on its way."""

import json
from collections.abc import Mapping, MutableMapping
from dataclasses import asdict, dataclass, field
from typing import Any

VARIABLE = "CARBOY_WORKER"


@dataclass(frozen=True)
class Orders:
    """The contents of an environment variable, as JSON.

    `link` and `lifeline` are descriptors: messages, and a pipe whose end of file means that
    the master is dead. `broken` is set to say why the last worker died while it started, and
    `options` are the master's: an error is served with them when the settings cannot be read.
    `changed` names the files that made this generation necessary.
    """

    link: int
    lifeline: int
    listeners: list[int]
    generation: int
    options: dict[str, Any]
    broken: str = ""
    changed: list[str] = field(default_factory=list)


def environment(base: Mapping[str, str], orders: Orders) -> dict[str, str]:
    """Return the environment to start a worker with."""
    return {**base, VARIABLE: json.dumps(asdict(orders))}


def take(environ: MutableMapping[str, str]) -> Orders | None:
    """Remove the orders from a worker's environment and return them; None in a master.

    They are removed so that what the application starts is no worker.
    """
    text = environ.pop(VARIABLE, None)
    return Orders(**json.loads(text)) if text else None
