"""Compiled files for a release: they hold wherever it is put, and whenever it was copied.

The body is what the egg has, which was made so that the same source gives the same bytes
(``eggcrate.bytecode``). Only the head is another one.
"""

import importlib.util
from pathlib import Path

from eggcrate import bytecode

HEAD = 16  # bytes: magic number, flags, and eight that depend on the flags (PEP 552)
# Hash-based and never compared with the source: nobody edits a release, and a copy that has lost
# its dates would else be compiled again at each start, for it cannot be written to.
UNCHECKED = b"\x01\x00\x00\x00"


def of(name: str, path: Path, *, marked: bool) -> bytes | None:
    """Return the compiled file of the module at ``path``, None if it is not for this Python.

    ``name`` is what tracebacks call it until it is imported. In an egg that is ``marked`` as
    eggcrate's the compiled files are verified ones; of others, nobody knows.
    """
    source = path.read_bytes()
    found = Path(path.parent, bytecode.path(path.name))
    if not marked:
        data = bytecode.compiled(source, name, 0)
    else:
        data = found.read_bytes() if found.is_file() else None
    if data is None:
        return None
    magic = importlib.util.MAGIC_NUMBER
    return magic + UNCHECKED + importlib.util.source_hash(source) + data[HEAD:]
