"""Whether a run of zc.buildout would do the same again: nothing that depends on the world."""

from collections.abc import Iterable
from typing import Any

# Entries of recipes that go by their options, their eggs and the files that they read.
RECIPES = {
    "zc.recipe.egg:default", "zc.recipe.egg:develop", "zc.recipe.egg:egg", "zc.recipe.egg:eggs",
    "zc.recipe.egg:script", "zc.recipe.egg:scripts",
    "zc.recipe.testrunner:default", "collective.recipe.template:default",
}  # fmt: skip
OPTION = "eggcrate-still"  # of [buildout]: more such recipes, "name" or "name:entry"


def recipe(options: Any) -> str:
    """Return the recipe of a part with its entry."""
    name, _, entry = options["recipe"].partition(":")
    return f"{name}:{entry or 'default'}"


def restless(buildout: Any, known: Iterable[str]) -> str | None:
    """Return why the next run may do something although nothing has changed, None if it may not.

    ``known`` are the recipes that a person has named in :data:`OPTION`.
    """
    from zc.buildout import easy_install

    options = buildout["buildout"]
    if options.get("extensions", "").split() != ["eggcrate"]:
        return "there are other extensions"
    if not options["installed"]:
        return "what was installed is not written down"
    if buildout._log_level < 20:  # logging.INFO
        return "all of a run is to be seen"
    if easy_install.get_picked_versions()[0]:
        return "versions were picked"
    if easy_install.get_namespace_packages():
        return "zc.buildout warns of namespace packages"
    named = {name if ":" in name else f"{name}:default" for name in known}
    return next(filter(None, (_of_part(buildout[part], named) for part in buildout._parts)), None)


def _of_part(options: Any, named: set[str]) -> str | None:
    entry = recipe(options)
    if entry not in RECIPES | named:
        return f"it is not known what {entry} does"
    if entry == "collective.recipe.template:default" and "url" in options:
        return "a template is fetched"
    if is_source(entry):
        return f"{entry} is being developed"
    return None


def is_source(entry: str) -> bool:
    """Tell whether a recipe is neither an egg nor one of the build tools."""
    import sys

    import pkg_resources

    name = entry.partition(":")[0]
    found = pkg_resources.working_set.find(pkg_resources.Requirement.parse(name))
    location = str(found.location) if found else ""
    return not location.endswith(".egg") and not location.startswith(sys.prefix)
