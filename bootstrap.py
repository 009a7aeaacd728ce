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
import json
import re
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VERSION = "1.0"
FORMAT = 2  # of the environment: raise it when what is made here changes
TOOLS = ("pip", "setuptools", "wheel", "packaging", "platformdirs", "zc.buildout", "zc.recipe.egg")
OWN = "eggcrate"

# What the caller's shell says about pip that would put the tools elsewhere. Where pip finds the
# index is for the user to say, and honoured.
PIP_ELSEWHERE = ("PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_REQUIRE_VIRTUALENV")


class BootstrapError(Exception):
    """What keeps the environment from being made, in one line that says what to do."""


def main(arguments=None):
    """Make what is missing, then run bin/buildout if more arguments were given."""
    try:
        options, rest = parse(arguments)
        bootstrap(options)
        if rest:
            run_buildout(rest)
    except BootstrapError as problem:
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
        "--allow-site-packages",
        action="store_true",
        help="let the build tools see the site-packages of Python; the application never does",
    )
    options, rest = parser.parse_known_args(arguments)
    return options, ["-c", options.config_file, *rest] if options.config_file else rest


def bootstrap(options):
    """Make the environment and bin/buildout, where they are not right already."""
    stamp = wanted(read_pins(ROOT / "versions.cfg"), options)
    environment = ROOT / "parts" / "buildout"
    if not is_right(environment, stamp):
        with locked(environment.parent):
            make(environment, stamp, options.find_links)
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
    missing = [name for name in (*TOOLS, OWN) if name not in pins]
    if missing:
        raise BootstrapError(f"{path} has no pin (name = version) for: {', '.join(missing)}")
    return pins


def wanted(pins, options):
    """Return all that decides what the environment is like."""
    given = {
        "zc.buildout": options.buildout_version,
        "setuptools": options.setuptools_version,
    }
    given = {name: version for name, version in given.items() if version}
    return {
        "format": FORMAT,
        "python": sys.version,
        "executable": os.path.realpath(sys._base_executable),
        "site-packages": options.allow_site_packages,
        "pins": {name: pins[name] for name in (*TOOLS, OWN)} | given,
        "overridden": sorted(given),
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
def locked(folder):
    """Let one process at a time make the environment; a killed one leaves no lock behind."""
    import fcntl

    folder.mkdir(exist_ok=True)
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def make(environment, stamp, find_links):
    """Make the environment beside the old one, then put it in its place.

    The old one stays in use until the new one works.
    """
    print(f"Making {environment.relative_to(ROOT)} with Python {sys.version.split()[0]}.")
    new, old = environment.with_name("buildout.new"), environment.with_name("buildout.old")
    remove(new)
    try:
        create(new, stamp["site-packages"])
        install(new, stamp["pins"], find_links)
        register(new, stamp["pins"][OWN])
        # Its commands name the folder where it was made; ours are in bin/ of the project.
        for path in (new / "bin").iterdir():
            if not path.name.startswith("python"):
                path.unlink()
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
    """Make an empty virtual environment with pip in it."""
    try:
        import ensurepip  # noqa: F401  # Debian leaves it out, and venv then fails in its middle
        import venv
    except ImportError as error:
        package = "python{}.{}-venv".format(*sys.version_info)
        raise BootstrapError(
            f"this Python has no {error.name}; install it (Debian, Ubuntu: apt install {package})"
        ) from None
    venv.EnvBuilder(system_site_packages=site, symlinks=True).create(environment)
    python(environment, "-m", "ensurepip", "--default-pip")


def install(environment, pins, find_links):
    """Install the pinned tools, and nothing else."""
    options = ["--quiet", "--disable-pip-version-check", "--no-input", "--no-deps", "--compile"]
    options += ["--retries", "1", "--timeout", "15", "--no-warn-script-location"]
    for url in find_links:
        options += ["--find-links", url]
    requirements = [f"{name}=={pins[name]}" for name in TOOLS]
    python(environment, "-m", "pip", "install", *options, *requirements)
    python(environment, "-c", "import zc.buildout.buildout, zc.recipe.egg")


def python(environment, *arguments):
    """Run the environment's interpreter; what it says is shown only if it fails."""
    command = [environment / "bin" / "python", "-I", *arguments]
    child = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("PYTHON") and name not in PIP_ELSEWHERE
    }
    child["PIP_USER"] = "0"  # set, not dropped: a configuration file may say otherwise
    result = subprocess.run(
        command,
        env=child,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    )
    if result.returncode:
        raise BootstrapError(essence(result.stdout))


def essence(output):
    """Return the one line of what pip said that helps."""
    broken = re.search(
        r"connection broken by '(.*)': |Could not fetch URL [^:]*://\S+ (.*?)(?: - skipping)?$",
        output,
        re.MULTILINE,
    )
    if broken and "No matching distribution" in output:
        reason = re.sub(r"^\w+\(.*?>?: ?['\"]?|['\"]?,?\)*$", "", broken[1] or broken[2])
        return (
            f"no package index is reachable ({reason}); check the network or pip's settings"
            " (pip config list), or name a folder of wheels with --find-links"
        )
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if "No space left" in line]
    errors += [line for line in reversed(lines) if re.match(r"ERROR|\w*Error", line)]
    errors = [line.removeprefix("ERROR: ") for line in errors]
    return (errors or lines[-1:] or ["the build environment could not be made"])[0]


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


# --- bin/buildout --------------------------------------------------------------------------------


def settle(environment):
    """Write bin/buildout for the folder in which the project lies now."""
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(ROOT / "src"))
    from eggcrate import files, launcher

    (ROOT / "bin").mkdir(exist_ok=True)
    target = launcher.Target(environment, inside=environment)
    text = launcher.call(target, f"{OWN}.command", "main", "__file__")
    command = ROOT / "bin" / "buildout"
    if command.is_file() and target.shell() not in command.read_text("utf-8"):
        # The project was moved or copied. What buildout believes to have installed lies where it
        # was then, perhaps another person's copy: it must not be removed from there.
        (ROOT / ".installed.cfg").unlink(missing_ok=True)
    if files.write(command, text, mode=0o755):
        print(f"Generated {command.relative_to(ROOT)}.")


def run_buildout(arguments):
    """Become bin/buildout."""
    sys.stdout.flush()
    command = str(ROOT / "bin" / "buildout")
    os.execv(command, [command, *arguments])  # noqa: S606


if __name__ == "__main__":
    sys.exit(main())
