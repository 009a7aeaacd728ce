"""Check that the Python that runs is the one that this release is for.

Part of each environment of the release and run at each start of its Python, so it imports next to
nothing. It may be read by any Python 3, so it is written for the oldest that one may meet (3.6).
"""

import os
import sys


def require(needs):  # type: (dict[str, str]) -> None
    """End the process unless this Python fits; called before any egg is looked at."""
    reason = misfit(needs)
    if reason:
        sys.stderr.write(f"this release needs {describe(needs)}; {reason}\n")
        sys.stderr.flush()
        os._exit(1)  # site would answer an exception with a traceback


def misfit(needs):  # type: (dict[str, str]) -> str
    """Say in what this Python, or its machine, is another than is needed; "" if it fits."""
    import _imp  # the built-in half of importlib.machinery, which is not loaded yet

    kind, version = sys.implementation.name, "{}.{}".format(*sys.version_info)
    if (kind, version) != ("cpython", needs["python"]):
        return f"{sys.executable} is {kind} {version}"
    system, machine = sys.platform, os.uname().machine
    if (system, machine) != (needs["system"], needs["machine"]):
        return f"this is {system} on {machine}"
    extensions = _imp.extension_suffixes()  # type: list[str]
    if needs["extension"] not in extensions:
        return f"{sys.executable} is for modules that end in {extensions[0]}"
    glibc = _glibc()
    if needs["glibc"] and glibc and _numbers(glibc) < _numbers(needs["glibc"]):
        return f"this system has glibc {glibc}"
    return ""


def _glibc():  # type: () -> str
    try:
        return (os.confstr("CS_GNU_LIBC_VERSION") or "").rpartition(" ")[2]
    except ValueError:  # another C library
        return ""


def _numbers(version):  # type: (str) -> list[int]
    return [int(part) for part in version.split(".")[:2] if part.isdigit()]


def describe(needs):  # type: (dict[str, str]) -> str
    """Return what is needed, for a person."""
    abi = needs["extension"].strip(".").rpartition(".")[0]
    glibc = f", glibc {needs['glibc']} or newer" if needs["glibc"] else ""
    return f"CPython {needs['python']} on {needs['system']} {needs['machine']} ({abi}{glibc})"
