import fcntl
import os
import shutil
import signal

import pytest

from support import mirror, shop
from support.live import wait_until
from support.mirror import sha256
from support.scratch import PROJECT
from support.wheels import sdist, wheel

pytestmark = pytest.mark.live


# --- what is locked ------------------------------------------------------------------------------


def test_what_is_locked_is_fetched_once_and_used(pub):
    result = pub.build()
    assert pub.eggs == ["malt-1.0", "stout-1.0"]
    assert "Got stout 1.0." in result.stdout
    pub.imports("stout", "malt")
    shutil.rmtree(pub.folder)
    pub.build()
    assert pub.eggs == ["malt-1.0", "stout-1.0"]
    assert pub.mirror.requests == []  # the cache has all


def test_extras_and_a_page_in_html(pub):
    pub.mirror.html = True
    pub.configure("stout[strong]", **shop.PINS)
    pub.build()
    assert pub.eggs == ["malt-1.0", "porter-1.0", "stout-1.0"]


def test_without_a_lock_nothing_is_built(pub):
    (pub.scratch.root / "versions.lock").unlink()
    error = pub.refuse()
    assert "there is no" in error
    assert "run bin/lock" in error
    assert pub.mirror.requests == []


def test_what_is_missing_in_the_lock_is_refused(pub):
    (pub.mirror.folder / "malt-1.0-py3-none-any.whl").rename(pub.scratch.root / "aside")
    pub.lock()
    (pub.scratch.root / "aside").rename(pub.mirror.folder / "malt-1.0-py3-none-any.whl")
    error = pub.refuse()
    assert "versions.lock has nothing for malt==1.0" in error
    assert "bin/lock" in error
    assert pub.eggs == ["stout-1.0"]
    assert not any("malt" in request for request in pub.mirror.requests)


def test_what_has_no_pin_is_refused_in_the_words_of_buildout(pub):
    pub.configure("stout", stout="1.0")
    wheel(pub.mirror.folder, "malt", "1.5", files={"malt.py": ""})
    result = pub.build(code=1)
    assert "does not have a version pin and `allow-picked-versions = false`" in result.stderr
    assert "malt = 1.0\n" in result.stderr  # what is locked: one step less
    shutil.copy(PROJECT / "versions.lock", pub.scratch.root / shop.LOCK)
    pub.scratch.write(shop.LOCK, mirror.lock(pub.mirror.folder).partition("[porter")[0])
    pub.configure("porter", malt="1.0")
    result = pub.build(code=1)
    assert "porter = 1.0\n" in result.stderr
    assert "porter-1.0" not in pub.eggs


@pytest.mark.parametrize("claimed", [True, False], ids=["hashes", "no-hashes"])
def test_a_flipped_byte_in_a_download_is_refused(pub, claimed):
    """Whether the index tells the new hash, the old one or none."""
    path = pub.mirror.folder / "malt-1.0-py3-none-any.whl"
    before = sha256(path)
    mirror.flip(path)
    pub.mirror.hashes = claimed
    for claims in ({}, {path.name: before}):
        pub.mirror.claims = claims
        error = pub.refuse()
        for part in ("malt", path.name, before, sha256(path), "bin/lock"):
            assert part in error
        assert "malt-1.0" not in pub.eggs


def test_a_flipped_byte_in_the_cache_is_repaired(pub):
    pub.build()
    mirror.flip(pub.cached("malt"))
    shutil.rmtree(pub.folder)
    result = pub.build()
    assert "Removed from the cache" in result.stdout
    assert pub.eggs == ["malt-1.0", "stout-1.0"]
    assert [name for name in pub.mirror.requests if "files" in name] == [
        "/files/malt-1.0-py3-none-any.whl"
    ]


def test_a_replaced_file_in_a_folder_of_links_is_refused(pub, tmp_path):
    links = tmp_path / "links"
    links.mkdir()
    wheel(links, "malt", files={"malt.py": "evil = True\n"})
    more = f"find-links = {links}\nindex = {tmp_path / 'nowhere'}\n"
    pub.configure("malt", more=more, **shop.PINS)
    error = pub.refuse()
    assert sha256(links / "malt-1.0-py3-none-any.whl") in error
    assert not list(pub.folder.glob("*.egg"))


