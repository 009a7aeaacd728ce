import pytest

from eggcrate import stillness
from support.settled import LOCAL, RECIPE, STILL, build

pytestmark = pytest.mark.live


RESTLESS = {
    "an unknown recipe": ("eggcrate-still = render", "eggcrate-still ="),
    "a condition on more than variables": (
        "[page:'EGGCRATE_PAGE' in os.environ]", "[page:os.path.exists('x')]"
    ),
    "a picked version": ("always = 1.0\n", ""),
    "verbosity": ("[buildout]\n", "[buildout]\nlog-level = DEBUG\n"),
    "a configuration from elsewhere": ("[buildout]\n", "[buildout]\nextends = file://ROOT/more.cfg\n"),
}  # fmt: skip


def test_what_may_do_more_is_never_left_out(still):
    still.write("more.cfg", "[more]\n")
    for reason, (before, after) in RESTLESS.items():
        text = LOCAL.replace("develop +=", "allow-picked-versions = true\ndevelop +=")
        text = text.replace(before, after, 1).replace("ROOT", str(still.root))
        still.write("local.cfg", text)
        for _ in range(2):
            assert build(still) != STILL, reason


def test_a_recipe_that_is_being_developed_is_run(still):
    still.write("trees/one/one.py", RECIPE)
    still.write(
        "trees/one/setup.py",
        "from setuptools import setup\n"
        "setup(name='one', py_modules=['one'],\n"
        "      entry_points={'zc.buildout': 'default = one:Render'})\n",
    )
    still.write("local.cfg", LOCAL.replace("render\n", "one\n"))
    build(still)
    still.write("trees/one/one.py", RECIPE.replace("self.text)", "self.text + 'more')"))
    build(still)
    assert (still.root / "parts/page.out").read_text() == "a page\nmore"
    assert build(still) != STILL


@pytest.mark.parametrize(
    ("text", "expected"),
    [("zc.recipe.egg", "zc.recipe.egg:default"), ("zc.recipe.egg:custom", "zc.recipe.egg:custom")],
)
def test_recipes_have_entries(text, expected):
    assert stillness.recipe({"recipe": text}) == expected


def test_what_builds_from_the_network_is_not_still():
    assert "zc.recipe.egg:custom" not in stillness.RECIPES
