"""The portal on PostgreSQL, in a database of its own."""

import os
import secrets
from concurrent.futures import ThreadPoolExecutor

import pytest

import portal
from portal.database import db

psycopg = pytest.importorskip("psycopg")

pytestmark = pytest.mark.service
HOST = "127.0.0.1"


def connect(user):
    return psycopg.connect(
        host=HOST, user=user, dbname="postgres", autocommit=True, connect_timeout=5
    )


@pytest.fixture(scope="module")
def admin():
    """Connect as somebody who may create databases."""
    reasons = []
    for user in ("postgres", "root"):
        try:
            connection = connect(user)
        except psycopg.OperationalError as error:
            reasons.append(f"{user}: {str(error).strip().splitlines()[-1]}")
            continue
        with connection:
            yield user, connection
        return
    pytest.skip(f"no PostgreSQL server at {HOST}:5432 lets us in: {'; '.join(reasons)}")


@pytest.fixture
def url(admin):
    user, connection = admin
    name = f"portal_test_{os.getpid()}_{secrets.token_hex(4)}"
    connection.execute(f"CREATE DATABASE {name}")
    yield f"postgres://{user}@{HOST}/{name}"
    connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_pages_are_served(url, make_app):
    client = make_app(DATABASE_URL=url).test_client()
    assert client.get("/").status_code == 200
    assert client.get("/page/1").location == "/"
    assert client.get("/projects").location == "/projects/"
    assert "The straw" in client.get("/projects/").text
    assert client.get(f"/page/{2**31 - 1}").status_code == 404


def test_export_and_import_are_the_same(url, make_app, tmp_path):
    cli = make_app(DATABASE_URL=url).test_cli_runner()
    assert cli.invoke(args=["portal", "export", str(tmp_path / "out")]).exit_code == 0
    result = cli.invoke(args=["portal", "import", str(tmp_path / "out")])
    assert result.output == "0 added, 0 changed, 10 unchanged\n"


def test_many_start_at_once(url, tmp_path):
    def start(_):
        return portal.create_app({"TESTING": True, "DATABASE_URL": url})

    with ThreadPoolExecutor(4) as pool:
        apps = list(pool.map(start, range(4)))
    for app in apps:
        result = app.test_cli_runner().invoke(args=["portal", "export", str(tmp_path / "out")])
        assert result.output.startswith("10 pages")
        with app.app_context():
            db.engine.dispose()


def test_models_and_migrations_agree(url, make_app):
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from portal.database.models import Model

    with make_app(DATABASE_URL=url).app_context(), db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Model.metadata) == []


def test_a_forked_child_does_not_end_the_parents_connection(url, make_app):
    app = make_app(DATABASE_URL=url)

    def backend():
        with app.app_context(), db.engine.connect() as connection:
            return connection.exec_driver_sql("SELECT pg_backend_pid()").scalar()

    mine = backend()
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.write(writer, str(backend()).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as answer:
        theirs = int(answer.read())
    os.waitpid(pid, 0)
    assert theirs != mine
    assert backend() == mine


def test_a_database_that_does_not_exist(admin):
    from carboy.errors import UserError

    url = f"postgresql://{admin[0]}@{HOST}/no_such_database_here"
    with pytest.raises(UserError, match=r"no_such_database_here.*does not exist") as info:
        portal.create_app({"TESTING": True, "DATABASE_URL": url})
    assert "\n" not in str(info.value)
