"""Name what compiled code is for: an interpreter's ABI and a kind of machine."""

import os
import sys
import sysconfig


def label() -> str:
    """Return the running interpreter's, such as ``cp311-linux_x86_64``, for names of files.

    It tells apart what never fits. What fits exactly, such as the version of the C library that
    a wheel wants, is for ``eggcrate.choice``.
    """
    return f"{abi()}-{machine()}"


def abi() -> str:
    """Return the interpreter, its minor version and its flags: ``cp311``, ``cp313t``."""
    kind = {"cpython": "cp", "pypy": "pp"}.get(sys.implementation.name, sys.implementation.name)
    return "{}{}{}{}".format(kind, *sys.version_info[:2], getattr(sys, "abiflags", ""))


def machine() -> str:
    """Return the system, its C library and the processor, in the words of wheels.

    The version of macOS is left out, and glibc is not named.
    """
    system, _, processor = sysconfig.get_platform().rpartition("-")
    system = system.partition("-")[0]
    if "musl" in (sysconfig.get_config_var("HOST_GNU_TYPE") or ""):
        system = f"musl{system}"
    if processor == "universal2":
        processor = os.uname().machine
    return f"{system}_{processor}"
