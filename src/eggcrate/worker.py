"""A process that makes eggs: a line of JSON in for each, a line out when it is in its place."""

import contextlib
import gc
import json
import os
import signal
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from eggcrate import unpack
from eggcrate.cache import Cache
from eggcrate.lockfile import File
from eggcrate.workshop import Workshop


def main() -> None:
    """Answer until there is no more to read: the builder has finished, or is gone."""
    # Ctrl-C is for the builder, which ends us; what we have begun is removed on the way out.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    gc.disable()  # code has no cycles to speak of, and there is much of it to look through
    try:
        with contextlib.ExitStack() as stack:
            _answer_all(stack)
    except BrokenPipeError:
        sys.exit(1)  # the builder is gone
    except OSError as error:
        sys.exit(f"The eggs may not be on the disk yet: {error}. The next build compares them.")
    finally:
        # From here on nothing has to be removed, and the interpreter's own end would complain.
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _answer_all(stack: contextlib.ExitStack) -> None:
    workshops: dict[str, Workshop] = {}
    for line in sys.stdin.buffer:
        request = json.loads(line)
        try:
            reply: dict[str, Any] = {"egg": _make(request, workshops, stack)}
        except unpack.UnpackError as error:
            reply = {"error": str(error)}
        except Exception as error:  # whatever it is: one egg less, and the builder says which
            reply = {"error": f"{request['file'][0]} cannot be unpacked: {error!r}"}
        os.write(1, json.dumps(reply).encode() + b"\n")


def _make(
    request: dict[str, Any], workshops: dict[str, Workshop], stack: contextlib.ExitStack
) -> dict[str, Any]:
    file, folder = File(*request["file"]), request["eggs"]
    with unpack.explained(file):
        if folder not in workshops:
            workshops[folder] = stack.enter_context(Workshop(Path(folder)))
        egg = unpack.unpack_in(
            workshops[folder],
            Path(request["artifact"]),
            file,
            Cache(eggs=request["store"] and Path(request["store"])),
            origin=request["origin"] and File(*request["origin"]),
        )
    return asdict(egg)
