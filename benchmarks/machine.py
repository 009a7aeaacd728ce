"""The machine that measures."""

import os
import platform
from pathlib import Path


def describe() -> dict[str, str]:
    """Return what the figures depend on."""
    return {
        "cores": str(len(os.sched_getaffinity(0))),
        "processor": _processor(),
        "kernel": _kernel(),
        "python": _python(),
        # What else runs takes its part: from about 0.5 on, figures are not worth much.
        "load before": f"{os.getloadavg()[0]:.1f}",
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def brief() -> str:
    """Return it in a few words."""
    return f"{len(os.sched_getaffinity(0))} cores, {_kernel()}, {_python()}"


def _kernel() -> str:
    return f"{platform.system()} {'.'.join(platform.release().split('.')[:2])}"


def _python() -> str:
    return f"{platform.python_implementation()} {platform.python_version()}"
