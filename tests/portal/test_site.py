"""The site as a whole: by unittest, by WebTest, and by its files."""

# ruff: noqa: PT009  one class shows unittest's own way

import re
import unittest
import warnings
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

import portal
from portal.database import db

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # WebOb imports cgi as long as it exists
    import webtest

PACKAGE = Path(portal.__file__).parent
TEMPLATES = sorted((PACKAGE / "templates").rglob("*.html"))


class SiteTest(unittest.TestCase):
    """Test as one does without pytest."""

    def setUp(self):
        self.app = portal.create_app({"TESTING": True, "DATABASE_URL": "sqlite://"})
        self.client = self.app.test_client()
        self.addCleanup(self.close)

    def close(self):
        with self.app.app_context():
            db.engine.dispose()

    def test_home(self):
        response = self.client.get("/")
        self.assertEqual(response.status_code, 200)
        self.assertIn("A big flask in a crate", response.text)

    def test_unknown(self):
        self.assertEqual(self.client.get("/unknown").status_code, 404)


def test_a_visitor_finds_the_way(app):
    site = webtest.TestApp(app)  # checks WSGI itself on every call
    home = site.get("/")
    assert home.html.html["lang"] == "en"
    page = home.click("Projects", index=0).click("The flask").click("Projects", index=1)
    assert page.request.path == "/projects/"
    assert [a.text for a in page.html.select("[aria-current]")] == ["Projects"]
    german = site.get("/willkommen")
    assert german.headers["Content-Language"] == "de"
    assert german.html.html["lang"] == "de"
    assert german.html.header["lang"] == "en"
    assert site.get("/nowhere", status=404).html.h1.text == "Not Found"


def test_every_link_of_the_starter_pages_leads_somewhere(app):
    site = webtest.TestApp(app)
    seen, ahead = set(), ["/"]
    while ahead:
        path = ahead.pop()
        seen.add(path)
        links = [a["href"] for a in site.get(path).html.select("a[href]")]
        ahead += {p for p in links if p.startswith("/") and p not in seen} - set(ahead)
    assert seen >= {"/", "/serve", "/configure", "/deploy", "/projects/", "/about", "/willkommen"}
    assert {"/crate", "/flask", "/straw"} <= seen


def test_landmarks_and_skip_link(app):
    page = webtest.TestApp(app).get("/about").html
    first = page.body.find("a")
    assert (first["href"], first["class"]) == ("#content", ["skip"])
    assert page.find(id="content").name == "main"
    assert [len(page.find_all(tag)) for tag in ("header", "nav", "main", "footer", "h1")] == [1] * 5
    assert page.nav["aria-label"]
    assert page.find("meta", attrs={"name": "viewport"})


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_templates_have_nothing_inline_and_no_fixed_address(path):
    text = path.read_text()
    assert not re.search(r"""(href|src|action)=["']/""", text)
    assert not re.search(r"\sstyle=|<style|<script|\son\w+=", text)


def test_the_logo_is_well_formed_and_has_nothing_inline():
    root = ET.parse(PACKAGE / "static" / "logo.svg").getroot()
    tags = [element.tag.rpartition("}")[2] for element in root.iter()]
    assert not {"style", "script"} & set(tags)
    assert root.find("*[@id='carboy']") is not None


def tokens(dark):
    css = (PACKAGE / "static" / "portal.css").read_text()
    blocks = re.findall(r":root \{(.*?)\}", css, re.DOTALL)
    return dict(re.findall(r"--([\w-]+): (#\w{6});", blocks[1 if dark else 0]))


def luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("ground", ["paper", "raised"])
@pytest.mark.parametrize("colour", ["ink", "soft", "glass", "glass-strong", "crate"])
def test_contrast_is_that_of_wcag_aa(dark, ground, colour):
    values = tokens(dark)
    light, deep = sorted((luminance(values[ground]), luminance(values[colour])), reverse=True)
    assert (light + 0.05) / (deep + 0.05) >= 4.5
