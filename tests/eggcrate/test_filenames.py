import pytest

from eggcrate import filenames


@pytest.mark.parametrize(
    ("name", "is_distribution", "is_source"),
    [
        ("flask-3.1.3-py3-none-any.whl", True, False),
        ("torch-2.0+cpu-cp311-cp311-linux_x86_64.whl", True, False),
        ("epoch-1!2.0.tar.gz", True, True),
        ("old-1.0.zip", True, True),
        ("old-1.0.egg", False, False),
        ("old-1.0.exe", False, False),
        ("../up-1.0.zip", False, True),
        (".hidden-1.0.tar.gz", False, True),
        ("a b-1.0.tar.gz", False, True),
    ],
)
def test_kinds_of_files(name, is_distribution, is_source):
    assert filenames.is_distribution(name) is is_distribution
    assert filenames.is_source(name) is is_source


@pytest.mark.parametrize(
    ("name", "project", "version"),
    [
        ("Flask_SQLAlchemy_Lite-0.2.1-py3-none-any.whl", "flask-sqlalchemy-lite", "0.2.1"),
        ("zope.interface-8.7-cp311-cp311-win32.whl", "zope-interface", "8.7"),
        ("zope-8.7-py3-none-any.whl", "zope-interface", None),
        ("torch-2.0+cpu-1-cp311-cp311-linux_x86_64.whl", "torch", "2.0+cpu"),
        ("foo-bar-1.0.tar.gz", "foo-bar", "1.0"),
        ("foo-bar-1.0.tar.gz", "foo", None),
        ("foo-1!2.0-1.zip", "foo", "1!2.0-1"),
        ("foo.tar.gz", "foo", None),
    ],
)
def test_version(name, project, version):
    assert filenames.version(name, project) == version