def test_a_replaced_file_in_the_download_cache_is_not_used(pub, tmp_path):
    downloads = tmp_path / "downloads"
    wheel_of_malt = downloads / "dist" / "malt-1.0-py3-none-any.whl"
    pub.configure("malt", more=f"download-cache = {downloads}\n", **shop.PINS)
    pub.build()
    assert wheel_of_malt.is_file()
    good = sha256(wheel_of_malt)
    shutil.rmtree(pub.folder)
    mirror.flip(wheel_of_malt)
    pub.build()
    assert sha256(wheel_of_malt) == good
    shutil.rmtree(pub.folder)
    mirror.flip(wheel_of_malt)
    more = f"download-cache = {downloads}\ninstall-from-cache = true\n"
    pub.configure("malt", more=more, **shop.PINS)
    assert good in pub.refuse()
    assert pub.mirror.requests == []


def test_install_from_cache_asks_no_index(pub, tmp_path):
    downloads = tmp_path / "downloads"
    shutil.copytree(pub.mirror.folder, downloads / "dist")
    more = f"download-cache = {downloads}\ninstall-from-cache = true\n"
    pub.configure("stout", more=more, **shop.PINS)
    pub.build()
    assert pub.eggs == ["malt-1.0", "stout-1.0"]
    assert pub.mirror.requests == []


def test_a_source_distribution_in_the_place_of_a_wheel_is_refused(pub):
    (pub.mirror.folder / "malt-1.0-py3-none-any.whl").unlink()
    files = {"malt.py": "", "setup.py": "raise SystemExit('was run')"}
    sdist(pub.mirror.folder, "malt", files=files)
    error = pub.refuse()
    assert "malt-1.0-py3-none-any.whl" in error
    assert "was run" not in error


def test_a_wheel_of_another_platform_is_no_choice(pub):
    path = pub.mirror.folder / "malt-1.0-py3-none-any.whl"
    path.rename(path.with_name("malt-1.0-cp27-cp27m-win32.whl"))
    pub.lock()
    error = pub.refuse()
    assert "nothing for malt==1.0 for this platform and Python (it has 1.0)" in error


def test_an_egg_that_is_not_ours_is_replaced(pub):
    pub.build()
    egg = pub.egg("malt")
    (egg / ".eggcrate.json").unlink()
    (egg / "malt.py").write_text("evil = True\n")
    result = pub.build()
    assert f"Replaced {egg}" in result.stdout
    assert (egg / "malt.py").read_text() == ""


def test_an_egg_of_another_hash_is_replaced(pub):
    pub.build()
    wheel(pub.mirror.folder, "malt", files={"malt.py": "new = True\n"})
    pub.lock()
    pub.build()
    assert (pub.egg("malt") / "malt.py").read_text() == "new = True\n"


def test_offline_uses_what_is_there_and_valid(pub):
    pub.build()
    pub.build("-o")
    assert pub.mirror.requests == []
    (pub.egg("malt") / ".eggcrate.json").unlink()
    result = pub.build("-o", code=1)
    assert "We don't have a distribution for malt==1.0" in result.stderr


def test_not_newest(pub):
    pub.build("-N")
    assert pub.eggs == ["malt-1.0", "stout-1.0"]


def test_an_unreachable_index_is_one_line_and_what_is_whole_stays(pub):
    pub.build()
    pub.configure("stout[strong]", **shop.PINS)
    error = pub.refuse(environ={"PIP_INDEX_URL": "http://127.0.0.1:9/simple"})
    assert "porter" in error
    assert "Connection refused" in error
    assert pub.eggs == ["malt-1.0", "stout-1.0"]


# --- recipes and extensions ---------------------------------------------------


RECIPE = """\
class Recipe:
    def __init__(self, buildout, name, options):
        self.options = options

    def install(self):
        print("brewed", self.options["kind"])
        return ()

    update = install
"""


def brewer(folder, text=RECIPE, group="zc.buildout"):
    points = f"[{group}]\ndefault = brewer:Recipe\n"
    return wheel(folder, "brewer", files={"brewer.py": text}, entry_points=points)


