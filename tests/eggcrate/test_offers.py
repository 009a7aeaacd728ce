from types import SimpleNamespace

import pytest
from packaging.requirements import Requirement

from eggcrate import offers
from eggcrate.index import Link
from eggcrate.lockfile import File, Lock
from eggcrate.offers import Wanted


def wanted(text, **kwargs):
    """What pkg_resources makes of a requirement, as far as it is asked."""
    requirement = Requirement(text)
    specs = [(spec.operator, spec.version) for spec in requirement.specifier]
    return Wanted(
        SimpleNamespace(
            project_name=requirement.name, specifier=requirement.specifier, specs=specs
        ),
        **kwargs,
    )


def lock(**entries):
    return Lock(
        {
            ("stout", version.replace("_", ".")[1:]): tuple(File(name, "0" * 64) for name in names)
            for version, names in entries.items()
        }
    )


def pure(version):
    return f"stout-{version}-py3-none-any.whl"


FOREIGN = "stout-{}-cp27-cp27m-win32.whl"
LOCK = lock(
    v1_0=[pure("1.0"), "stout-1.0.tar.gz"],
    v2_0=["stout-2.0.tar.gz"],
    v3_0b1=[pure("3.0b1")],
    v2_5=[FOREIGN.format("2.5")],
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("stout==1.0", pure("1.0")),
        ("Stout==1", pure("1.0")),
        ("stout", "stout-2.0.tar.gz"),  # the newest that is final and fits
        ("stout<2", pure("1.0")),
        ("stout>2", pure("3.0b1")),  # no final release fits
        ("stout==2.5", None),  # only for another platform
        ("stout>=4", None),
        ("porter", None),
    ],
)
def test_the_best_of_the_lock(text, expected):
    offer = offers.locked(wanted(text), LOCK)
    assert (offer and offer.file.name) == expected


def test_prereleases_where_they_are_preferred():
    offer = offers.locked(wanted("stout", prefer_final=False), LOCK)
    assert offer.version == "3.0b1"


def test_sources_where_only_they_will_do():
    offer = offers.locked(wanted("stout==1.0", source=True), LOCK)
    assert offer.file.name == "stout-1.0.tar.gz"
    assert offer.source
    assert offers.locked(wanted("stout==3.0b1", source=True), LOCK) is None


def links(*names, **kwargs):
    return {name: Link(f"https://index.example/{name}", name, **kwargs) for name in names}


def test_the_best_of_the_index():
    found = links(pure("1.0"), pure("1.1"), FOREIGN.format("1.2"), pure("2.0rc1"))
    offer = offers.indexed(wanted("stout"), found)
    assert offer.version == "1.1"
    assert offer.link == found[pure("1.1")]
    assert offer.file == File(pure("1.1"), "")
    assert offers.indexed(wanted("stout==2.0rc1"), found).version == "2.0rc1"
    assert offers.indexed(wanted("stout>3"), found) is None


def test_the_hash_of_the_index_is_kept():
    offer = offers.indexed(wanted("stout"), links(pure("1.0"), sha256="a" * 64))
    assert offer.file.sha256 == "a" * 64


def test_what_is_for_another_python_is_left():
    found = {**links(pure("1.0")), **links(pure("2.0"), requires_python="<3")}
    assert offers.indexed(wanted("stout"), found).version == "1.0"


def test_what_was_withdrawn_is_taken_only_if_it_is_pinned():
    found = {**links(pure("1.0")), **links(pure("2.0"), yanked="")}
    assert offers.indexed(wanted("stout"), found).version == "1.0"
    assert offers.indexed(wanted("stout==2.0"), found).version == "2.0"


def test_files_of_others_and_without_a_version_are_left():
    found = links("porter-2.0-py3-none-any.whl", "stout-nonsense.zip", pure("1.0"))
    assert offers.indexed(wanted("stout"), found).version == "1.0"
