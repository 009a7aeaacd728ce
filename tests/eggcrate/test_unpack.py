import configparser
import os
import random
import resource
import shutil
import subprocess
import sys
import sysconfig
import time
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

from eggcrate import bytecode, eggs, unpack
from eggcrate.cache import Cache
from eggcrate.eggs import MARK, Eggs, Mark
from eggcrate.lockfile import File, Lock
from eggcrate.unpack import UnpackError
from eggcrate.verify import verify
from support import crafted, wheels
from support.crafted import METADATA, tree
from support.scratch import PROJECT

NAME = f"{eggs.name('Crate-Thing', '1.0')}.egg"
DATA = "crate_thing-1.0.data"
FILES = {
    "crate/__init__.py": "def where():\n    return __file__\n",
    "crate/deep/er/module.py": "x = 1\n",
    "crate/template.py": "{{ no }} python\n",
    "crate/data.txt": "text",
    "crate/program": "#!/bin/sh\n",
    f"{DATA}/scripts/tool": "\x7fELF",
}
UNPACK = """\
import sys
from pathlib import Path
from eggcrate import unpack, workshop
from eggcrate.lockfile import File
workshop._sync = lambda folder: None  # it waits for what others write to the disk, too
wheel = Path(sys.argv[1])
try:
    unpack.unpack(wheel, File(wheel.name, sys.argv[2]), Path(sys.argv[3]))
except unpack.UnpackError as error:
    sys.exit(str(error))
"""


@pytest.fixture
def made(tmp_path):
    return crafted.wheel(tmp_path / "wheels", FILES, executable=["crate/program"])


def listed(folder):
    return sorted(path.name for path in folder.iterdir())


def process(made, folder, **kwargs):
    """Start a process that makes an egg."""
    path, file = made
    command = [sys.executable, "-c", UNPACK, path, file.sha256, folder]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)} | kwargs.pop("env", {})
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environ, **kwargs)


def test_the_egg(made, tmp_path):
    metadata = METADATA + "Requires-Dist: other\n"
    path, file = crafted.wheel(tmp_path, FILES, metadata=metadata, executable=["crate/program"])
    egg = unpack.unpack(path, file, tmp_path / "eggs")
    assert egg == unpack.Egg("Crate-Thing", "1.0", ["other"], str(tmp_path / "eggs" / NAME))
    assert unpack.metadata(path, file) == unpack.Metadata("Crate-Thing", "1.0", ["other"])
    folder, info = Path(egg.path), f"{NAME.removesuffix('.egg')}.dist-info"
    found = tree(folder)
    assert found.keys() == {
        "bin/tool",
        "crate/__init__.py",
        bytecode.path("crate/__init__.py"),
        "crate/data.txt",
        "crate/deep/er/module.py",
        bytecode.path("crate/deep/er/module.py"),
        "crate/program",
        "crate/template.py",
        f"{info}/METADATA",
        f"{info}/RECORD",
        f"{info}/WHEEL",
        MARK,
    }
    executable = {name for name, (_, mode, _) in found.items() if mode & 0o777 == 0o555}
    assert executable == {"bin/tool", "crate/program"}
    assert {mode & 0o777 for _, mode, _ in found.values()} == {0o444, 0o555}
    assert {time for _, _, time in found.values()} == {1714979290}
    assert found["crate/data.txt"][0] == b"text"
    mark = Mark.read(folder)
    assert (mark.artifact, mark.compiler) == (file, bytecode.COMPILER)
    assert list(eggs.damage(folder)) == []
    assert listed(folder.parent) == [NAME]


def test_what_is_shadowed_by_an_extension_module_is_not_compiled(tmp_path):
    fast = f"crate/fast{EXTENSION_SUFFIXES[0]}"
    made = crafted.wheel(tmp_path, {**FILES, fast: "\x7fELF", "crate/fast.py": "1\n"})
    found = tree(Path(unpack.unpack(*made, tmp_path / "eggs").path))
    assert {fast, "crate/fast.py", bytecode.path("crate/__init__.py")} <= found.keys()
    assert bytecode.path("crate/fast.py") not in found


