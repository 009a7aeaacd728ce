"""Somebody else's buildout: a small Pyramid application, as one finds them."""

from pathlib import Path

BUILDOUT = """\
[buildout]
extends = versions.cfg
develop = .
parts =
    app
    settings
    test
show-picked-versions = true

[server]
port = 6543

[app]
recipe = zc.recipe.egg
eggs =
    guestbook
    pyramid
    waitress
interpreter = py

[settings]
recipe = collective.recipe.template
input = development.ini.in
output = ${buildout:directory}/development.ini

[test]
recipe = zc.recipe.testrunner
eggs = guestbook
defaults = ["--auto-color", "-v"]
"""

# What its people have pinned, and put into the environment in which zc.buildout is (setuptools and
# pip, too): Pyramid wants a setuptools that still has pkg_resources.
TOOLS = {
    "packaging": "26.3",
    "pip": "26.3",
    "platformdirs": "4.14.5",
    "setuptools": "81.0.0",
    "wheel": "0.48.0",
    "zc.buildout": "6.0.1",
}
EGGS = {
    "collective.recipe.template": "3.0.0",
    "hupper": "1.12.1",
    "PasteDeploy": "3.1.0",
    "plaster": "1.1.2",
    "plaster-pastedeploy": "1.0.1",
    "pyramid": "2.1",
    "translationstring": "1.4",
    "venusian": "3.1.1",
    "waitress": "3.0.2",
    "WebOb": "1.8.11",
    "zc.recipe.egg": "6.0.0",
    "zc.recipe.testrunner": "5.0",
    "zope.deprecation": "6.0",
    "zope.exceptions": "6.0",
    "zope.interface": "8.7",
    "zope.testrunner": "8.3",
}
# WebOb requires it from Python 3.13 on.
LATER = {"legacy-cgi": "2.6.4"}

SETUP = """\
from setuptools import setup

setup(
    name="guestbook",
    version="0.1",
    package_dir={"": "src"},
    packages=["guestbook"],
    install_requires=["pyramid", "waitress"],
    entry_points={"paste.app_factory": ["main = guestbook:main"]},
    zip_safe=False,
)
"""
SETTINGS = """\
[app:main]
use = egg:guestbook

[server:main]
use = egg:waitress#main
listen = 127.0.0.1:${server:port}
"""
APPLICATION = """\
from pyramid.config import Configurator


def main(global_config, **settings):
    with Configurator(settings=settings) as config:
        config.add_route("home", "/")
        config.scan()
    return config.make_wsgi_app()
"""
VIEWS = """\
from pyramid.view import view_config


@view_config(route_name="home", renderer="string")
def home(request):
    return "entries: 2"
"""
TESTS = """\
import unittest

from webob import Request


class HomeTest(unittest.TestCase):
    def test_home(self):
        from guestbook import main

        response = Request.blank("/").get_response(main({}))
        self.assertEqual(response.text, "entries: 2")
"""


def write(root: Path) -> None:
    """Write the project."""
    pins = {**TOOLS, **EGGS, **LATER}
    versions = "".join(f"{name} = {version}\n" for name, version in pins.items())
    for name, text in {
        "buildout.cfg": BUILDOUT,
        "versions.cfg": f"[versions]\n{versions}",
        "setup.py": SETUP,
        "development.ini.in": SETTINGS,
        "src/guestbook/__init__.py": APPLICATION,
        "src/guestbook/views.py": VIEWS,
        "src/guestbook/tests.py": TESTS,
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
