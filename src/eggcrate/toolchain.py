"""The build tools: pinned wheels, hash-checked and unpacked. bootstrap.py runs this.

Standard library only: it makes the environment in which something else can be imported.
"""

import hashlib
import io
import os
import re
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from eggcrate.cache import Cache
from eggcrate.lockfile import File, Lock, normalised

# What parts/buildout consists of, besides eggcrate itself.
NAMES = ("pip", "setuptools", "wheel", "packaging", "platformdirs", "zc.buildout", "zc.recipe.egg")

_FOR_ALL = re.compile(r"-(\w+\.)*py3(\.\w+)*-none-any\.whl")

# What the caller's shell may say to pip, and would give something else than what is asked for
# here. Where pip finds the index is for the user to say, and honoured.
_OTHERWISE = ("PIP_CONSTRAINT", "PIP_PLATFORM", "PIP_PYTHON", "PIP_PYTHON_VERSION")


class ToolError(Exception):
    """A build tool that cannot be had; one line that says what to do."""


@dataclass(frozen=True)
class Tool:
    """A pinned build tool. Without ``file`` it is not locked, and somebody has allowed that."""

    name: str
    version: str
    file: File | None

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


def select(name: str, version: str, lock: Lock) -> Tool:
    """Return a tool with its locked wheel, or with none if the lock does not have the tool."""
    files = lock.of(name, version)
    wheels = [file for file in files if _FOR_ALL.search(file.name)]
    if files and not wheels:
        raise ToolError(f"versions.lock has no wheel of {name} {version} for every platform")
    return Tool(name, version, wheels[0] if wheels else None)


def unpack(wheels: Iterable[bytes], folder: Path) -> None:
    """Unpack wheels into ``folder``, a site-packages, and compile what is in it."""
    for wheel in wheels:
        with zipfile.ZipFile(io.BytesIO(wheel)) as archive:
            archive.extractall(folder)
    # In a process of its own: it forks others, which would keep a lock that this one holds, and
    # have it for ever if this one is killed. Files for other versions of Python are no error.
    command = [sys.executable, "-I", "-m", "compileall", "-qq", "-j", "0", str(folder)]
    subprocess.run(command, check=False)


# --- getting the wheels --------------------------------------------------------------------------

Fetch = Callable[[Sequence[Tool], Path], None]  # the tools' wheels into a folder


def obtain(tools: Iterable[Tool], cache: Cache, fetch: Fetch) -> list[bytes]:
    """Return the tools' wheels; those that are locked have the locked bytes.

    What the cache does not have is fetched, and added to it.
    """
    found = {tool: _cached(tool, cache) for tool in tools}
    missing = [tool for tool, wheel in found.items() if wheel is None]
    if missing:
        with tempfile.TemporaryDirectory() as folder:
            fetch(missing, Path(folder))
            fetched = {path.name: path.read_bytes() for path in Path(folder).glob("*.whl")}
        for tool in missing:
            found[tool] = wheel = _pick(tool, fetched)
            _keep(tool, wheel, cache)
    return [wheel for wheel in found.values() if wheel is not None]


def _cached(tool: Tool, cache: Cache) -> bytes | None:
    path = cache.find(tool.file) if tool.file else None
    wheel = path.read_bytes() if path else b""
    return wheel if _has_hash(wheel, tool) else None


def _pick(tool: Tool, fetched: Mapping[str, bytes]) -> bytes:
    for name, wheel in fetched.items():
        if tool.file is None and normalised(name.partition("-")[0]) == normalised(tool.name):
            return wheel
        if _has_hash(wheel, tool):
            return wheel
    raise ToolError(f"there is no wheel of {tool} that versions.lock allows")


def _keep(tool: Tool, wheel: bytes, cache: Cache) -> None:
    folder = cache.folder()
    if tool.file and folder:
        handle, temporary = tempfile.mkstemp(prefix=".new-", dir=folder)
        with os.fdopen(handle, "wb") as file:
            file.write(wheel)
        cache.add(tool.file, Path(temporary))