def test_a_wheel_that_was_built_here_is_marked_by_its_source(made, tmp_path):
    origin = File("crate_thing-1.0.tar.gz", "c" * 64)
    cache = Cache(eggs=tmp_path / "kept")
    egg = unpack.unpack(*made, tmp_path / "eggs", cache, origin=origin)
    assert Mark.read(egg.path).artifact == origin
    assert Eggs(tmp_path / "eggs", Lock({("crate-thing", "1.0"): (origin,)})).valid(egg.path)
    assert not (tmp_path / "kept").exists()


def test_whoever_serves_may_read_it(made, tmp_path):
    folder = tmp_path / "eggs"
    started = process(made, folder, umask=0o077)
    assert started.wait() == 0, started.stderr.read()
    started.stderr.close()
    modes = {path.stat().st_mode & 0o777 for path in (folder / NAME).rglob("*")}
    assert modes == {0o444, 0o555, 0o755}
    assert (folder / NAME).stat().st_mode & 0o777 == 0o755


def test_it_is_compiled_whatever_the_environment_says_of_bytecode(made, tmp_path):
    started = process(made, tmp_path / "eggs", env={"PYTHONDONTWRITEBYTECODE": "1"})
    assert started.wait() == 0, started.stderr.read()
    started.stderr.close()
    egg = tmp_path / "eggs" / NAME
    program = f"import sys; sys.path.insert(0, {str(egg)!r}); import crate; print(crate.where())"
    command = [sys.executable, "-v", "-B", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(egg / "crate/__init__.py")
    assert f"matches {egg / 'crate/__init__.py'}" in done.stderr


def test_the_same_wheel_gives_the_same_egg_anywhere(made, tmp_path):
    cache = Cache(eggs=tmp_path / "kept")
    first = tree(Path(unpack.unpack(*made, tmp_path / "a" / "deep").path))
    for folder in ("keeps", "uses"):
        assert tree(Path(unpack.unpack(*made, tmp_path / folder, cache).path)) == first
    started = process(made, tmp_path / "other", env={"PYTHONHASHSEED": "5", "TZ": "Asia/Tokyo"})
    assert started.wait() == 0, started.stderr.read()
    started.stderr.close()
    assert tree(tmp_path / "other" / NAME) == first


def test_it_replaces_what_is_not_ours(made, tmp_path):
    folder = tmp_path / "eggs"
    (folder / NAME).mkdir(parents=True)
    (folder / NAME / "old.py").touch()
    unpack.unpack(*made, folder)
    assert not (folder / NAME / "old.py").exists()
    other = crafted.wheel(tmp_path / "other", FILES | {"new.py": "1\n"})
    unpack.unpack(*other, folder)
    assert (folder / NAME / "new.py").exists()
    assert listed(folder) == [NAME]


def test_it_leaves_what_is_the_same(made, tmp_path):
    first = Path(unpack.unpack(*made, tmp_path / "eggs").path).stat().st_ino
    assert Path(unpack.unpack(*made, tmp_path / "eggs").path).stat().st_ino == first


@pytest.mark.parametrize(
    "change",
    [
        {"files": {"../up.py": "1"}},
        {"files": {f"{DATA}/purelib/../../../up.py": "1"}},
        {"files": {"/up.py": "1"}},
        {"record": lambda text: text.replace(crafted.digest(b"text"), crafted.digest(b""))},
        {"metadata": METADATA.replace("1.0", "2.0")},
    ],
)
def test_of_a_wheel_that_is_refused_nothing_is_left(tmp_path, change):
    change["files"] = FILES | change.get("files", {})
    path, file = crafted.wheel(tmp_path / "wheels", **change)
    with pytest.raises(UnpackError, match=path.name):
        unpack.unpack(path, file, tmp_path / "a" / "b" / "eggs")
    assert [found for found in tmp_path.rglob("*") if found.is_file()] == [path]
    assert list((tmp_path / "a" / "b" / "eggs").iterdir()) == []


def test_a_wheel_that_is_not_the_locked_one_is_refused(made, tmp_path):
    wrong = File(made[1].name, "d" * 64)
    for function in (unpack.metadata, lambda *args: unpack.unpack(*args, tmp_path / "eggs")):
        with pytest.raises(UnpackError, match=f"{made[1].sha256}, but {'d' * 64} is expected"):
            function(made[0], wrong)
    assert list((tmp_path / "eggs").iterdir()) == []


def test_errors_of_the_system_are_one_line(made, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UnpackError, match=r"^crate_thing-1\.0.* cannot be unpacked: Not a dir.*$"):
        unpack.unpack(*made, tmp_path / "file" / "eggs")
    made[0].unlink()
    with pytest.raises(UnpackError, match=r"cannot be unpacked: No such file .*\.whl\)$"):
        unpack.metadata(*made)


# --- harm ---


LARGE = {f"crate/m{n}.py": f"x = {list(range(n * 30))}\n" for n in range(40)} | {
    "crate/large.bin": random.Random(1).randbytes(300_000)
}


def test_a_full_disk_leaves_nothing(tmp_path):
    made = crafted.wheel(tmp_path, LARGE)
    started = process(made, tmp_path / "eggs", preexec_fn=limited)
    said = started.communicate()[1]
    assert started.returncode == 1
    assert said.startswith(f"{made[0].name} cannot be unpacked: File too large")
    assert said.count("\n") == 1
    assert list((tmp_path / "eggs").iterdir()) == []


def limited():
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))


