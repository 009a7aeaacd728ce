import pytest

from eggcrate.versions_file import VersionsFile

TEXT = """\
# Flask = 0.1
[buildout]
versions = versions

[versions]

# --- build ---
# Never fetched.
eggcrate = 0.1.0
zc.buildout = 6.0.1

# --- application ---
click = 8.5.1
Flask=3.1.2
# Flask requires it.
Jinja2 = == 3.1.5

[versions:python_version < "3.12"]
Flask = 2.0

[other]
Flask = 1.0
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "versions.cfg"
    path.write_text(TEXT)
    return VersionsFile(path)


@pytest.fixture
def saved(file, tmp_path):
    def saved():
        file.save()
        return (tmp_path / "versions.cfg").read_bytes().decode()

    return saved


def test_only_the_version_of_a_pin_is_changed(file, saved):
    file.set("flask", "3.1.3")
    file.set("jinja2", "3.1.6")
    file.set("zc-buildout", "6.1")
    assert saved() == TEXT.replace("=3.1.2", "=3.1.3").replace("3.1.5", "3.1.6").replace(
        "6.0.1", "6.1"
    )


def test_what_is_not_pinned_cannot_be_set(file):
    with pytest.raises(KeyError):
        file.set("six", "1")


@pytest.mark.parametrize(
    ("name", "beside", "before"),
    [
        ("greenlet", "flask", "# Flask requires it.\nJinja2"),
        ("blinker", "flask", "click"),
        ("Werkzeug", "Jinja2", "\n[versions:python"),
        ("pip", "eggcrate", "zc.buildout"),
        ("alpha", "eggcrate", "# Never fetched.\neggcrate"),
        ("greenlet", None, "# Flask requires it.\nJinja2"),
        ("greenlet", "nowhere", "# Flask requires it.\nJinja2"),
    ],
)
def test_a_new_pin_goes_beside_what_requires_it(file, saved, name, beside, before):
    file.add(name, "9", beside)
    assert saved() == TEXT.replace(before, f"{name} = 9\n{before}", 1)


def test_several_new_pins_are_sorted_in(file, saved):
    for name in ("delta", "charlie", "echo"):
        file.add(name, "1", "click")
    lines = [line.partition(" ")[0] for line in saved().splitlines()]
    start = lines.index("charlie")
    assert lines[start : start + 5] == ["charlie", "click", "delta", "echo", "Flask=3.1.2"]


def test_an_empty_section_is_filled(tmp_path):
    path = tmp_path / "versions.cfg"
    path.write_text("[buildout]\n[versions]\n")
    file = VersionsFile(path)
    file.add("b", "1")
    file.add("a", "2")
    file.save()
    assert path.read_text() == "[buildout]\n[versions]\na = 2\nb = 1\n"


def test_line_ends_and_mode_stay(tmp_path):
    path = tmp_path / "versions.cfg"
    path.write_bytes(b"[versions]\r\nb = 1\r\n# end")
    path.chmod(0o600)
    file = VersionsFile(path)
    file.set("b", "2")
    file.add("a", "1", "b")
    file.save()
    assert path.read_bytes() == b"[versions]\r\na = 1\r\nb = 2\r\n# end\r\n"
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_last_line_may_have_no_end(tmp_path):
    path = tmp_path / "versions.cfg"
    path.write_bytes(b"[versions]\na = 1")
    file = VersionsFile(path)
    file.add("b", "1", "a")
    file.save()
    assert path.read_text() == "[versions]\na = 1\nb = 1\n"
