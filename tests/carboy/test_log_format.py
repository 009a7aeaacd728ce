import json
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carboy.log_file import LONGEST
from carboy.log_format import Combined, Entry, Json, Short

COMBINED, JSON, SHORT = Combined(77), Json(77), Short(colour=False)
NEW_YEAR = 1767225600.25  # 2026, in UTC
TEXTS = ("address", "user", "request", "referer", "agent", "refused")
# What may come over the line: bytes, a character for each; and what an application may add.
HOSTILE = st.one_of(
    st.binary(max_size=200).map(lambda data: data.decode("latin-1")),
    st.text(max_size=200),
    st.sampled_from(
        [
            '"',
            "\\",
            'x" 200 5 "-" "-" id 0.0 1\n127.0.0.1 - - "',
            "\x1b[2J\x1b]0;title\x07",
            "a\r\nb",
            "\x9b1m",
            "\udcff",
            "\u2028",
            "GET /é HTTP/1.1",
            " ",
        ]
    ),
    st.text(max_size=3, alphabet='"\\ \n\x1bé').map(lambda text: text * 300),
)
# The grammar that docs/operate.md promises.
LINE = re.compile(
    r"(?P<address>[^ ]+) - (?P<user>[^ ]+) \[(?P<time>[^]]+)\] "
    r'"(?P<request>[^"]*)" (?P<status>\d{3}) (?P<size>\d+) '
    r'"(?P<referer>[^"]*)" "(?P<agent>[^"]*)" (?P<id>[^ ]+) (?P<seconds>\d+\.\d{6}) (?P<worker>\d+)'
)


@pytest.fixture(autouse=True)
def utc(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def entry(**changes):
    usual = Entry(
        address="127.0.0.1",
        user="",
        time=NEW_YEAR,
        request="GET /path?q=1 HTTP/1.1",
        status="200",
        size=13,
        referer="",
        agent="curl/8",
        identifier="abc",
        seconds=0.0123456,
    )
    return usual._replace(**changes)


def test_combined():
    assert COMBINED.line(entry()) == (
        '127.0.0.1 - - [01/Jan/2026:00:00:00 +0000] "GET /path?q=1 HTTP/1.1" 200 13 '
        '"-" "curl/8" abc 0.012346 77'
    )


def test_json():
    assert json.loads(JSON.line(entry())) == {
        "time": "2026-01-01T00:00:00.250+00:00",
        "client": "127.0.0.1",
        "user": "",
        "request": "GET /path?q=1 HTTP/1.1",
        "method": "GET",
        "path": "/path",
        "status": 200,
        "bytes": 13,
        "referer": "",
        "agent": "curl/8",
        "id": "abc",
        "seconds": 0.012346,
        "worker": 77,
        "refused": "",
    }


def test_short():
    assert SHORT.line(entry()) == "00:00:00 GET /path?q=1 200 12 ms"
    assert SHORT.line(entry(request="", status="408", refused="header_timeout")) == (
        "00:00:00 - 408 12 ms (header_timeout)"
    )


@pytest.mark.parametrize(
    ("status", "colour"), [("200", 32), ("302", 36), ("404", 33), ("500", 31), ("000", 31)]
)
def test_colours(status, colour):
    line = Short(colour=True).line(entry(status=status, request="GET /\x1b[41m HTTP/1.1"))
    assert line.startswith(f"\x1b[2m00:00:00\x1b[0m \x1b[{colour}mGET /\\x1b[41m {status}")
    assert line.count("\x1b") == 4  # ours


def test_the_zone_is_written(monkeypatch):
    monkeypatch.setenv("TZ", "XST+03:30")
    time.tzset()
    assert "[31/Dec/2025:20:30:00 -0330]" in Combined(1).line(entry())
    assert json.loads(Json(1).line(entry()))["time"] == "2025-12-31T20:30:00.250-03:30"


def test_time_goes_on():
    times = [NEW_YEAR, NEW_YEAR + 0.5, NEW_YEAR + 1, NEW_YEAR]
    lines = [COMBINED.line(entry(time=moment)) for moment in times]
    assert [line[33:35] for line in lines] == ["00", "00", "01", "00"]


@pytest.mark.parametrize(
    ("text", "combined", "plain"),
    [
        ('a"b', r"a\x22b", 'a"b'),
        ("a\\b", r"a\x5cb", "a\\b"),
        ("a\r\nb\x1b[31m\x7f", r"a\x0d\x0ab\x1b[31m\x7f", "a\r\nb\x1b[31m\x7f"),
        ("caf\xc3\xa9", r"caf\xc3\xa9", "café"),  # UTF-8, as it comes over the line
        ("caf\xe9", r"caf\xe9", r"caf\xe9"),  # no UTF-8
    ],
)
def test_escapes(text, combined, plain):
    assert LINE.fullmatch(COMBINED.line(entry(agent=text)))["agent"] == combined
    assert json.loads(JSON.line(entry(agent=text)))["agent"] == plain


def test_what_stands_without_quotes_has_no_spaces():
    line = COMBINED.line(entry(user="john doe", address='1.2.3.4 "x"'))
    assert line.startswith(r"1.2.3.4\x20\x22x\x22 - john\x20doe [")


@given(st.fixed_dictionaries(dict.fromkeys(TEXTS, HOSTILE)))
def test_no_line_can_be_forged(texts):
    found = entry(**texts)
    combined = COMBINED.line(found)
    match = LINE.fullmatch(combined)
    assert match, combined
    assert (match["status"], match["size"], match["id"]) == ("200", "13", "abc")
    line = JSON.line(found)
    assert set(json.loads(line)) == set(json.loads(JSON.line(entry())))
    for text in (combined, line, SHORT.line(found)):
        assert text.isascii()
        assert text.isprintable()
        assert len(text) <= LONGEST


@given(st.fixed_dictionaries(dict.fromkeys(TEXTS, st.text(max_size=100))))
def test_json_tells_texts_as_they_are(texts):
    texts = {name: text.encode().decode("latin-1") for name, text in texts.items()}
    parsed = json.loads(JSON.line(entry(**texts)))
    for field, name in [("referer", "referer"), ("agent", "agent"), ("user", "user")]:
        assert parsed[field] == texts[name].encode("latin-1").decode()


def test_a_long_target_is_shortened_and_the_rest_is_there():
    line = COMBINED.line(entry(request=f"GET /{'x' * 60000} HTTP/1.1", agent="a" * 3000))
    match = LINE.fullmatch(line)
    assert match["request"] == f"GET /{'x' * 1195}..."
    assert match["agent"] == "a" * 400 + "..."


def test_the_locale_does_not_name_the_months(monkeypatch):
    formats, strftime = [], time.strftime
    monkeypatch.setattr(time, "strftime", lambda f, t: formats.append(f) or strftime(f, t))
    Combined(1).line(entry())
    assert formats == ["%d/Jan/%Y:%H:%M:%S %z"]
