import stat

import pytest

from eggcrate.lockfile import File
from eggcrate.wheel import Wheel, WheelError
from support import crafted
from support.crafted import INFO, METADATA, WHEEL, entry

FILES = {"crate/__init__.py": "x = 1\n", "crate/data.bin": bytes(range(256)) * 4, "empty": ""}


def read(made):
    return Wheel.read(*made)


def contents(found):
    return {name: found.content(name) for name in found.members}


def refusal(made):
    with pytest.raises(WheelError) as caught:
        read(made)
    text = str(caught.value)
    assert "\n" not in text
    assert made[1].name in text
    return text


def test_what_a_wheel_says_and_holds(tmp_path):
    metadata = (
        METADATA + "Requires-Dist: a>1\nREQUIRES-DIST: b ;\n  extra == 'c'\n\nRequires-Dist: no\n"
    )
    found = read(crafted.wheel(tmp_path, FILES, metadata=metadata, executable=["empty"]))
    assert (found.name, found.version, found.info) == ("Crate-Thing", "1.0", INFO)
    assert found.requires == ["a>1", "b ;  extra == 'c'"]
    assert found.members.keys() == {*FILES, f"{INFO}/METADATA", f"{INFO}/WHEEL"}
    assert found.content("crate/data.bin") == FILES["crate/data.bin"]
    assert found.content("empty") == b""
    assert found.begins("crate/__init__.py", b"x =")
    assert not found.begins("empty", b"x")
    assert found.members["empty"].executable
    assert not found.members["crate/data.bin"].executable
    assert found.members["empty"].mtime == 1714979290  # 2024-05-06 07:08:10, as if it were UTC


def test_another_hash_is_refused_with_all_that_helps(tmp_path):
    path, file = crafted.wheel(tmp_path, FILES)
    said = refusal((path, File(file.name, "0" * 64)))
    assert said.startswith("crate_thing: ")
    assert file.sha256 in said
    assert "0" * 64 in said


def test_any_flipped_byte_is_refused_by_the_hash(tmp_path):
    path, file = crafted.wheel(tmp_path, FILES)
    data = path.read_bytes()
    for position in range(0, len(data), 7):
        path.write_bytes(data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :])
        refusal((path, file))


def test_a_broken_wheel_that_is_locked_is_no_crash(tmp_path):
    """Whatever is wrong with it, what is read is what RECORD says, or there is a line about it."""
    path, file = crafted.wheel(tmp_path, FILES)
    data, whole = path.read_bytes(), Wheel.read(path, file)
    refused = 0
    for position in range(len(data)):
        broken = bytearray(data)
        broken[position] ^= (0x01, 0x80, 0xFF)[position % 3]
        try:
            found = contents(Wheel(file, bytes(broken)))
        except WheelError:
            refused += 1
        else:
            assert found == contents(whole)
    assert refused > len(data) / 2  # the rest are times, and what is written in two places


@pytest.mark.parametrize("size", [0, 10, 400, -1])
def test_half_a_wheel_is_refused(tmp_path, size):
    path, _ = crafted.wheel(tmp_path, FILES)
    path.write_bytes(path.read_bytes()[:size])
    refusal((path, crafted.locked(path)))


@pytest.mark.parametrize(
    "name",
    ["../x", "/etc/x", "a/../../x", "a/./x", "a//x", "a\\x", "..", "a/..", "a\nb", "a\x1b[2Jb"],
)
def test_a_name_that_leaves_the_egg_is_refused(tmp_path, name):
    assert "is no name of a file" in refusal(crafted.wheel(tmp_path, {"x.py": ""} | {name: "x"}))


def test_a_name_with_an_end_in_it_is_refused(tmp_path):
    path, _ = crafted.wheel(tmp_path, {"x.py": "", "crate/abc": "x"})
    path.write_bytes(path.read_bytes().replace(b"crate/abc", b"crate/\0bc"))
    assert "is no name of a file" in refusal((path, crafted.locked(path)))


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO, stat.S_IFDIR])
def test_what_is_no_file_is_refused(tmp_path, kind):
    made = crafted.wheel(tmp_path, FILES, extra=[(entry("link", kind=kind), b"/etc/passwd")])
    assert "'link' is neither a file nor a folder" in refusal(made)


