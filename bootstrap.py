#!/usr/bin/env python3
"""Make the project's private build environment and its bin/buildout.

    python3 bootstrap.py [options] [what bin/buildout is to be run with]

Only the standard library is needed. What is there and right is left alone, what is missing, half
made, or of another Python or another pin is made again.
"""

import os
import sys

# Parsed by Python 3.6, too: this line is what its user is to see.
if sys.version_info < (3, 11):  # noqa: UP036  # older ones do run this line
    sys.exit(
        "bootstrap: Python 3.11 or newer is needed, and this is {}.{}.{} ({})".format(
            *sys.version_info[:3], sys.executable
        )
    )
if __name__ == "__main__" and not sys.flags.isolated:
    # What PYTHONPATH or the user's site-packages offer under the names below is not wanted.
    os.execv(sys.executable, [sys.executable, "-I", __file__, *sys.argv[1:]])  # noqa: S606

import argparse
import contextlib
import functools
import json
import re
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parent
sys.dont_write_bytecode = True  # src/ is left as it is
sys.path.insert(0, str(ROOT / "src"))

from eggcrate import bundle, cache, files, launcher, lockfile, toolchain  # noqa: E402

VERSION = "1.1"
FORMAT = 3  # of the environment: raise it when what is made here changes
OWN = "eggcrate"
COMMANDS = {"buildout": "command", "eggcrate": "cli", "lock": "locking", "release": "release"}


class BootstrapError(Exception):
    """What keeps the environment from being made, in one line that says what to do."""


EXPLAINED = (BootstrapError, bundle.BundleError, lockfile.LockError, toolchain.ToolError)


def main(arguments=None):
    """Make what is missing, then run bin/buildout if more arguments were given."""
    try:
        options, rest = parse(arguments)
        bootstrap(options)
        if rest:
            run_buildout(rest)
    except EXPLAINED as problem:
        return f"bootstrap: {problem}"
    except OSError as error:
        return f"bootstrap: cannot write {error.filename or ROOT}: {error.strerror or error}"
    except KeyboardInterrupt:
        return "bootstrap: interrupted"
    return 0


