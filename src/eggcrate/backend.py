"""Call a build backend (PEP 517, PEP 660) and tell what it read: run as a program of its own."""

import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any

LEGACY = "setuptools.build_meta:__legacy__"  # for a project that names no backend (PEP 517)


def main(arguments: list[str]) -> int:
    """Make the editable wheel that the orders, a file, ask for; write the reply, another one."""
    # The folder of this package: eggcrate may be an egg, which the backend's process has not.
    sys.path.append(str(Path(__file__).resolve().parents[1]))
    from eggcrate.witness import Witness

    orders = json.loads(Path(arguments[0]).read_text("utf-8"))
    os.chdir(orders["folder"])
    witness = Witness(orders["outside"])
    with witness.watching():
        reply = build(orders)
    reply["read"] = {
        "files": {path: was for path, was in witness.files.items() if path not in witness.written},
        "folders": witness.folders,
        "variables": sorted(witness.variables),
        "outward": witness.outward,
    }
    Path(arguments[1]).write_text(json.dumps(reply), "utf-8")
    return 0


def build(orders: dict[str, Any]) -> dict[str, Any]:
    """Return the name of the wheel, or what has to be there first, or why there is none."""
    sys.path[:0] = [os.path.abspath(path) for path in orders["backend-path"]]  # noqa: PTH100
    backend = load(orders["backend"])
    if not hasattr(backend, "build_editable"):
        return {"error": f"{orders['backend']} makes no editable installs (PEP 660)"}
    required = list(getattr(backend, "get_requires_for_build_editable", _nothing)(None))
    if not set(required) <= set(orders["required"]):
        return {"required": required}
    return {"wheel": backend.build_editable(orders["target"], None, None)}


def load(name: str) -> Any:
    """Return the object that an entry of ``build-backend`` names."""
    module, _, attributes = name.partition(":")
    found: Any = importlib.import_module(module)
    for attribute in filter(None, attributes.split(".")):
        found = getattr(found, attribute)
    return found


def _nothing(_: None) -> list[str]:
    return []


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