def test_folders_are_no_members(tmp_path):
    extra = [(entry("crate/", kind=stat.S_IFDIR), b""), (entry("no/", kind=0), b"")]
    assert "crate/" not in read(crafted.wheel(tmp_path, FILES, extra=extra)).members


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_files_of_a_name_are_refused(tmp_path):
    extra = [(entry("crate/__init__.py"), b"evil = 1\n")]
    assert "is there twice" in refusal(crafted.wheel(tmp_path, FILES, extra=extra))


def test_what_cannot_be_unpacked_is_refused(tmp_path):
    for flag, compression in ((1, 8), (0, 12)):
        path, _ = crafted.wheel(tmp_path, {"x": "x"})
        data = bytearray(path.read_bytes())
        start = data.index(b"PK\1\2")
        data[start + 8 : start + 12] = bytes([flag, 0, compression, 0])
        path.write_bytes(data)
        assert "encrypted, or compressed" in refusal((path, crafted.locked(path)))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda text: text.replace("crate/data.bin,sha256=", "no,sha256="), "is missing"),
        (lambda text: "".join(text.splitlines(True)[1:]), "is not in its RECORD"),
        (lambda text: text.replace(",sha256=", ",md5=", 1), "with a sha256"),
        (lambda text: text + "empty,,\n", "is there twice"),
        (lambda text: text + "more\n", "cannot be read"),
        (lambda text: text.encode() + b"\xff\n", "decode"),
    ],
)
def test_a_record_that_is_not_about_the_wheel_is_refused(tmp_path, change, reason):
    assert reason in refusal(crafted.wheel(tmp_path, FILES, record=change))


def test_contents_that_are_not_what_record_says_are_refused(tmp_path):
    wrong = crafted.digest(b"something else")
    made = crafted.wheel(
        tmp_path, FILES, record=lambda text: text.replace(crafted.digest(b"x = 1\n"), wrong)
    )
    with pytest.raises(WheelError, match=r"crate/__init__\.py is not what RECORD says"):
        read(made).content("crate/__init__.py")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"metadata": METADATA.replace("Crate-", "Other-")}, "METADATA says that it is Other-"),
        ({"metadata": METADATA.replace("1.0", "1.1")}, "METADATA says that it is Crate-Thing 1.1"),
        ({"metadata": METADATA.replace("Crate-Thing", "../up")}, "'../up' is no name of a dist"),
        ({"metadata": "Metadata-Version: 2.1\n"}, "'' is no name"),
        ({"info": "crate_thing-2.0.dist-info"}, "says that it is crate_thing 2.0"),
        ({"name": "other-1.0-py3-none-any.whl"}, "METADATA says that it is Crate-Thing 1.0"),
        ({"name": "crate_thing.whl"}, "no name of a wheel"),
        ({"about": WHEEL.replace("1.0", "2.0")}, "its Wheel-Version '2.0' is unknown"),
        ({"about": ""}, "its Wheel-Version '' is unknown"),
    ],
)
def test_a_wheel_that_is_another_than_its_name_says_is_refused(tmp_path, change, reason):
    assert reason in refusal(crafted.wheel(tmp_path, FILES, **change))


def test_more_or_less_than_one_dist_info_is_refused(tmp_path):
    said = refusal(crafted.wheel(tmp_path, {"other-1.0.dist-info/METADATA": ""}))
    assert "2 dist-info folders" in said
    path, _ = crafted.wheel(tmp_path, FILES)
    path.write_bytes(path.read_bytes().replace(b".dist-info", b".dist-inf_"))
    assert "0 dist-info folders" in refusal((path, crafted.locked(path)))
    path, _ = crafted.wheel(tmp_path, FILES)
    path.write_bytes(path.read_bytes().replace(b"/WHEEL", b"/WHEEE"))
    assert "has no crate_thing-1.0.dist-info/WHEEL" in refusal((path, crafted.locked(path)))


def test_names_and_versions_may_be_spelled_differently(tmp_path):
    for version in ("1.0", "1.0.0", "v1"):
        metadata = f"Name: crate.Thing\nVersion: {version}\n"
        assert read(crafted.wheel(tmp_path, FILES, metadata=metadata)).version == version
