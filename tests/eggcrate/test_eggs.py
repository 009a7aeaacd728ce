import json
import subprocess
import sysconfig
from dataclasses import asdict, replace

import pytest

from eggcrate import eggs, record
from eggcrate.eggs import MARK, Eggs, Mark
from eggcrate.lockfile import File, Lock
from eggcrate.workshop import PLACED, Workshop
from support.scratch import PROJECT

FILE = File("crate_thing-1.0-py3-none-any.whl", "a" * 64)
NAMES = """\
import json, sys, zc.buildout, pkg_resources
sys.path.append(sys.argv[1])
from eggcrate import eggs
pairs = json.loads(sys.argv[2])
print(json.dumps([eggs.name(name, version) for name, version in pairs]))
made = [pkg_resources.Distribution(project_name=n, version=v).egg_name() for n, v in pairs]
print(json.dumps([f"{name}-{pkg_resources.get_supported_platform()}" for name in made]))
"""
LOCK = Lock({("crate-thing", "1.0"): (FILE,)})


def mark(text=b"", **changes):
    own = Mark("Crate-Thing", "1.0", FILE.name, FILE.sha256, eggs.ABI, "", record.digest(text))
    return replace(own, **changes)


@pytest.fixture
def egg(tmp_path):
    """An egg of one module."""
    path = tmp_path / f"{eggs.name('Crate-Thing', '1.0')}.egg"
    own = eggs.record_of(path)
    (path / own).parent.mkdir(parents=True)
    (path / "crate.py").write_text("x = 1\n")
    row = record.digest(b"x = 1\n"), 6
    text = record.dumps({"crate.py": row, own: ("", ""), MARK: ("", "")})
    (path / own).write_text(text)
    (path / MARK).write_text(mark(text.encode()).dumps())
    return path


def test_a_mark_is_read_as_it_is_written(egg):
    assert Mark.read(egg) == mark((egg / eggs.record_of(egg)).read_bytes())


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '"x"', json.dumps(asdict(mark()) | {"more": ""}),
             json.dumps(asdict(mark()) | {"sha256": 1})],
)  # fmt: skip
def test_a_mark_that_is_none(egg, text):
    (egg / MARK).write_text(text)
    assert Mark.read(egg) is None
    assert not Eggs(egg.parent, None).valid(egg)


def test_an_egg_is_valid_if_it_is_ours_and_locked(egg):
    other = replace(FILE, sha256="b" * 64)
    for lock, expected in (
        (LOCK, True),
        (None, True),
        (Lock({}), False),
        (Lock({("crate-thing", "1.0"): (other,)}), False),
    ):
        assert Eggs(egg.parent, lock).valid(egg) is expected
        assert Eggs(egg.parent, lock).valid(str(egg)) is expected
    assert not Eggs(egg.parent, None).valid(egg.with_name("missing.egg"))
    (egg / MARK).unlink()  # as zc.buildout makes them
    assert not Eggs(egg.parent, None).valid(egg)


@pytest.mark.parametrize(
    "change",
    [{"abi": ".cpython-399-x86_64-linux-musl.so"}, {"version": "2.0"}, {"name": "Other"}],
)
def test_an_egg_of_something_else_is_not_valid(egg, change):
    (egg / MARK).write_text(mark(**change).dumps())
    assert not Eggs(egg.parent, None).valid(egg)


def test_names_are_those_of_zc_buildout():
    python = PROJECT / "parts" / "buildout" / "bin" / "python"
    if not python.is_file():
        pytest.skip("parts/buildout is missing: run python3 bootstrap.py")
    pairs = [("Flask-SQLAlchemy", "1.0"), ("zope.event", "4.6.post1"), ("a_b", "2024.01.02"),
             ("x", "1.0+local-1"), ("x", "1.0-rc.1")]  # fmt: skip
    command = [python, "-W", "ignore", "-c", NAMES, PROJECT / "src", json.dumps(pairs)]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    ours, theirs = map(json.loads, said.splitlines())
    assert ours == theirs


def test_damage(egg):
    assert list(eggs.damage(egg)) == []
    (egg / "crate.py").write_text("x = 2\n")
    (egg / "__pycache__").mkdir()
    tag = sysconfig.get_config_var("py_version_nodot")
    (egg / f"__pycache__/crate.cpython-{tag}-pytest-9.0.0.pyc").touch()
    (egg / f"__pycache__/crate.cpython-{tag}.pyc").touch()
    assert list(eggs.damage(egg)) == [
        (f"__pycache__/crate.cpython-{tag}.pyc", "was added"),
        ("crate.py", "was changed"),
    ]
    own = eggs.record_of(egg)
    (egg / own).write_text("")
    assert list(eggs.damage(egg)) == [(own, "was changed")]
    (egg / own).unlink()
    assert list(eggs.damage(egg)) == [(own, "is missing or cannot be read")]
    (egg / MARK).unlink()
    assert list(eggs.damage(egg)) == [(MARK, "is missing or cannot be read")]


def test_what_a_killed_build_placed_is_kept_if_it_is_whole(egg):
    """A power cut may come between the renaming of an egg and the writing of its files."""
    workshop = killed(egg)
    (egg / "added").touch()  # by who used it since then
    [said] = Eggs(egg.parent, LOCK).stale()
    assert str(workshop) in said
    assert egg.is_dir()
    assert not workshop.exists()
    assert Eggs(egg.parent, LOCK).stale() == []


@pytest.mark.parametrize("name", ["crate.py", MARK])
def test_what_a_killed_build_placed_is_removed_if_it_is_damaged(egg, name):
    workshop = killed(egg)
    (egg / name).write_text("")
    said = Eggs(egg.parent, LOCK).stale()
    assert len(said) == 2
    assert name in said[0]
    assert not egg.exists()
    assert not workshop.exists()


def killed(egg):
    """Leave a workshop behind as a process does that is killed; return its folder."""
    workshop = Workshop(egg.parent)
    for name in (egg.name, "gone.egg"):
        (workshop.folder / f"{name}{PLACED}").touch()
    kept = workshop.folder.rename(egg.parent / "kept")
    workshop.folder.mkdir()
    workshop.close()
    return kept.rename(workshop.folder)
