from types import SimpleNamespace

import pytest
from packaging.requirements import Requirement

from eggcrate.cache import Cache
from eggcrate.depot import Depot, NotLockedError, Places
from eggcrate.fetch import FetchError
from eggcrate.lockfile import File, Lock
from eggcrate.modes import Mode
from eggcrate.offers import Wanted
from support import tools
from support.mirror import sha256
from support.wheels import wheel


@pytest.fixture
def links(tmp_path, monkeypatch):
    tools.use_pip(monkeypatch)
    folder = tmp_path / "it's links"
    folder.mkdir()
    for version in ("1.0", "2.0"):
        wheel(folder, "stout", version, files={"stout.py": ""})
    return folder


@pytest.fixture
def places(links):
    return Places(None, (str(links),), ("*",), configured=False)


@pytest.fixture
def lock(links):
    [path] = links.glob("stout-1.0-*")
    return Lock({("stout", "1.0"): (File(path.name, sha256(path)),)})


def wanted(text):
    requirement = Requirement(text)
    return Wanted(
        SimpleNamespace(
            project_name=requirement.name,
            specifier=requirement.specifier,
            specs=[(spec.operator, spec.version) for spec in requirement.specifier],
        )
    )


def test_the_lock_comes_first_in_every_mode(lock, places):
    for mode in (Mode.LOCKED, Mode.UNLOCKED):
        offer = Depot(mode, lock, Cache()).offer(wanted("stout"), places)
        assert offer.version == "1.0"
        assert offer.file.sha256


def test_what_is_not_locked(lock, places):
    with pytest.raises(NotLockedError, match=r"it has 1\.0"):
        Depot(Mode.LOCKED, lock, Cache()).offer(wanted("stout==2.0"), places)
    with pytest.raises(NotLockedError, match=r"nothing for"):
        Depot(Mode.LOCKED, lock, Cache()).offer(wanted("porter"), places)
    depot = Depot(Mode.UNLOCKED, lock, Cache())
    assert depot.offer(wanted("stout==2.0"), places).version == "2.0"
    assert depot.offer(wanted("porter"), places) is None


def test_what_has_no_hash_has_one_when_it_is_here(lock, places, links):
    depot = Depot(Mode.UNLOCKED, lock, Cache())
    offer, path = depot.artifact(depot.offer(wanted("stout==2.0"), places), places)
    assert offer.file.sha256 == sha256(path) == sha256(links / offer.file.name)


def test_a_place_that_cannot_be_asked_is_one_error(lock, places):
    nowhere = Places("http://127.0.0.1:9/simple", (), ("elsewhere",), configured=False)
    with pytest.raises(FetchError, match="allow-hosts does not allow"):
        Depot(Mode.UNLOCKED, lock, Cache()).offer(wanted("stout==2.0"), nowhere)


def test_one_index_for_the_same_places(lock, places):
    depot = Depot(Mode.LOCKED, lock, Cache())
    assert depot.index(places) is depot.index(Places(*vars(places).values()))
    other = depot.index(Places(None, (), ("*",), configured=False))
    assert other is not depot.index(places)
    assert other._session is depot.index(places)._session  # one for all connections


def test_eggs_that_were_not_compared_are_named(lock, tmp_path, monkeypatch):
    depot = Depot(Mode.UNLOCKED, lock, Cache())
    monkeypatch.setattr(depot.shelf(tmp_path), "has", lambda path: "bad" not in path)
    eggs = [
        SimpleNamespace(project_name=name, version=version, location=location)
        for name, version, location in (
            ("Stout", "1.0", f"{tmp_path}/stout.egg"),
            ("stout", "2.0", f"{tmp_path}/new.egg"),
            ("stout", "1", f"{tmp_path}/bad.egg"),
            ("porter", "1.0", "/src/porter"),
        )
    ]
    assert depot.unlocked(tmp_path, eggs) == {"stout 2.0", "stout 1"}