def test_a_disk_that_is_really_full_leaves_nothing(tmp_path):
    made, disk = crafted.wheel(tmp_path, LARGE), tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "eggcrate", disk]
    if os.geteuid() or not shutil.which("mount") or subprocess.run(mount).returncode:
        pytest.skip("this user cannot mount a small disk")
    try:
        with pytest.raises(UnpackError, match="No space left on device"):
            unpack.unpack(*made, disk / "eggs")
        assert list((disk / "eggs").iterdir()) == []
    finally:
        subprocess.run(["umount", disk], check=True)


def test_killed_at_any_moment_the_next_one_ends_right(tmp_path):
    made = crafted.wheel(tmp_path / "wheels", LARGE)
    begun = time.monotonic()
    assert process_ends(made, tmp_path / "eggs") == 0
    whole, expected = time.monotonic() - begun, tree(tmp_path / "eggs" / NAME)
    rng, said = random.Random(4), []
    for number in range(10):
        folder = tmp_path / f"eggs{number}"
        process_ends(made, folder, after=whole * rng.uniform(0.3, 1))
        if (folder / NAME).exists():
            assert tree(folder / NAME) == expected  # whole or not at all
        said += Eggs(folder, None).stale()
        assert process_ends(made, folder) == 0
        assert tree(folder / NAME) == expected
        assert listed(folder) == [NAME]
    assert said
    assert all("which a build that was killed has left over" in line for line in said)


def process_ends(made, folder, after=None):
    started = process(made, folder)
    try:
        started.wait(after)
    except subprocess.TimeoutExpired:
        started.kill()
    started.communicate()
    return started.returncode


def test_two_builds_at_once_over_one_folder(tmp_path):
    made, folder = crafted.wheel(tmp_path / "wheels", LARGE), tmp_path / "eggs"
    (folder / NAME).mkdir(parents=True)  # not ours, and to be replaced by one of them
    (folder / NAME / "old").touch()
    for started in [process(made, folder) for _ in range(4)]:
        assert started.communicate() == (None, "")
        assert started.returncode == 0
    lock = Lock({("crate-thing", "1.0"): (made[1],)})
    assert verify(folder, lock) == []
    assert listed(folder) == [NAME]


# --- as zc.buildout makes them ---

