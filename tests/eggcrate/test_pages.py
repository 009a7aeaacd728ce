import json

import pytest

from eggcrate import pages
from eggcrate.pages import Link

A, B = "a" * 64, "B" * 64
URL = "https://host.example/files/a/"


def html(text, url=URL):
    return pages.parse(text.encode(), "text/html; charset=utf-8", url)


def of_json(**page):
    content = json.dumps({"meta": {"api-version": "1.3"}, **page}).encode()
    return pages.parse(content, "application/vnd.pypi.simple.v1+json", URL)


def test_what_an_anchor_says():
    [link] = html(
        f'<a href="../../files/a-1-py3-none-any.whl#sha256={B}" data-requires-python="&gt;=3.9"'
        f' data-yanked="bad &amp; worse" data-core-metadata="sha256={A}">other text</a>'
    )
    assert link == Link(
        "https://host.example/files/a-1-py3-none-any.whl",
        "a-1-py3-none-any.whl",
        B.lower(),
        ">=3.9",
        "bad & worse",
        A,
    )


def test_what_an_anchor_does_not_say():
    [link] = html("<A HREF='a-1.zip'>a</A>")
    assert link == Link(URL + "a-1.zip", "a-1.zip", None, "", None, None)
    [link] = html('<a data-yanked href=a-1.tar.gz#md5=0123 data-core-metadata="true">')
    assert (link.sha256, link.yanked, link.metadata) == (None, "", None)


def test_the_older_name_of_metadata_counts_too():
    [link] = html(f'<a href="a-1.zip" data-dist-info-metadata="sha256={A}">')
    assert link.metadata == A


@pytest.mark.parametrize(
    ("href", "url", "name"),
    [
        ("/x/a-1.zip?token=b/c#frag", "https://host.example/x/a-1.zip?token=b/c", "a-1.zip"),
        ("//cdn.example/a-1.zip", "https://cdn.example/a-1.zip", "a-1.zip"),
        ("t-2%2Bcpu.tar.gz", URL + "t-2%2Bcpu.tar.gz", "t-2+cpu.tar.gz"),
        ("e-1%212.zip", URL + "e-1%212.zip", "e-1!2.zip"),
        (" a-1.zip ", URL + "a-1.zip", "a-1.zip"),
    ],
)
def test_addresses(href, url, name):
    [link] = html(f'<a href="{href}">x</a>')
    assert (link.url, link.name) == (url, name)


def test_a_base_moves_what_is_relative():
    [link] = html('<base href="/elsewhere/"><a href="a-1.zip">')
    assert link.url == "https://host.example/elsewhere/a-1.zip"


def test_what_is_no_distribution_is_left_out():
    assert not html(
        '<a href="a-1.egg">a</a><a href="../">up</a><a name="x">x</a><a href="">y</a>'
        '<!-- <a href="a-2.zip">gone</a> --><a href="..%2F..%2Fa-1.zip">path</a>'
        '<a href="https://[broken/a b">z</a><abbr href="a-1.zip">'
    )


@pytest.mark.parametrize("noise", ["", "<", "<a href=", "\x00\xff<a <a <<>>", "no page at all"])
def test_noise_holds_no_links(noise):
    assert html(noise) == []


def test_what_json_says():
    [link] = of_json(
        files=[
            {
                "filename": "a-1-py3-none-any.whl",
                "url": "/files/a-1-py3-none-any.whl",
                "hashes": {"md5": "0", "sha256": B},
                "requires-python": ">=3.9",
                "yanked": "bad",
                "core-metadata": {"sha256": A},
            }
        ]
    )
    assert link == Link(
        "https://host.example/files/a-1-py3-none-any.whl",
        "a-1-py3-none-any.whl",
        B.lower(),
        ">=3.9",
        "bad",
        A,
    )


def test_what_json_does_not_say():
    files = [
        {"filename": "a-1.zip", "url": "a-1.zip", "hashes": {}, "requires-python": None},
        {"filename": "a-2.zip", "url": "a-2.zip", "hashes": {}, "yanked": True},
        {"filename": "a-3.zip", "url": "a-3.zip", "yanked": False, "core-metadata": True},
        {"filename": "a-3.exe", "url": "a-3.exe", "hashes": {}},
        {"filename": "../a-3.zip", "url": "a-3.zip", "hashes": {}},
        {"filename": "a-4.zip"},
    ]
    assert of_json(files=files) == [
        Link(URL + "a-1.zip", "a-1.zip"),
        Link(URL + "a-2.zip", "a-2.zip", yanked=""),
        Link(URL + "a-3.zip", "a-3.zip"),
    ]


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"{}", b'{"files": {}}', b'{"files": ["a"]}', b'{"meta": 1, "files": []}',
     b'{"meta": {"api-version": "2.0"}, "files": []}', b"\xff"],
)  # fmt: skip
def test_json_that_is_no_page_is_an_error(content):
    with pytest.raises(ValueError, match=r"\S"):
        pages.parse(content, "application/vnd.pypi.simple.v1+json", URL)


@pytest.mark.parametrize("kind", ["text/plain", "application/octet-stream", ""])
def test_other_kinds_of_content_are_an_error(kind):
    with pytest.raises(ValueError, match="is no list of files"):
        pages.parse(b"", kind, URL)


def test_a_folder_lists_its_distributions(tmp_path):
    for name in ("a-1+x.zip", "b-1-py3-none-any.whl", "README", ".c-1.zip"):
        (tmp_path / name).touch()
    assert [link.name for link in pages.of_folder(tmp_path)] == [
        "a-1+x.zip",
        "b-1-py3-none-any.whl",
    ]
    assert pages.of_folder(tmp_path)[0].url == (tmp_path / "a-1+x.zip").as_uri()


def test_a_url_may_be_a_file_itself():
    link = pages.of_url(f"https://host.example/a-1.zip#sha256={A}")
    assert link == Link("https://host.example/a-1.zip", "a-1.zip", A)
    assert pages.of_url("https://host.example/links.html") is None