def parse(arguments):
    """Return the options and the arguments that are buildout's."""
    parser = argparse.ArgumentParser(
        prog="bootstrap.py",
        description="Make the private build environment (parts/buildout) and bin/buildout.",
        epilog="All other arguments are handed to bin/buildout, which is run if there are any.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"bootstrap.py {VERSION}")
    parser.add_argument(
        "--buildout-version", metavar="VERSION", help="zc.buildout, instead of the pinned one"
    )
    parser.add_argument(
        "--setuptools-version", metavar="VERSION", help="setuptools, instead of the pinned one"
    )
    parser.add_argument(
        "-c", "--config-file", metavar="FILE", help="run bin/buildout with this configuration"
    )
    parser.add_argument(
        "-f", "--find-links", metavar="URL", action="append", default=[],
        help="a folder or page where pip also looks for the build tools (repeatable)",
    )  # fmt: skip
    parser.add_argument(
        "--bundle", metavar="FILE", type=Path,
        help="build from this file, which `bin/eggcrate bundle` made, without any network",
    )  # fmt: skip
    parser.add_argument(
        "--unlocked",
        action="store_true",
        help="take build tools that versions.lock does not have from the index, unchecked",
    )
    parser.add_argument(
        "--allow-site-packages",
        action="store_true",
        help="let the build tools see the site-packages of Python; the application never does",
    )
    options, rest = parser.parse_known_args(arguments)
    return options, ["-c", options.config_file, *rest] if options.config_file else rest


def bootstrap(options):
    """Make the environment and the commands of the build, where they are not right already."""
    lock, pins = read_lock(options), read_pins(ROOT / "versions.cfg")
    tools = choose_tools(pins, lock, options)
    stamp = describe(tools, pins, options)
    environment = ROOT / "parts" / "buildout"
    if options.bundle:
        [packaging] = [tool.file for tool in tools if tool.name == "packaging"]
        with alone(environment.parent):
            bundle.unpack(options.bundle, lock, packaging, ROOT / cache.BUNDLE)
    if not is_right(environment, stamp):
        with alone(environment.parent):
            if not is_right(environment, stamp):  # another one may have made it meanwhile
                make(environment, stamp, tools, options)
    settle(environment)


# --- what is wanted ------------------------------------------------------------------------------


def read_pins(path):
    """Return the [versions] section as {name: version}, names as they are written there."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except OSError as error:
        raise BootstrapError(f"cannot read {path}: {error.strerror}") from None
    section, pins = "", {}
    for line in lines:
        if line.startswith("["):
            section = line.strip()
        match = re.match(r"([\w.-]+)\s*=\s*(?:==\s*)?(\S+)\s*$", line)
        if section == "[versions]" and match:
            pins[match[1]] = match[2]
    missing = [name for name in (*toolchain.NAMES, OWN) if name not in pins]
    if missing:
        raise BootstrapError(f"{path} has no pin (name = version) for: {', '.join(missing)}")
    return pins


def read_lock(options):
    """Return the lock; without one nothing is installed, unless that was asked for."""
    lock = lockfile.load(ROOT)
    if lock is None and not options.unlocked:
        raise BootstrapError(
            f"{ROOT / lockfile.NAME} is missing, so nothing can be checked; get it back, or make"
            f" one: `python3 bootstrap.py --unlocked`, then `bin/lock`"
        )
    return lock or lockfile.Lock({})


def choose_tools(pins, lock, options):
    """Return the tools, each with its locked file; without one where a person allows that."""
    given = asked_for(options)
    tools = [toolchain.select(name, given.get(name, pins[name]), lock) for name in toolchain.NAMES]
    unlocked = [tool for tool in tools if tool.file is None]
    refused = [tool for tool in unlocked if not (tool.name in given or options.unlocked)]
    if options.bundle:
        refused = unlocked
    if refused:
        names = ", ".join(map(str, refused))
        raise BootstrapError(f"{lockfile.NAME} does not have {names}; run bin/lock")
    return tools


def asked_for(options):
    """Return the versions that the command line names, which need not be locked."""
    given = {"zc.buildout": options.buildout_version, "setuptools": options.setuptools_version}
    return {name: version for name, version in given.items() if version}


def describe(tools, pins, options):
    """Return all that decides what the environment is like."""
    return {
        "format": FORMAT,
        "python": sys.version,
        "executable": os.path.realpath(sys._base_executable),
        "site-packages": options.allow_site_packages,
        "pins": {tool.name: tool.version for tool in tools} | {OWN: pins[OWN]},
        "sha256": {tool.name: tool.file.sha256 for tool in tools if tool.file},
        "overridden": sorted(asked_for(options)),
    }


# --- what is there -------------------------------------------------------------------------------


def is_right(environment, stamp):
    """Tell whether the environment is the wanted one and nothing of it is missing."""
    try:
        found = json.loads((environment / "bootstrap.json").read_text("utf-8"))
        contents = found.pop("contents")
        present = names(site_packages(environment))
    except (OSError, ValueError, KeyError, AttributeError):
        return False
    return (
        found == stamp
        and present.issuperset(contents)
        and os.access(environment / "bin" / "python", os.X_OK)
        and (environment / "pyvenv.cfg").is_file()
    )


def names(folder):
    """Return what lies in a folder."""
    return {path.name for path in folder.iterdir()}


def site_packages(environment):
    """Return the folder that the tools are installed into."""
    return environment / "lib" / "python{}.{}".format(*sys.version_info) / "site-packages"


# --- making it -----------------------------------------------------------------------------------


@contextlib.contextmanager
def alone(folder):
    """Let one process at a time make the environment; a killed one leaves no lock behind."""
    import fcntl

    folder.mkdir(exist_ok=True)
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Another bootstrap.py is at work: waiting until it has ended.", flush=True)
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def make(environment, stamp, tools, options):
    """Make the environment beside the old one, then put it in its place.

    The old one stays in use until the new one works.
    """
    print(f"Making {environment.relative_to(ROOT)} with Python {sys.version.split()[0]}.")
    for left in environment.parent.glob("buildout.new*"):
        # What a killed run has started may still write there.
        shutil.rmtree(left, ignore_errors=True)
    new = environment.with_name(f"buildout.new-{os.getpid()}")
    old = environment.with_name("buildout.old")
    try:
        create(new, stamp["site-packages"])
        install(new, tools, options)
        register(new, stamp["pins"][OWN])
        contents = sorted(names(site_packages(new)) - {"__pycache__"})
        text = json.dumps({**stamp, "contents": contents}, indent=1)
        (new / "bootstrap.json").write_text(text, "utf-8")
        remove(old)
        if os.path.lexists(environment):
            environment.rename(old)
        new.rename(environment)
    finally:
        remove(new)
        remove(old)


def remove(path):
    """Remove whatever is at ``path``."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    elif os.path.lexists(path):
        path.unlink()


def create(environment, site):
    """Make an empty virtual environment."""
    try:
        import venv
    except ImportError:
        package = "python{}.{}-venv".format(*sys.version_info)
        raise BootstrapError(
            f"this Python has no venv; install it (Debian, Ubuntu: apt install {package})"
        ) from None
    venv.EnvBuilder(system_site_packages=site, symlinks=True).create(environment)
    for path in (environment / "bin").iterdir():
        if not path.name.startswith("python"):  # activation: it names the folder of today
            path.unlink()


def install(environment, tools, options):
    """Install the tools, and nothing else."""
    for tool in tools:
        if tool.file is None:
            print(f"Taking {tool} unchecked: {lockfile.NAME} does not have it.")
    # A bundle has all; without an index pip says what it lacks all the same.
    links = ["--no-index"] if options.bundle else []
    links += [argument for url in options.find_links for argument in ("--find-links", url)]
    python = environment / "bin" / "python"
    found = cache.Cache.configured({"directory": ROOT})
    wheels = toolchain.obtain(tools, found, functools.partial(toolchain.fetch, python, links))
    toolchain.unpack(wheels, site_packages(environment))
    toolchain.run(python, "-c", "import zc.buildout.buildout, zc.recipe.egg")


def register(environment, version):
    """Make src/eggcrate known to the environment as a distribution of its own.

    buildout loads its extensions before it makes develop eggs, so it has to be there already.
    """
    packages = site_packages(environment)
    link(packages)
    metadata = packages / f"{OWN}-{version}.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {OWN}\nVersion: {version}\n")
    (metadata / "entry_points.txt").write_text(
        f"[zc.buildout.extension]\ndefault = {OWN}:load\n"
        f"[zc.buildout.unloadextension]\ndefault = {OWN}:unload\n"
    )
    (metadata / "top_level.txt").write_text(f"{OWN}\n")
    (metadata / "INSTALLER").write_text("bootstrap.py\n")