def _has_hash(wheel: bytes, tool: Tool) -> bool:
    return tool.file is not None and hashlib.sha256(wheel).hexdigest() == tool.file.sha256


# --- pip -----------------------------------------------------------------------------------------


def fetch(python: Path, options: Sequence[str], tools: Sequence[Tool], folder: Path) -> None:
    """Let the pip that Python brings along download wheels into ``folder``.

    ``python`` is an environment's. Locked tools are checked by pip, too.
    """
    command = [_pip(), "download", "--quiet", "--disable-pip-version-check", "--no-input"]
    command += ["--retries", "1", "--timeout", "15", "--no-deps", "--only-binary", ":all:"]
    for check in ("--require-hashes", None):
        group = [tool for tool in tools if bool(tool.file) == bool(check)]
        if group:
            requirements = folder / "requirements.txt"
            requirements.write_text("".join(f"{_requirement(tool)}\n" for tool in group), "utf-8")
            extra = [check] if check else []
            run(python, *command, *extra, *options, "-d", folder, "-r", requirements)


def _pip() -> str:
    """Return the pip of ensurepip, a wheel, to be run without being installed."""
    try:
        import ensurepip
    except ImportError:  # Debian leaves it out
        wheels = []
    else:
        bundled = Path(ensurepip.__file__).parent / "_bundled"
        folder = Path(sysconfig.get_config_var("WHEEL_PKG_DIR") or bundled)
        wheels = sorted(folder.glob("pip-*.whl"))
    if not wheels:
        package = "python{}.{}-venv".format(*sys.version_info)
        raise ToolError(
            f"this Python has no ensurepip; install it (Debian, Ubuntu: apt install {package})"
        )
    return str(wheels[-1] / "pip")


def _requirement(tool: Tool) -> str:
    text = f"{tool.name}=={tool.version}"
    return f"{text} --hash=sha256:{tool.file.sha256}" if tool.file else text


def run(python: Path, *arguments: str | Path) -> None:
    """Run an interpreter; what it says is shown, in one line, only if it fails."""
    environ = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("PYTHON") and name not in _OTHERWISE
    }
    # Set, not dropped: a configuration file may say otherwise.
    environ |= {"PIP_REQUIRE_VIRTUALENV": "0", "PIP_NO_BINARY": ""}
    result = subprocess.run(
        [python, "-I", *arguments],
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    )
    if result.returncode:
        raise ToolError(_essence(result.stdout))


def _essence(output: str) -> str:
    """Return the one line of what pip said that helps."""
    refused = re.search(
        r"^\s*(\S+)==(\S+) from (\S+).*\n\s*Expected sha256 (\w+)\n\s*Got\s+(\w+)",
        output,
        re.MULTILINE,
    )
    if refused:
        name, version, url, expected, actual = refused.groups()
        file = url.partition("#")[0].rpartition("/")[2]
        return f"{name} {version}: {file} has sha256 {actual}, but {expected} is expected"
    broken = re.search(
        r"connection broken by '(.*)': |Could not fetch URL [^:]*://\S+ (.*?)(?: - skipping)?$",
        output,
        re.MULTILINE,
    )
    if broken and "No matching distribution" in output:
        reason = re.sub(r"^\w+\(.*?>?: ?['\"]?|['\"]?,?\)*$", "", broken[1] or broken[2])
        return (
            f"no package index is reachable ({reason}); check the network or pip's settings"
            " (pip config list), or name a folder of wheels (--find-links) or a bundle (--bundle)"
        )
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if "No space left" in line]
    errors += [line for line in reversed(lines) if re.match(r"ERROR|\w*Error", line)]
    errors = [line.removeprefix("ERROR: ") for line in errors]
    return (errors or lines[-1:] or ["the build environment could not be made"])[0]
