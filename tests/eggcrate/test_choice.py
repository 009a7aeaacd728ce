from packaging.tags import Tag

from eggcrate.choice import choose
from eggcrate.lockfile import File

TAGS = [
    Tag("cp311", "cp311", "manylinux_2_28_x86_64"),
    Tag("cp311", "cp311", "manylinux_2_17_x86_64"),
    Tag("cp311", "abi3", "manylinux_2_17_x86_64"),
    Tag("py3", "none", "any"),
]


def chosen(*names):
    file = choose([File(name, "") for name in names], TAGS)
    return file and file.name


def test_the_most_specific_wheel_is_chosen():
    names = [
        "a-1-py3-none-any.whl",
        "a-1-cp311-abi3-manylinux_2_17_x86_64.whl",
        "a-1-cp311-cp311-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
        "a-1-cp311-cp311-manylinux_2_28_x86_64.whl",
        "a-1-cp312-cp312-manylinux_2_28_x86_64.whl",
        "a-1.tar.gz",
    ]
    expected = [names[3], names[2], names[1], names[0], names[5], None]
    for wanted in expected:
        assert chosen(*names) == wanted
        if wanted:
            names.remove(wanted)


def test_of_several_builds_the_last_one_is_chosen():
    assert chosen("a-1-2-py3-none-any.whl", "a-1-10-py3-none-any.whl", "a-1-py3-none-any.whl") == (
        "a-1-10-py3-none-any.whl"
    )


def test_a_tarball_is_chosen_before_a_zip():
    assert chosen("a-1.zip", "a-1.tar.gz") == "a-1.tar.gz"


def test_what_is_no_wheel_is_passed_over():
    assert chosen("a.whl", "a-1-py3-none.whl", "a-x!-py3-none-any.whl") is None
    assert chosen() is None


def test_the_running_interpreter_is_the_default():
    assert choose([File("a-1-py3-none-any.whl", "")]) == File("a-1-py3-none-any.whl", "")
    assert choose([File("a-1-cp27-cp27m-win32.whl", "")]) is None
