"""portal/pages/commands.py"""

import pytest
from sqlalchemy import func, select

from portal.database import Page, db


@pytest.fixture
def pages(app):
    def number():
        with app.app_context():
            return db.session.scalar(select(func.count()).select_from(Page))

    return number


def test_export_import(cli, tmp_path):
    out = tmp_path / "out"
    result = cli.invoke(args=["portal", "export", str(out)])
    assert result.output == f"10 pages in {out}\n"
    result = cli.invoke(args=["portal", "import", *map(str, sorted(out.glob("*.md")))])
    assert (result.exit_code, result.output) == (0, "0 added, 0 changed, 10 unchanged\n")


def test_import_is_seen_by_visitors(cli, client, tmp_path):
    path = tmp_path / "cellar.md"
    path.write_text("---\ntitle: The cellar\n---\n\nCool and dark.\n")
    assert cli.invoke(args=["portal", "import", str(path)]).output.startswith("1 added")
    assert "Cool and dark." in client.get("/cellar").text


def test_nothing_of_a_run_with_a_problem_is_kept(cli, pages, tmp_path):
    (tmp_path / "good.md").write_text("---\ntitle: Good\n---\n")
    (tmp_path / "bad.md").write_text("---\ntitle: Bad\nposition: x\nlanguage: [de]\n---\n")
    (tmp_path / "worse.md").write_text("no front matter\n")
    before = pages()
    result = cli.invoke(args=["portal", "import", str(tmp_path)])
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.splitlines() == [
        f"{tmp_path}/bad.md:3: position: 'x' is not a whole number",
        f"{tmp_path}/bad.md:4: language: is a list or a table, not one value",
        f"{tmp_path}/worse.md:1: a page begins with a line of ---",
        "Error: nothing was imported",
    ]
    assert pages() == before


def test_a_database_that_fails_at_the_end_keeps_nothing(cli, app, pages, tmp_path):
    (tmp_path / "a.md").write_text("---\ntitle: A\n---\n")
    (tmp_path / "b.md").write_text("---\ntitle: B\n---\n")
    with app.app_context(), db.engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TRIGGER refuse BEFORE INSERT ON page WHEN new.slug = 'b' "
            "BEGIN SELECT RAISE(ABORT, 'no b here'); END"
        )
    before = pages()
    result = cli.invoke(args=["portal", "import", str(tmp_path)])
    assert (result.exit_code, result.stderr) == (1, "Error: the database: no b here\n")
    assert pages() == before


def test_import_without_files_is_a_mistake(cli):
    assert cli.invoke(args=["portal", "import"]).exit_code == 2


def test_a_folder_that_cannot_be_made(cli, tmp_path):
    (tmp_path / "file").write_text("")
    result = cli.invoke(args=["portal", "export", str(tmp_path / "file" / "out")])
    assert result.exit_code == 1
    assert "Traceback" not in result.output
    assert result.stderr.startswith("Error: ")


def test_migrate_tells_the_version(cli):
    assert cli.invoke(args=["portal", "migrate"]).output == "the schema is 0001\n"