def link(packages):
    """Link the folder, and not all of src/, into site-packages: the build sees no application."""
    source = Path(os.path.relpath(ROOT / "src", packages.resolve()))
    try:
        (packages / OWN).symlink_to(source / OWN)
    except OSError:  # a file system without links
        (packages / f"{OWN}.pth").write_text(f"{source}\n")


# --- bin/ ----------------------------------------------------------------------------------------


def settle(environment):
    """Write the commands of the build for the folder in which the project lies now."""
    folder, target = ROOT / "bin", launcher.Target(environment, inside=environment)
    folder.mkdir(exist_ok=True)
    buildout = folder / "buildout"
    if buildout.is_file() and target.shell() not in buildout.read_text("utf-8"):
        # The project was moved or copied. What buildout believes to have installed lies where it
        # was then, perhaps another person's copy: it must not be removed from there.
        (ROOT / ".installed.cfg").unlink(missing_ok=True)
    for name, module in COMMANDS.items():
        text = launcher.call(target, f"{OWN}.{module}", "main", "__file__")
        if files.write(folder / name, text, mode=0o755):
            print(f"Generated bin/{name}.")


def run_buildout(arguments):
    """Become bin/buildout."""
    sys.stdout.flush()
    command = str(ROOT / "bin" / "buildout")
    os.execv(command, [command, *arguments])  # noqa: S606


if __name__ == "__main__":
    sys.exit(main())
