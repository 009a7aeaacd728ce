import pytest

from support import mirror, shop
from support.wheels import wheel

pytestmark = pytest.mark.live

UNLOCKED = "eggcrate = unlocked\n"


def test_unlocked_takes_from_the_index_what_the_lock_lacks(pub):
    wheel(pub.mirror.folder, "malt", "1.4", files={"malt.py": ""})
    wheel(pub.mirror.folder, "malt", "2.0b1", files={"malt.py": ""})
    pub.scratch.write(shop.LOCK, "")
    more = UNLOCKED + "allow-picked-versions = true\nshow-picked-versions = true\n"
    pub.configure("stout", more=more, stout="1.0")
    result = pub.build()
    assert pub.eggs == ["malt-1.4", "stout-1.0"]
    assert "malt = 1.4" in result.stdout
    warning = "Not in versions.lock, so not compared with it: malt 1.4, stout 1.0\n"
    for _ in range(2):
        assert result.stdout.count(warning) == 1
        result = pub.build()


def test_unlocked_compares_with_the_hash_of_the_index(pub):
    pub.scratch.write(shop.LOCK, "")
    pub.configure("malt", more=UNLOCKED, **shop.PINS)
    name = "malt-1.0-py3-none-any.whl"
    pub.mirror.claims[name] = "0" * 64
    assert "0" * 64 in pub.refuse()


def test_unlocked_takes_what_has_no_hash(pub):
    pub.scratch.write(shop.LOCK, "")
    pub.mirror.hashes = False
    pub.configure("malt", more=UNLOCKED, **shop.PINS)
    pub.build()
    assert pub.eggs == ["malt-1.0"]


def test_unlocked_still_compares_what_is_locked(pub):
    pub.configure("malt", more=UNLOCKED, **shop.PINS)
    mirror.flip(pub.mirror.folder / "malt-1.0-py3-none-any.whl")
    assert "is expected" in pub.refuse()


def test_unlocked_takes_what_is_locked_for_other_platforms_only(pub):
    path = pub.mirror.folder / "malt-1.0-py3-none-any.whl"
    foreign = path.rename(path.with_name("malt-1.0-cp27-cp27m-win32.whl"))
    pub.lock()
    foreign.rename(path)
    pub.configure("malt", more=UNLOCKED, **shop.PINS)
    assert "malt 1.0" in pub.build().stdout.splitlines()[-1]
    assert "malt 1.0" in pub.build("-N").stdout.splitlines()[-1]
    pub.imports("malt")


def test_unlocked_works_without_any_lock_and_says_so_at_every_run(pub):
    (pub.scratch.root / "versions.lock").unlink()
    (pub.scratch.root / shop.LOCK).unlink()
    pub.configure("malt", more=UNLOCKED, **shop.PINS)
    assert "malt 1.0" in pub.build().stdout.splitlines()[-1]
    assert "malt 1.0" in pub.build().stdout  # a run that is left out


def test_what_was_installed_unlocked_is_not_used_when_it_must_be_locked(pub):
    pub.scratch.write(shop.LOCK, "")
    pub.configure("malt", more=UNLOCKED, **shop.PINS)
    pub.build()
    pub.configure("malt", **shop.PINS)
    assert "versions.lock has nothing for malt==1.0" in pub.refuse()


def test_off_is_said_at_every_run(pub):
    pub.mirror.html = True
    pub.configure("malt", more=f"eggcrate = off\nindex = {pub.mirror.url}\n", **shop.PINS)
    warning = "eggcrate = off: nothing that was installed was compared with versions.lock"
    assert pub.build().stdout.count(warning) == 1
    assert pub.build().stdout.count(warning) == 1
    pub.imports("malt")
    pub.configure("malt", **shop.PINS)
    assert "Replaced" in pub.build().stdout


def test_a_mode_that_there_is_not(pub):
    pub.configure("malt", more="eggcrate = loose\n", **shop.PINS)
    assert "eggcrate = loose: there is only locked, unlocked, off" in pub.refuse()
