"""Pages that list files: of an index (PEP 503 and 691), or any with links, as for find-links."""

import functools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urljoin

from eggcrate.filenames import is_distribution

_SHA256 = re.compile(r"sha256=([0-9a-fA-F]{64})")


@dataclass(frozen=True, slots=True)
class Link:
    """Where a file is, and what the page that lists it says of it.

    ``sha256`` is None where the page gives none; ``yanked`` is None, or the reason (often empty,
    PEP 592); ``metadata`` the sha256 of the file's METADATA beside it (PEP 658).
    """

    url: str
    name: str
    sha256: str | None = None
    requires_python: str = ""
    yanked: str | None = None
    metadata: str | None = None


def parse(content: bytes, content_type: str, url: str) -> list[Link]:
    """Return the links to distributions on a page that came from ``url``.

    Raise ``ValueError`` for what is no such page.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind.endswith("json"):
        return list(_of_json(json.loads(content), url))
    if kind.endswith("html") or kind == "application/xhtml+xml":
        return list(_of_html(content.decode("utf-8", "replace"), url))
    raise ValueError(f"{kind or 'something without a content type'} is no list of files")


def of_folder(folder: Path) -> list[Link]:
    """Return the links to distributions that lie in a folder."""
    return [
        Link(path.as_uri(), path.name)
        for path in sorted(folder.iterdir())
        if is_distribution(path.name)
    ]


def of_url(url: str) -> Link | None:
    """Return the link that a bare URL is, None if it names no distribution."""
    return _of_anchor(url, {})


# --- JSON (PEP 691) ------------------------------------------------------------------------------


def _of_json(page: Any, base: str) -> Iterator[Link]:
    version = _object(_object(page).get("meta", {})).get("api-version", "1.0")
    if str(version).partition(".")[0] != "1":
        raise ValueError(f"version {version} of the index's language is not known")
    files = page.get("files")
    if not isinstance(files, list):
        raise ValueError("it lists no files")
    for file in map(_object, files):
        name = file.get("filename")
        if isinstance(name, str) and is_distribution(name) and isinstance(file.get("url"), str):
            yield _of_file(file, name, base)


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("it is not what PEP 691 describes")
    return value


def _of_file(file: dict[str, Any], name: str, base: str) -> Link:
    yanked = file.get("yanked") or False
    metadata = file.get("core-metadata") or file.get("dist-info-metadata")
    return Link(
        _joined(base, file["url"]),
        name,
        _sha256(_value(file.get("hashes"), "sha256")),
        str(file.get("requires-python") or ""),
        (yanked if isinstance(yanked, str) else "") if yanked else None,
        _sha256(_value(metadata, "sha256")),
    )


def _value(mapping: Any, key: str) -> str:
    return f"{key}={mapping[key]}" if isinstance(mapping, dict) and key in mapping else ""


# --- HTML (PEP 503, 592, 658, 714) --------------------------------------------------------------


# Some projects have ten thousand files: html.parser takes four times as long.
_TAGS = re.compile(
    r"""<!--.*?-->|<(a|base)\s((?:[^>"']|"[^"]*"|'[^']*')*)>""", re.DOTALL | re.IGNORECASE
)
_ATTRIBUTES = re.compile(r"""([^\s=>"']+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?""")


# Most of them are the versions of Python that a file is for, the same ones again and again.
_unescaped = functools.lru_cache(maxsize=256)(unescape)


def _of_html(text: str, base: str) -> Iterator[Link]:
    for match in _TAGS.finditer(text):
        attributes = {
            name.lower(): _unescaped(value) if "&" in (value := double or single or bare) else value
            for name, double, single, bare in _ATTRIBUTES.findall(match[2] or "")
        }
        href = attributes.get("href", "").strip()
        if not href:
            continue
        if match[1].lower() == "base":
            base = _joined(base, href)
        elif link := _of_anchor(_joined(base, href), attributes):
            yield link


def _of_anchor(url: str, attributes: dict[str, str]) -> Link | None:
    url, _, fragment = url.partition("#")
    name = unquote(url.partition("?")[0].rpartition("/")[2])
    if not is_distribution(name):
        return None
    metadata = attributes.get("data-core-metadata") or attributes.get("data-dist-info-metadata")
    return Link(
        url,
        name,
        _sha256(fragment),
        attributes.get("data-requires-python", ""),
        attributes.get("data-yanked"),
        _sha256(metadata or ""),
    )


# --- both ----------------------------------------------------------------------------------------


def _joined(base: str, url: str) -> str:
    if url.startswith(("https://", "http://")):
        return url
    try:
        return urljoin(base, url)
    except ValueError:
        return ""


def _sha256(text: str) -> str | None:
    match = _SHA256.search(text)
    return match[1].lower() if match else None
