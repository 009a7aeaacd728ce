"""`flask portal`: pages in and out, and the schema."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from flask import current_app
from flask.cli import AppGroup
from sqlalchemy.exc import DBAPIError

from portal.database import db, schema, sqlite

portal_commands = AppGroup("portal", help="Pages in and out of the portal's database.")


@portal_commands.command("import")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE…")
def import_command(files: tuple[Path, ...]) -> None:
    """Add or change pages by Markdown files.

    The slug in a file's front matter says which page it is. A folder stands for the *.md files in
    it. If one file is malformed, nothing is kept.
    """
    # YAML is loaded by those who import, not by those who serve.
    from portal.pages.transfer import import_pages, read_files

    config = current_app.config
    with reported():
        documents = read_files(files, language=config["DEFAULT_LANGUAGE"])
        with db.sessionmaker.begin() as session:
            session.connection(execution_options={sqlite.WRITE: True})
            outcome = import_pages(session, documents, languages=config["LANGUAGES"])
    click.echo(outcome)


@portal_commands.command("export")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), metavar="DIR")
def export_command(folder: Path) -> None:
    """Write every page to DIR/slug.md."""
    from portal.pages.transfer import export_pages

    with reported():
        number = export_pages(db.session, folder)
    click.echo(f"{number} pages in {folder}")


@portal_commands.command("migrate")
def migrate_command() -> None:
    """Bring the schema up to date.

    Creating the application has done it, if AUTO_MIGRATE is on; this tells the version.
    """
    with db.engine.connect() as connection:
        click.echo(f"the schema is {schema.version(connection)}")


@contextmanager
def reported() -> Iterator[None]:
    """End the command with the reason on stderr instead of a traceback."""
    from portal.pages.frontmatter import MalformedError

    try:
        yield
    except MalformedError as error:
        for problem in error.problems:
            click.echo(str(problem), err=True)
        raise click.ClickException("nothing was imported") from None
    except OSError as error:
        raise click.ClickException(f"{error.filename}: {error.strerror}") from None
    except DBAPIError as error:
        raise click.ClickException(f"the database: {error.orig}") from None
