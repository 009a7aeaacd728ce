import pytest

from eggcrate import record
from support.crafted import digest


def test_it_is_read_as_it_is_written():
    rows = {'a, "b".py': (digest(b"x"), 1), "RECORD": ("", "")}
    text = record.dumps(rows)
    assert record.parse(text) == {'a, "b".py': digest(b"x"), "RECORD": ""}
    assert text == record.dumps(dict(reversed(rows.items())))


@pytest.mark.parametrize("text", ["a,,\na,,\n", "a\n", 'a,"\n'])
def test_what_cannot_be_read_is_said(text):
    with pytest.raises(record.RecordError):
        record.parse(text)


def test_hashes():
    assert record.digest(b"x") == digest(b"x")
    for expected in (digest(b"x"), digest(b"x") + "=", record.digest(b"x", "sha512")):
        assert record.agrees(b"x", expected)
        assert not record.agrees(b"y", expected)
    for weak in (record.digest(b"x", "md5"), "", "sha256=", "nonsense=1"):
        assert not record.agrees(b"x", weak)


def test_differences_of_a_folder(tmp_path):
    for name in ("same", "changed", "added", "deep/er/same"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("new" if name == "changed" else "x")
    (tmp_path / "link").symlink_to("same")
    (tmp_path / "folder").symlink_to("deep")
    names = ("same", "changed", "missing", "deep/er/same", "link", "folder")
    rows = dict.fromkeys(names, digest(b"x")) | {"RECORD": ""}
    (tmp_path / "RECORD").write_text("anything")
    assert list(record.differences(str(tmp_path), rows)) == [
        ("added", "was added"),
        ("changed", "was changed"),
        ("folder", "is not a regular file"),
        ("link", "is not a regular file"),
        ("missing", "is missing"),
    ]