PART = """\
[buildout]
parts = brewery

[brewery]
recipe = brewer
kind = mild

[versions]
brewer = 1.0
"""


def test_recipes_are_locked(pub):
    brewer(pub.mirror.folder)
    pub.scratch.write("local.cfg", PART)
    assert "versions.lock has nothing for brewer==1.0" in pub.refuse()
    pub.lock()
    assert "brewed mild" in pub.build().stdout


def test_a_recipe_that_is_needed_to_read_the_configuration_is_locked(pub):
    """A reference from [buildout] makes zc.buildout load the recipe before any extension."""
    brewer(pub.mirror.folder)
    pub.scratch.write("local.cfg", PART.replace("parts =", "words = ${brewery:kind}\nparts ="))
    assert "versions.lock has nothing for brewer==1.0" in pub.refuse()
    pub.lock()
    assert "brewed mild" in pub.build().stdout


def test_extensions_are_locked(pub):
    text = "class Recipe:\n    def __init__(self, buildout):\n        print('extended')\n"
    brewer(pub.mirror.folder, text, "zc.buildout.extension")
    pub.configure("stout", more="extensions += brewer\n", brewer="1.0", **shop.PINS)
    assert "versions.lock has nothing for brewer==1.0" in pub.refuse()
    pub.lock()
    assert "extended" in pub.build().stdout


def test_the_bootstrap_command_of_old_is_refused(pub):
    assert "build tools among the eggs" in pub.refuse("bootstrap")
    assert not list(pub.folder.iterdir())


# --- interruptions -------------------------------------------------------------------------------


def test_extensions_that_leave_out_eggcrate_are_refused(pub):
    for more in ("", "eggcrate = unlocked\n"):
        pub.configure("stout", more=f"extensions = brewer\n{more}", brewer="1.0", **shop.PINS)
        assert "write `extensions += brewer`" in pub.refuse()
        assert pub.eggs == []


def test_two_builds_at_once(pub):
    """Both end well, each having found or made every egg."""
    for process in [pub.start() for _ in range(2)]:
        out, _ = process.communicate(timeout=60)
        assert process.returncode == 0, out
    assert pub.eggs == ["malt-1.0", "stout-1.0"]
    assert sorted(path.suffix for path in pub.folder.iterdir()) == [".egg", ".egg"]


def test_a_build_touches_nothing_before_its_turn(pub):
    root = pub.scratch.root
    other = os.open(root / "parts" / "buildout", os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_EX)
    with pub.start() as process:
        assert process.stdout.readline().startswith("Another run is at work in this project")
        assert not (root / "eggs").exists()
        assert "eggs-directory" in pub.scratch.buildout("annotate").stdout  # it does not wait
        os.close(other)
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 0, out
    assert pub.eggs == ["malt-1.0", "stout-1.0"]


def test_two_projects_over_one_folder_of_eggs(pub, tmp_path):
    shared = tmp_path / "shared"
    pubs = [pub, shop.branch(tmp_path / "other", pub.mirror)]
    for each in pubs:
        each.configure("stout[strong]", more=f"eggs-directory = {shared}\n", **shop.PINS)
    for process in [each.start() for each in pubs]:
        out, _ = process.communicate(timeout=60)
        assert process.returncode == 0, out
    for each in pubs:
        each.imports("stout", "malt", "porter")
    assert sorted(path.name[:4] for path in (shared / "v5").iterdir()) == ["malt", "port", "stou"]


def held(pub):
    """Wait until a build has asked for a file, which the mirror does not hand out."""
    wait_until(lambda: any("/files/" in name for name in pub.mirror.requests), "a download")


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_build_that_was_stopped_is_repeated(pub, how):
    pub.mirror.gate.clear()
    process = pub.start()
    held(pub)
    process.send_signal(how)
    out, _ = process.communicate(timeout=10)  # it does not wait for the mirror
    pub.mirror.gate.set()
    assert process.returncode == (1 if how == signal.SIGINT else -how)
    assert "Traceback" not in out
    pub.build()
    assert pub.eggs == ["malt-1.0", "stout-1.0"]
