import pytest

from eggcrate import environment
from eggcrate.release import parts


@pytest.mark.parametrize(
    ("output", "essence"),
    [
        (
            "While:\n  Installing app.\nError: Couldn't find a distribution for 'x'.\n",
            "Couldn't find a distribution for 'x'.",
        ),
        ("Error: no\nError: two\n  lines\n", "two lines"),
        ("An internal error occurred ...\nTraceback\nKeyError: 'x'\n", "KeyError: 'x'"),
        ("", "zc.buildout failed"),
    ],
)
def test_why_zc_buildout_failed(output, essence):
    assert parts.essence(output) == essence


def test_what_was_built_is_read(tmp_path):
    base = environment.Base.current()
    search = environment.SearchPath((str(tmp_path / "a b"), "/eggs/x.egg"), ("import x",))
    (tmp_path / "parts").mkdir()
    environment.write(tmp_path / "parts" / "app", base, search, "x = 1")
    (tmp_path / "parts" / "settings").mkdir()
    (tmp_path / "parts" / ".develop").mkdir()
    (tmp_path / "parts" / "file").touch()
    built = parts.read(tmp_path)
    (part,) = built.parts
    assert (part.name, part.search, part.initialization) == ("app", search, "x = 1\n")
    assert built.others == ("settings",)
