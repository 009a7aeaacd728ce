import pytest

from eggcrate import lockfile, locking
from eggcrate.lockfile import File, Lock
from support import mirror
from support.scratch import Scratch
from support.wheels import wheel

BUILDOUT = """\
[buildout]
extends = versions.cfg
optional-extends = local.cfg
develop = .
index = {url}
parts = carton
[carton]
recipe = zc.recipe.egg
eggs = carton
"""
VERSIONS = "[versions]\nzc.recipe.egg = 6\napp = 1.0\n# Why.\nlib = 1.0\n"
CI = """\
[buildout]
extends = ../buildout.cfg
[lint]
recipe = zc.recipe.egg
eggs = lib == 2.0
[versions]
lib =
"""
TREE = "[project]\nname = 'carton'\nversion = '1'\ndependencies = ['app >= 1', 'lib']\n"
RUN = "import sys; from eggcrate.locking import main; sys.exit(main(sys.argv.pop(1)))"
OTHER = "0" * 64

pytestmark = pytest.mark.live


@pytest.fixture
def index(tmp_path):
    """An index with two versions of each distribution."""
    folder = tmp_path / "files"
    folder.mkdir()
    for name in ("app", "lib", "zc.recipe.egg"):
        for version in ("1.0", "2.0", "6"):
            wheel(folder, name, version, files={}, requires=["lib"] if name == "app" else [])
    with mirror.serve(folder) as served:
        yield served


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    """A project that all tests share: each one writes its files anew."""
    scratch = Scratch(tmp_path_factory.mktemp("locking") / "project")
    # What the extension itself requires is for test_project.py.
    (scratch.root / "src/eggcrate/pyproject.toml").unlink()
    for name in ("base.cfg", "setup.py"):
        (scratch.root / name).unlink()
    return scratch


@pytest.fixture
def lock(scratch, index, tmp_path):
    """Run bin/lock in a project; return what it said, on its errors if it failed."""
    for name in ("versions.lock", "local.lock", "local.cfg"):
        (scratch.root / name).unlink(missing_ok=True)
    scratch.write("buildout.cfg", BUILDOUT.format(url=index.url))
    scratch.write("versions.cfg", VERSIONS)
    scratch.write("etc/ci.cfg", CI)
    scratch.write("pyproject.toml", TREE)

    def run(*arguments, code=0):
        script = scratch.root / "bin" / "lock"
        environ = {"XDG_CACHE_HOME": str(tmp_path / "cache"), "PIP_RETRIES": "0"}
        result = scratch.run(
            "parts/buildout/bin/python", "-I", "-c", RUN, script, *arguments,
            cwd=tmp_path, code=code, environ=environ,
        )  # fmt: skip
        assert "Traceback" not in result.stderr
        return (result.stdout if code == 0 else result.stderr).splitlines()

    run.scratch = scratch
    run.root = scratch.root
    return run


def test_the_lock_is_written_once_and_agrees(lock, index):
    assert lock() == [
        "+ app 1.0 (1 files)",
        "+ lib 1.0 (1 files)",
        "+ lib 2.0 (1 files)",
        "+ zc-recipe-egg 6 (1 files)",
        "versions.lock: 4 distributions, 4 files, written",
    ]
    path = lock.root / "versions.lock"
    name = "app-1.0-py3-none-any.whl"
    assert lockfile.read(path).of("app", "1") == (File(name, mirror.sha256(index.folder / name)),)
    assert "127.0.0.1" not in path.read_text()
    before = path.stat()
    assert lock() == ["versions.lock: 4 distributions, 4 files, unchanged"]
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    asked = len(index.requests)
    assert lock("--check") == ["versions.lock: 4 distributions, 4 files, all in agreement"]
    assert len(index.requests) == asked


