import pytest
from packaging.markers import Marker
from packaging.specifiers import SpecifierSet

from eggcrate import targets
from eggcrate.targets import MINORS, TARGETS, Target

LINUX_311 = Target(11, "linux-x86_64")
MUSL_313 = Target(13, "musl-aarch64")
MAC_314 = Target(14, "macos-arm64")
SOURCE = "a-1.tar.gz"


def wheel(tag):
    return f"a-1-{tag}.whl"


@pytest.mark.parametrize(
    ("tag", "takers"),
    [
        ("py3-none-any", TARGETS),
        ("py2.py3-none-any", TARGETS),
        ("py312-none-any", [t for t in TARGETS if t.minor >= 12]),
        ("py2-none-any", []),
        ("cp311-none-any", [t for t in TARGETS if t.minor == 11]),
        ("cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64", [LINUX_311]),
        ("cp311-cp311-manylinux1_x86_64", [LINUX_311]),
        ("cp311-cp311-linux_x86_64", [LINUX_311, Target(11, "musl-x86_64")]),
        ("cp38-abi3-musllinux_1_2_aarch64", [Target(m, "musl-aarch64") for m in MINORS]),
        ("cp313-abi3-musllinux_1_2_aarch64", [MUSL_313, Target(14, "musl-aarch64")]),
        ("cp314-cp314-macosx_11_0_arm64", [MAC_314]),
        ("cp314-cp314-macosx_10_15_universal2", [Target(14, "macos-x86_64"), MAC_314]),
        ("cp314-cp314-macosx_10_6_intel", [Target(14, "macos-x86_64")]),
        ("cp314-cp314t-macosx_11_0_arm64", []),
        ("cp310-cp310-manylinux_2_17_x86_64", []),
        ("cp315-abi3-manylinux_2_17_x86_64", []),
        ("cp311-cp311-win_amd64", []),
        ("cp311-cp311-manylinux_2_17_i686", []),
        ("cp311-cp311-manylinux_2_17_s390x", []),
        ("pp311-pypy311_pp73-manylinux_2_17_x86_64", []),
    ],
)
def test_who_takes_a_wheel(tag, takers):
    assert {target for target in TARGETS if target.takes(wheel(tag))} == set(takers)


def test_nobody_takes_what_is_no_wheel():
    assert not any(target.takes(name) for target in TARGETS for name in ("a-1.whl", SOURCE, "a"))


def test_the_source_is_relevant_where_a_wheel_is_missing():
    pure, native = wheel("py3-none-any"), wheel("cp311-cp311-manylinux_2_17_x86_64")
    assert targets.relevant([SOURCE, pure]) == [pure]
    assert targets.relevant([SOURCE, native]) == [native, SOURCE]
    assert targets.relevant([SOURCE, native], [LINUX_311]) == [native]
    assert targets.relevant([SOURCE, "a-1.zip"]) == [SOURCE]
    assert targets.relevant(["a-1.zip", wheel("cp311-cp311-win32")]) == ["a-1.zip"]
    assert targets.relevant([wheel("cp311-cp311-win32")]) == []


def test_missing_names_who_can_use_nothing():
    native = wheel("cp311-cp311-manylinux_2_17_x86_64")
    assert LINUX_311 not in set(targets.missing([native]))
    assert len(list(targets.missing([native]))) == len(TARGETS) - 1
    assert not list(targets.missing([native, SOURCE]))


@pytest.mark.parametrize(
    ("marker", "holds_for"),
    [
        ('sys_platform == "darwin"', {MAC_314}),
        ('platform_system == "Linux" and python_version < "3.12"', {LINUX_311}),
        ('platform_machine == "aarch64" or platform_machine == "arm64"', {MUSL_313, MAC_314}),
        ('python_full_version < "3.11.3"', {LINUX_311}),
        ('python_full_version >= "3.11.3"', {LINUX_311, MUSL_313, MAC_314}),
        ('os_name == "nt"', set()),
        ('implementation_name == "pypy"', set()),
    ],
)
def test_markers_hold_for_some_targets(marker, holds_for):
    some = {LINUX_311, MUSL_313, MAC_314}
    assert {target for target in some if target.may_be(Marker(marker))} == holds_for


def test_markers_of_extras():
    marker = Marker('extra == "binary" and sys_platform == "linux"')
    assert not LINUX_311.may_be(marker)
    assert not LINUX_311.may_be(marker, ["c"])
    assert LINUX_311.may_be(marker, ["c", "binary"])
    assert not MAC_314.may_be(marker, ["binary"])
    assert MAC_314.may_be(None)


def test_ranges_of_python():
    assert LINUX_311.runs(SpecifierSet(">=3.9"))
    assert LINUX_311.runs(SpecifierSet(">=3.11.4"))
    assert LINUX_311.runs(SpecifierSet("<3.11.4"))
    assert not LINUX_311.runs(SpecifierSet(">=3.12"))
    assert not MAC_314.runs(SpecifierSet(">=3.9,<3.14"))
    assert str(MAC_314) == "Python 3.14 macos-arm64"
