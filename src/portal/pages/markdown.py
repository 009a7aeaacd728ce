"""Markdown to safe HTML."""

from __future__ import annotations

import re
from functools import cache, lru_cache

import nh3
from flask import url_for
from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from markupsafe import Markup

TAGS = {
    *("h2", "h3", "h4", "h5", "h6", "p", "br", "hr", "blockquote", "pre", "ul", "ol", "li"),
    *("dl", "dt", "dd", "table", "thead", "tbody", "tr", "th", "td", "caption", "figure"),
    *("figcaption", "details", "summary", "a", "img", "em", "strong", "code", "kbd", "samp"),
    *("var", "sub", "sup", "abbr", "cite", "q", "del", "ins", "s", "mark", "small", "b", "i"),
}
ATTRIBUTES = {
    "*": {"lang", "dir", "title"},
    "a": {"href", "hreflang"},
    "img": {"src", "alt", "width", "height"},
    "ol": {"start"},
    "th": {"scope", "colspan", "rowspan"},
    "td": {"colspan", "rowspan"},
}
CLASSES = {"th": {"center", "right"}, "td": {"center", "right"}}
SCHEMES = {"http", "https", "mailto", "tel"}
PAGE_FILE = re.compile(r"([a-z0-9-]+)\.md(#.*)?")


def to_html(text: str) -> Markup:
    """Return `text` as HTML that runs nothing and leads nowhere but to the web, mail and phone.

    A link to `slug.md`, which works among the exported files, leads to that page.
    """
    return _to_html(text, url_for("pages.index"))


@lru_cache(maxsize=512)
def _to_html(text: str, base: str) -> Markup:
    html = parser().render(text, {"base": base})
    clean = nh3.clean(
        html,
        tags=TAGS,
        attributes=ATTRIBUTES,
        allowed_classes=CLASSES,
        url_schemes=SCHEMES,
        link_rel=None,  # the Referrer-Policy header speaks for all links
    )
    return Markup(clean)  # noqa: S704  sanitised on the line above


@cache
def parser() -> MarkdownIt:
    """Return the parser: CommonMark with tables, strikethrough and HTML, which nh3 sifts."""
    markdown = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    markdown.core.ruler.push("portal", adapt)
    return markdown


def adapt(state: StateCore) -> None:
    """Adapt the document to a page of the site."""
    for token in state.tokens:
        adapt_block(token)
        for child in token.children or ():
            if child.type == "link_open":
                adapt_link(child, str(state.env["base"]))


def adapt_block(token: Token) -> None:
    """Leave h1 to the page's title, and turn a cell's style into a class: CSP forbids styles."""
    if token.tag == "h1":
        token.tag = "h2"
    style = token.attrs.pop("style", None) if token.tag in {"th", "td"} else None
    if style in {"text-align:center", "text-align:right"}:
        token.attrs["class"] = str(style).removeprefix("text-align:")
    if token.type == "th_open":
        token.attrs["scope"] = "col"


def adapt_link(token: Token, base: str) -> None:
    """Turn the name of a page's file into its address."""
    link = PAGE_FILE.fullmatch(str(token.attrs.get("href", "")))
    if link:
        token.attrs["href"] = f"{base}{link[1]}{link[2] or ''}"