STOCK = """\
import os, sys
sys.path.append(sys.argv[1])
import zc.buildout, pkg_resources
from zc.buildout import easy_install
from eggcrate import binaries
binaries.install()
for path in sys.argv[3:]:
    name, version = os.path.basename(path).split("-")[:2]
    wheel = pkg_resources.Distribution(
        path, project_name=name, version=version, precedence=pkg_resources.BINARY_DIST)
    easy_install._move_to_eggs_dir_and_compile(wheel, sys.argv[2])
"""
PIPS_OWN = ("INSTALLER", "REQUESTED", "direct_url.json")
NAMESPACE = "__import__('pkg_resources').declare_namespace(__name__)\n"
KINDS = {
    "pure": FILES,
    "data": {
        f"{DATA}/purelib/crate/a.py": "1\n",
        f"{DATA}/data/share/x": "x",
        f"{DATA}/headers/x.h": "x",
        f"{DATA}/scripts/x": "#!python\n",
        "crate/x.so": "\x7fELF",
    },
    "commands": {
        "crate.py": "1\n",
        f"{crafted.INFO}/entry_points.txt": "[console_scripts]\ncrate = crate:main\n",
        f"{crafted.INFO}/top_level.txt": "crate\n",
        f"{DATA}/scripts/tool": "\x7fELF",
    },
    "namespace": {
        "ns/__init__.py": NAMESPACE,
        "ns/crate/__init__.py": "",
        "ns/crate/data/x.txt": "x",
        "native/crate/x.py": "1\n",
        "crate_thing-1.0-py3.11-nspkg.pth": "import sys\n",
        f"{crafted.INFO}/namespace_packages.txt": "ns\n",
        f"{crafted.INFO}/top_level.txt": "ns\nnative\n",
    },
}


@pytest.mark.live
def test_eggs_are_as_zc_buildout_makes_them(tmp_path):
    made = [
        crafted.wheel(tmp_path / kind, files, executable=["crate/program", f"{DATA}/scripts/tool"])
        for kind, files in KINDS.items()
    ]
    for kind, one in zip(KINDS, made, strict=True):
        stock(tmp_path / kind / "stock", one[0])
        unpack.unpack(*one, tmp_path / kind / "ours")
        compare(tmp_path / kind)


@pytest.mark.live
def test_eggs_of_real_wheels_are_as_zc_buildout_makes_them(tmp_path):
    """A platform's, one with headers, one with a manual page, and a program."""
    read = configparser.ConfigParser()
    read.read(PROJECT / "versions.cfg")
    names = ("MarkupSafe", "greenlet", "ipython", "ruff")
    wheels.download({name: read["versions"][name] for name in names}, tmp_path)
    paths = sorted(tmp_path.glob("*.whl"))
    stock(tmp_path / "stock", *paths)
    for path in paths:
        unpack.unpack(path, crafted.locked(path), tmp_path / "ours")
    compare(tmp_path)


def stock(folder, *paths):
    tools = PROJECT / "parts" / "buildout"
    if not (tools / "lib" / f"python{sysconfig.get_python_version()}").is_dir():
        pytest.skip("parts/buildout is missing, or of another Python: run python3 bootstrap.py")
    python = tools / "bin" / "python"
    folder.mkdir()
    command = [python, "-W", "ignore", "-c", STOCK, PROJECT / "src", folder, *paths]
    subprocess.run(command, check=True, umask=0o022)


def compare(folder):
    names = listed(folder / "stock")
    assert names == listed(folder / "ours")
    for name in names:
        assert comparable(folder / "stock" / name) == comparable(folder / "ours" / name)


def comparable(egg):
    """Return contents and mode of what both have.

    The time is ours, and so is the bytecode; and nobody is to write to what may be linked.
    """
    return {
        path: (content, mode & ~0o222)
        for path, (content, mode, _) in tree(egg).items()
        if not path.endswith((".pyc", "RECORD", *PIPS_OWN)) and path != MARK
    }
