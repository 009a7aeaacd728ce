"""portal/pages/transfer.py"""

from datetime import UTC, datetime

import pytest
from sqlalchemy import delete, select

from portal.database import Page, db
from portal.pages import transfer
from portal.pages.frontmatter import MalformedError
from portal.pages.transfer import export_pages, import_pages, read_files

LANGUAGES = {"en", "de"}


@pytest.fixture
def session(app):
    with app.app_context():
        yield db.session


def write(folder, name, head="title: T", body="Text.\n"):
    path = folder / name
    path.write_text(f"---\n{head}\n---\n\n{body}")
    return path


def bring(session, *paths):
    return import_pages(session, read_files(paths, language="en"), languages=LANGUAGES)


def rows(session):
    session.expire_all()
    columns = (*transfer.CONTENT, "slug", "created", "updated")
    return {
        page.slug: (*(getattr(page, name) for name in columns), page.parent and page.parent.slug)
        for page in session.scalars(select(Page))
    }


def test_export_into_an_empty_database_is_the_same(session, tmp_path):
    odd = datetime(1999, 12, 31, 23, 59, 59, 123456, UTC)
    session.add(Page(slug="odd", title="no", body="\n\n---\nx  ", created=odd, updated=odd))
    session.commit()
    before = rows(session)
    assert export_pages(session, tmp_path / "out") == 11
    session.execute(delete(Page))
    assert str(bring(session, tmp_path / "out")) == "11 added, 0 changed, 0 unchanged"
    session.commit()
    assert rows(session) == before


def test_importing_what_was_exported_changes_nothing(session, tmp_path):
    before = rows(session)
    export_pages(session, tmp_path / "out")
    assert str(bring(session, tmp_path / "out")) == "0 added, 0 changed, 10 unchanged"
    assert rows(session) == before


def test_an_edited_export_is_updated_now(session, tmp_path):
    old = datetime(2000, 1, 1, tzinfo=UTC)
    session.scalars(select(Page).where(Page.slug == "about")).one().updated = old
    session.commit()
    export_pages(session, tmp_path)
    path = tmp_path / "about.md"
    path.write_text(path.read_text() + "More.\n")
    assert str(bring(session, path)) == "0 added, 1 changed, 0 unchanged"
    session.flush()
    page = session.scalars(select(Page).where(Page.slug == "about")).one()
    assert page.body.endswith("More.\n")
    assert page.updated > old


def test_a_key_that_is_gone_is_its_default(session, tmp_path):
    bring(session, write(tmp_path, "about.md"))
    page = session.scalars(select(Page).where(Page.slug == "about")).one()
    assert (page.title, page.summary, page.position) == ("T", "", None)


def test_parent_and_child_in_any_order(session, tmp_path):
    child = write(tmp_path, "a-child.md", "title: C\nparent: z-folder")
    folder = write(tmp_path, "z-folder.md", "title: F\nfolder: true")
    bring(session, child, folder)
    page = session.scalars(select(Page).where(Page.slug == "a-child")).one()
    assert page.parent.slug == "z-folder"


def test_a_new_child_does_not_change_its_parent(session, tmp_path):
    outcome = bring(session, write(tmp_path, "new.md", "title: N\nparent: projects"))
    assert str(outcome) == "1 added, 0 changed, 0 unchanged"


@pytest.mark.parametrize(
    ("head", "problem"),
    [
        ("title: T\nlanguage: fr", "x.md:3: language: 'fr' is not one of LANGUAGES"),
        ("title: T\nparent: nowhere", "x.md:3: parent: there is no page 'nowhere'"),
        ("title: T\nparent: about", "x.md:3: parent: the page 'about' is not a folder"),
        ("title: T\nfolder: true\nparent: x", "x.md:4: parent: is the page itself"),
    ],
)
def test_what_does_not_fit_is_refused(session, tmp_path, head, problem):
    with pytest.raises(MalformedError) as info:
        bring(session, write(tmp_path, "x.md", head))
    assert str(info.value) == f"{tmp_path}/{problem}"


def test_the_same_slug_twice(session, tmp_path):
    paths = [write(tmp_path, name, "title: T\nslug: x") for name in ("a.md", "b.md")]
    with pytest.raises(MalformedError, match=r"b\.md:3: slug: 'x' is in .*a\.md too"):
        bring(session, *paths)


def test_the_same_file_twice(session, tmp_path):
    path = write(tmp_path, "x.md")
    with pytest.raises(MalformedError, match=r"x\.md:1: slug: 'x' is in .*x\.md too"):
        bring(session, path, path)


def test_unreadable_files_are_listed_all(tmp_path):
    (tmp_path / "latin.md").write_bytes("---\ntitle: A\n---\n\nGrüße".encode("latin-1"))
    with pytest.raises(MalformedError) as info:
        read_files([tmp_path / "none.md", tmp_path / "latin.md"], language="en")
    assert [str(problem).rpartition("/")[2] for problem in info.value.problems] == [
        "none.md:1: No such file or directory",
        "latin.md:5: is not UTF-8",
    ]


def test_export_leaves_other_files_alone(session, tmp_path):
    (tmp_path / "README.txt").write_text("mine")
    (tmp_path / "about.md").write_text("old")
    export_pages(session, tmp_path)
    assert (tmp_path / "README.txt").read_text() == "mine"
    assert (tmp_path / "about.md").read_text().startswith("---\nslug: about\ntitle: About\n")
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_export_that_fails_leaves_the_folder_as_it_was(session, tmp_path, monkeypatch):
    (tmp_path / "about.md").write_text("old")
    real = transfer.stage

    def stage(folder, page):
        if page.slug == "welcome":
            raise OSError(28, "No space left on device", "welcome.md")
        return real(folder, page)

    monkeypatch.setattr(transfer, "stage", stage)
    with pytest.raises(OSError, match="No space"):
        export_pages(session, tmp_path)
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".md"] == ["about.md"]
    assert (tmp_path / "about.md").read_text() == "old"
