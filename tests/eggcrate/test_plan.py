"""What is fetched before zc.buildout asks for it, and how that is told."""

import shutil

import pytest

from eggcrate.plan import FETCHERS
from support import mirror, shop
from support.live import wait_until
from support.terminal import Terminal
from support.wheels import wheel

pytestmark = pytest.mark.live

KINDS = 5


def stock(pub, count=KINDS):
    """Let the project need several eggs at once, which need others."""
    kinds = [f"ale{number}" for number in range(count)]
    for kind in kinds:
        wheel(pub.mirror.folder, kind, files={f"{kind}.py": ""}, requires=[f"{kind}-hops"])
        wheel(pub.mirror.folder, f"{kind}-hops", files={f"{kind}_hops.py": ""})
    pub.lock()
    pub.configure(*kinds, **{f"{kind}{more}": "1.0" for kind in kinds for more in ("", "-hops")})


def files(pub):
    return {name for name in pub.mirror.requests if name.startswith("/files/")}


def test_downloads_do_not_wait_for_one_another(pub):
    stock(pub)
    pub.mirror.gate.clear()
    with pub.start() as process:
        wait_until(lambda: len(files(pub)) == KINDS, "all that is known to be needed")
        assert not pub.eggs
        pub.mirror.gate.set()
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 0, out
    assert len(pub.eggs) == 2 * KINDS


def test_only_what_is_not_there_is_fetched(pub):
    stock(pub)
    pub.build()
    shutil.rmtree(pub.cache)
    shutil.rmtree(pub.egg("ale3"))
    out = pub.build().stdout
    assert files(pub) == {"/files/ale3-1.0-py3-none-any.whl"}
    assert out.count("Got ") == 1


def test_markers_and_extras_are_heeded(pub):
    requires = [
        "malt",
        "missing; python_version < '3'",
        "nowhere; extra == 'light'",
        "porter; python_version > '3' and extra == 'strong'",
    ]
    extras = {"strong": [], "light": []}
    wheel(pub.mirror.folder, "lager", files={"lager.py": ""}, requires=requires, extras=extras)
    pub.lock()
    pub.configure("lager[strong]", lager="1.0", **shop.PINS)
    pub.build()
    assert pub.eggs == ["lager-1.0", "malt-1.0", "porter-1.0"]


def test_all_parts_are_looked_at_before_the_first_is_made(pub):
    path = pub.mirror.folder / "porter-1.0-py3-none-any.whl"
    mirror.flip(path)
    more = "parts = python second\n[second]\nrecipe = zc.recipe.egg:eggs\neggs = porter\n"
    pub.configure("stout", more=more, **shop.PINS)
    assert path.name in pub.refuse()
    assert not (pub.scratch.root / "bin/python").exists()


def test_a_hint_that_leads_nowhere_is_no_error(pub):
    """Other recipes may mean something else by `eggs`."""
    text = """\
class Recipe:
    def __init__(self, buildout, name, options):
        options["eggs"]

    def install(self):
        return ()
"""
    points = "[zc.buildout]\ndefault = brewer:Recipe\n"
    wheel(pub.mirror.folder, "brewer", files={"brewer.py": text}, entry_points=points)
    pub.lock()
    eggs = "a dozen, boiled\n    duck==3.0\n    stout>7\n"
    more = f"parts = python second\n[second]\nrecipe = brewer\neggs =\n    {eggs}"
    pub.configure("stout", more=more, brewer="1.0", **shop.PINS)
    pub.build()
    assert pub.eggs == ["brewer-1.0", "malt-1.0", "stout-1.0"]


def test_an_index_that_is_away_is_not_asked_for_everything(pub):
    stock(pub, 4 * FETCHERS)
    pub.mirror.broken = True
    assert "ale" in pub.refuse()
    # Those that fetch at the same time have tried; then zc.buildout has asked for the first.
    assert len(pub.mirror.requests) <= 2 * FETCHERS


def test_quiet_is_quiet(pub):
    assert "Got" not in pub.build("-q").stdout


def test_a_bar_on_a_terminal(pub):
    stock(pub)
    folder = pub.scratch.root
    with Terminal(str(folder / "bin/buildout"), folder=folder, environ=pub.environ) as terminal:
        assert terminal.wait() == 0
        assert "[########################] 10/10 ale" in terminal.text
        assert "Got 10 distributions in " in terminal.text
        assert "Got ale" not in terminal.text
