"""portal/wsgi.py: the application for servers that take no arguments."""


def test_application_is_made_from_the_environment(python, root):
    code = "from portal.wsgi import application as a; print(a.test_client().get('/').text)"
    result = python(code, CARBOY_ENV="testing", CARBOY_SITE_NAME="Cellar")
    assert "<title>Cellar · " in result.stdout
    assert (root / "var" / "portal.sqlite").is_file()


def test_bare_database_url_is_honoured(python, root):
    url = f"sqlite:///{root}/elsewhere.sqlite"
    python("import portal.wsgi", CARBOY_ENV="testing", DATABASE_URL=url)
    assert (root / "elsewhere.sqlite").is_file()
    assert not (root / "var").exists()
