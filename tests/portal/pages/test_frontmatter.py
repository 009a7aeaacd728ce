"""portal/pages/frontmatter.py"""

from datetime import UTC, datetime

import pytest

from portal.pages.frontmatter import Document, MalformedError, dump, load


def parse(source, file="about.md", slug="about"):
    return load(source, file=file, default_slug=slug, language="en")


def problems(source, **kwargs):
    with pytest.raises(MalformedError) as info:
        parse(source, **kwargs)
    return [str(problem) for problem in info.value.problems]


def test_everything():
    document = parse(
        "---\nslug: other\ntitle: 'A: b'\nsummary: Short.\nlanguage: de\nposition: 3\n"
        "folder: true\nparent: projects\ncreated: 2026-01-31T12:00:00+02:00\n"
        "updated: 2026-02-01\n---\n\nText.\n"
    )
    assert document == Document(
        slug="other",
        title="A: b",
        summary="Short.",
        language="de",
        position=3,
        folder=True,
        parent="projects",
        created=datetime(2026, 1, 31, 10, tzinfo=UTC),
        updated=datetime(2026, 2, 1, tzinfo=UTC),
        body="Text.\n",
    )
    assert document.lines["title"] == 3


def test_title_is_enough():
    document = parse("---\ntitle: About\n---\nText")
    assert (document.slug, document.language, document.body) == ("about", "en", "Text")


@pytest.mark.parametrize(("value", "title"), [("no", "no"), ("2026", "2026"), ("~", "~")])
def test_scalars_stay_text(value, title):
    assert parse(f"---\ntitle: {value}\n---\n").title == title


def test_windows_files():
    assert parse("\ufeff---\r\ntitle: A\r\n---\r\n\r\na\r\nb").body == "a\nb"


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("", "about.md:1: a page begins with a line of ---"),
        ("# Title\n", "about.md:1: a page begins with a line of ---"),
        ("---\ntitle: A\n\nText\n", "about.md:1: the front matter has no closing line of ---"),
        ("---\n---\n", "about.md:1: title: is missing"),
        ("---\n- a\n---\n", "about.md:2: the front matter is not made of `key: value`"),
        ("---\ntitle: A\nslug: 'x\n---\n", "about.md:3: found unexpected end of stream"),
        ("---\ntitle: a: b\n---\n", "about.md:2: mapping values are not allowed here"),
        ("---\ntitle: A\nsumary: x\n---\n", "about.md:3: sumary: unknown; known are slug, "),
        ("---\ntitle: A\ntitle: B\n---\n", "about.md:3: title: is there twice"),
        ("---\ntitle: [a]\n---\n", "about.md:2: title: is a list or a table, not one value"),
        ("---\ntitle:\n---\n", "about.md:2: title: is empty"),
        (f"---\ntitle: {'x' * 201}\n---\n", "about.md:2: title: has 201 characters, more than 200"),
        ('---\ntitle: "a\\nb"\n---\n', "about.md:2: title: has a line break or a control char"),
        ("---\ntitle: A\nslug: Über uns\n---\n", "about.md:3: slug: 'Über uns' is not lower-case"),
        ("---\ntitle: A\nslug: page\n---\n", "about.md:3: slug: 'page' is taken by the site"),
        ("---\ntitle: A\nposition: first\n---\n", "about.md:3: position: 'first' is not a whole"),
        ("---\ntitle: A\nposition: 2147483648\n---\n", "about.md:3: position: 2147483648 is too"),
        ("---\ntitle: A\nfolder: yes\n---\n", "about.md:3: folder: 'yes' is neither true nor"),
        ("---\ntitle: A\ncreated: soon\n---\n", "about.md:3: created: 'soon' is no ISO 8601"),
        (
            "---\ntitle: A\n\n\nslug: \x00\n---\n",
            "about.md:5: a character that YAML does not allow",
        ),
        ("---\ntitle: A\nslug: &a x\nparent: *b\n---\n", "about.md:4: found undefined alias"),
        ("---\n!!python/object:os.system x: 1\n---\n", "about.md:2: x: unknown"),
    ],
)
def test_problems_are_named_by_file_and_line(source, problem):
    assert problems(source)[0].startswith(problem)


def test_all_problems_are_listed():
    found = problems("---\ntitle:\nposition: x\nfolder: y\n---\n", file="Über uns.md", slug="Ü")
    assert [problem.split(":")[1] for problem in found] == ["2", "3", "4", "1"]


@pytest.mark.parametrize(
    "document",
    [
        Document(slug="a", title="A"),
        Document(slug="a", title="no", summary="'\"#: [x] – ü", language="no", body="\n\n---\n\n"),
        Document(slug="a-1", title=" padded ", position=-1, folder=True, parent="b", body="x"),
        Document(
            slug="a", title="2026-01-01", created=datetime(2026, 1, 1, tzinfo=UTC), position=0
        ),
        Document(slug="a", title="x " * 100, body="---\ntitle: B\n---\n", language="de"),
    ],
)
def test_what_is_dumped_is_loaded(document):
    assert parse(dump(document)) == document
