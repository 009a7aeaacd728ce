import hashlib

import pytest

from eggcrate import unpack
from eggcrate.cache import Cache
from eggcrate.lockfile import File, Lock
from eggcrate.release import distributions
from eggcrate.release.errors import ReleaseError
from support.wheels import wheel


@pytest.fixture
def made(tmp_path):
    """Return the egg of a wheel, and the lock that has it."""
    artifact = wheel(tmp_path, "brew-ery", "1.0", files={"brewery.py": "x = 1\n"})
    file = File(artifact.name, hashlib.sha256(artifact.read_bytes()).hexdigest())
    egg = unpack.unpack(artifact, file, tmp_path / "eggs")
    return tmp_path / "eggs" / egg.path, Lock({("brew-ery", "1.0"): (file,)}), file


def test_a_locked_egg_is_named_with_its_artifact(made):
    egg, lock, file = made
    (found,) = distributions.check([egg], lock, Cache(), allow_unlocked=False)
    assert found.entry() == {
        "name": "brew-ery", "version": "1.0", "file": file.name, "sha256": file.sha256,
    }  # fmt: skip


@pytest.mark.parametrize("lock", [None, Lock({("brew-ery", "1.0"): (File("x.whl", "0" * 64),)})])
def test_another_one_is_refused(made, lock):
    with pytest.raises(ReleaseError, match=r"versions\.lock has: brew-ery 1\.0; lock"):
        distributions.check([made[0]], lock, Cache(), allow_unlocked=False)


def test_another_one_is_taken_if_that_is_asked_for(made):
    (found,) = distributions.check([made[0]], None, Cache(), allow_unlocked=True)
    assert found.entry() == {"name": "brew-ery", "version": "1.0"}


def test_an_egg_that_zc_buildout_made_is_not_a_locked_one(made):
    egg, lock, _ = made
    (egg / ".eggcrate.json").unlink()
    with pytest.raises(ReleaseError, match=r"brew-ery 1\.0"):
        distributions.check([egg], lock, Cache(), allow_unlocked=False)


@pytest.mark.parametrize("allow_unlocked", [False, True])
def test_an_egg_that_was_changed_is_refused(made, allow_unlocked):
    egg, lock, _ = made
    (egg / "brewery.py").write_text("x = 2\n")
    with pytest.raises(ReleaseError, match=r"brew-ery 1\.0: brewery\.py was changed"):
        distributions.check([egg], lock, Cache(), allow_unlocked=allow_unlocked)


def test_an_egg_without_metadata_is_refused(tmp_path):
    with pytest.raises(ReleaseError, match="without metadata"):
        distributions.metadata(tmp_path)