def test_what_does_not_agree_is_told(lock):
    lock()
    lock.scratch.write("versions.cfg", VERSIONS.replace("app = 1.0", "app = 0.9"))
    lock.scratch.write("local.cfg", "[versions]\nmine = 3\n")
    assert lock("--check", code=1) == [
        "versions.cfg: app = 0.9 is not in versions.lock: run bin/lock",
        "versions.lock: nothing pins app 1.0: run bin/lock",
        "versions.cfg: app = 0.9, but pyproject.toml wants app>=1",
        "local.cfg: mine = 3 is not in local.lock: run bin/lock",
    ]
    assert lock(code=1) == [
        "bin/lock: app 0.9: there is no such version, or none with a wheel or a source distribution"
    ]


def test_a_file_that_changed_at_the_index_is_refused(lock, index):
    lock()
    text = (lock.root / "versions.lock").read_text()
    name = "app-1.0-py3-none-any.whl"
    index.claims[name] = OTHER
    [line] = lock(code=1)
    assert f"app 1.0: {name} was locked with sha256 {mirror.sha256(index.folder / name)}" in line
    assert OTHER in line
    assert (lock.root / "versions.lock").read_text() == text
    assert lock("--replace", "lib", code=1) == [line]
    assert lock("--replace", "App")[0] == f"  app 1.0: -{name} +{name}"
    assert OTHER in (lock.root / "versions.lock").read_text()


def test_what_only_local_cfg_pins_goes_into_local_lock(lock):
    lock.scratch.write("local.cfg", "[versions]\napp = 1.0\nlib = 6\n[x]\neggs = app == 2.0\n")
    assert lock()[-3:] == [
        "+ app 2.0 (1 files)",
        "+ lib 6 (1 files)",
        "local.lock: 2 distributions, 2 files, written",
    ]
    assert lockfile.load(lock.root).of("lib", "6")
    assert not lockfile.read(lock.root / "versions.lock").of("lib", "6")
    lock("--check")
    (lock.root / "local.cfg").unlink()
    lock()
    assert not (lock.root / "local.lock").exists()


def test_pins_are_raised_and_locked(lock):
    lock()
    assert lock("--upgrade", "app") == [
        "app 1.0 -> 6 (versions.cfg)",
        "- app 1.0",
        "+ app 6 (1 files)",
        "versions.lock: 4 distributions, 4 files, written",
    ]
    assert (lock.root / "versions.cfg").read_text() == VERSIONS.replace("app = 1.0", "app = 6")
    assert lock("--upgrade", "nobody", code=1) == ["bin/lock: no pin of nobody can be raised"]


def test_an_index_that_is_not_there_is_one_line(lock, index):
    index.shutdown()
    index.server_close()
    [line] = lock(code=1)
    assert line.startswith(f"bin/lock: cannot get {index.url}/")
    assert line.endswith("Connection refused")
    [line] = lock("--upgrade", code=1)
    assert line.endswith("Connection refused")


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("versions.lock", "garbage\n", "versions.lock:1: neither"),
        ("versions.cfg", "[versions]\nlib = >=1\n", "versions.cfg: lib = >=1 is no pin"),
        ("pyproject.toml", "[project\n", "Expected"),
        ("buildout.cfg", "[buildout]\nextends = versions.cfg\nindex = ${no:where}\n", "no"),
    ],
)
def test_what_a_person_did_wrong_is_one_line(lock, name, text, why):
    lock.scratch.write(name, text)
    lines = lock(code=1)
    assert lines[0].startswith("bin/lock: ")
    assert why in "\n".join(lines)


def test_options_exclude_one_another(lock):
    assert "not allowed with" in lock("--check", "--upgrade", code=2)[-1]


def test_differences_name_what_came_and_went():
    def file(name):
        return File(name, OTHER)

    old = Lock({("a", "1"): (file("x"), file("y")), ("b", "1"): (file("b"),)})
    new = Lock({("a", "1"): (file("y"), file("z")), ("b", "2"): (file("b"),)})
    assert list(locking.differences(old, new)) == ["  a 1: -x +z", "- b 1", "+ b 2 (1 files)"]
    assert list(locking.differences(new, new)) == []
