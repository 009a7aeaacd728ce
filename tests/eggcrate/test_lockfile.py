import itertools

import pytest
from packaging.version import Version

from eggcrate import lockfile
from eggcrate.lockfile import File, Lock, LockError

A, B = "a" * 64, "b" * 64
LOCK = Lock(
    {
        ("zope-interface", "8.7"): (File("zope_interface-8.7.tar.gz", B),),
        ("flask", "3.1.3"): (
            File("flask-3.1.3-py3-none-any.whl", A),
            File("Flask-3.1.3.tar.gz", B),
        ),
    }
)


def test_what_is_written_is_read_again(tmp_path):
    path = tmp_path / "versions.lock"
    path.write_text(lockfile.dumps(LOCK))
    read = lockfile.read(path)
    assert read.entries.keys() == LOCK.entries.keys()
    for key, files in LOCK.entries.items():
        assert set(read.entries[key]) == set(files)
    assert lockfile.dumps(read) == lockfile.dumps(LOCK)


def test_the_text_is_sorted_and_holds_nothing_else():
    assert lockfile.dumps(LOCK).splitlines()[1:] == [
        "",
        "[flask 3.1.3]",
        f"{B}  Flask-3.1.3.tar.gz",
        f"{A}  flask-3.1.3-py3-none-any.whl",
        "",
        "[zope-interface 8.7]",
        f"{B}  zope_interface-8.7.tar.gz",
    ]
    assert lockfile.dumps(LOCK).startswith("# ")


@pytest.mark.parametrize("name", ["zope.interface", "Zope_Interface", "zope-interface"])
@pytest.mark.parametrize("version", ["8.7", "8.7.0", "v8.7"])
def test_names_and_versions_are_found_in_any_spelling(name, version):
    assert LOCK.of(name, version) == LOCK.entries["zope-interface", "8.7"]


def test_what_is_not_locked_has_no_files():
    assert LOCK.of("zope.interface", "8.7.1") == ()
    assert LOCK.of("zope", "8.7") == ()


def test_text_comes_before_normalisation():
    exact = Lock({("a", "1.0"): (File("a-1.0.zip", A),), ("a", "1"): (File("a-1.zip", B),)})
    assert exact.of("a", "1") == (File("a-1.zip", B),)
    assert exact.of("a", "1.0") == (File("a-1.0.zip", A),)


def test_versions_are_normalised_as_by_packaging():
    releases = ["1", "1.0", "01.2.0", "v3!1.0.0"]
    phases = ["", "a1", ".alpha1", "-b", "_beta.2", "c3", "rc03", "pre4", ".preview.4"]
    posts = ["", ".post1", "-1", "post", "-r5", ".rev6"]
    devs = ["", ".dev0", "-dev", "dev3"]
    local = ["", "+ubuntu.01", "+A-b_C"]
    texts = list(map("".join, itertools.product(releases, phases, posts, devs, local)))
    by_packaging: dict[Version, set[str]] = {}
    for text in texts:
        by_packaging.setdefault(Version(text), set()).add(lockfile.canonical(text))
    assert all(len(found) == 1 for found in by_packaging.values())
    assert len(set.union(*by_packaging.values())) == len(by_packaging)
    assert lockfile.canonical("not a version") == "not a version"


def test_a_merged_lock_has_both_and_the_first_wins():
    other = Lock({("flask", "3.1.3"): (), ("mine", "1"): (File("mine-1.zip", A),)})
    merged = LOCK.merged(other)
    assert merged.of("mine", "1")
    assert merged.of("flask", "3.1.3") == LOCK.of("flask", "3.1.3")


def test_local_lock_adds_to_versions_lock(tmp_path):
    assert lockfile.load(tmp_path) is None
    (tmp_path / "local.lock").write_text(f"[mine 1]\n{A}  mine-1.zip\n")
    assert lockfile.load(tmp_path) is None
    (tmp_path / "versions.lock").write_text(lockfile.dumps(LOCK))
    lock = lockfile.load(tmp_path)
    assert lock is not None
    assert lock.of("mine", "1")
    assert lock.of("flask", "3.1.3")


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("<<<<<<< HEAD\n", 1, "neither"),
        (f"{A}  flask-1.zip\n", 1, "a file before the first"),
        (f"[flask 1]\n{A} flask-1.zip\n", 2, "neither"),
        (f"[flask 1]\n{A[1:]}  flask-1.zip\n", 2, "neither"),
        (f"[flask 1]\n{A.upper()}  flask-1.zip\n", 2, "neither"),
        (f"[flask 1]\n{A}  ../flask-1.zip\n", 2, "neither"),
        (f"[flask 1]\n{A}  .flask-1.zip\n", 2, "neither"),
        (f"[flask 1]\n{A}  flask-1.zip\n{B}  flask-1.zip\n", 3, "flask-1.zip stands here twice"),
        ("[flask 1]\n\n# again\n[Flask 1]\n", 4, "flask 1 stands here twice"),
        ("[flask 1]\n[flask 1.0]\n", 2, "flask 1.0 stands here twice"),
        (f"[flask 1]\n{A}  f-1.zip\n", 2, "f-1.zip is no file of flask 1"),
        (f"[flask 1]\n{A}  flask-1.1-py3-none-any.whl\n", 2, "flask-1.1-py3-none-any.whl is no"),
        (f"[flask 1]\n{A}  flask-2-1-py3-none-any.whl\n", 2, "flask-2-1-py3-none-any.whl is no"),
        ("[flask]\n", 1, "neither"),
    ],
)
def test_garbage_is_told_with_file_and_line(tmp_path, text, line, why):
    path = tmp_path / "versions.lock"
    path.write_text(text)
    with pytest.raises(LockError) as caught:
        lockfile.read(path)
    assert str(caught.value).startswith(f"{path}:{line}: {why}")


def test_what_cannot_be_read_is_told(tmp_path):
    with pytest.raises(LockError, match=r"nowhere: cannot be read: No such file"):
        lockfile.read(tmp_path / "nowhere")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(LockError, match="is not text"):
        lockfile.read(tmp_path / "binary")


@pytest.mark.parametrize(
    ("entry", "file"),
    [
        ("zope.interface 5.0", "zope.interface-5.0.0.tar.gz"),
        ("zope-interface 5.0.0", "zope_interface-5.0-cp311-cp311-linux_x86_64.whl"),
        ("a-b-2 1.0.post1", "a-b-2-1.0-1.zip"),
        ("flask 1!2.0rc1", "Flask-1!2.0.0c1-1-py2.py3-none-any.whl"),
        ("flask 1.0+local.1", "flask-1.0+local_1-py3-none-any.whl"),
        ("flask odd", "flask-odd.tar.bz2"),
    ],
)
def test_names_of_files_may_be_spelled_otherwise(tmp_path, entry, file):
    path = tmp_path / "versions.lock"
    path.write_text(f"[{entry}]\n{A}  {file}\n")
    [[found]] = lockfile.read(path).entries.values()
    assert found.name == file
