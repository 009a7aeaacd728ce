from types import SimpleNamespace

import pytest
from waitress.utilities import RequestHeaderFieldsTooLarge

from carboy.access_log import AccessLog, describe, describe_refusal, request_line
from carboy.log_file import LogFile
from carboy.log_format import Entry, Short


def request(**attributes):
    usual = {"error": None, "header_plus": b"", "headers": {}}
    return SimpleNamespace(**{**usual, **attributes})


@pytest.mark.parametrize(
    ("received", "line"),
    [
        (None, ""),
        (request(), ""),
        (request(first_line=b"GET / HTTP/1.1"), "GET / HTTP/1.1"),
        (request(header_plus=b"\r\nGET /half"), "GET /half"),
        (request(header_plus=b"GET /x HTTP/1.1\r\nHos"), "GET /x HTTP/1.1"),
        (
            request(
                first_line=b"GET / HTTP/1.0",
                header_plus=b"GET /long",
                error=RequestHeaderFieldsTooLarge(""),
            ),
            "GET /long",
        ),
    ],
)
def test_the_request_line_as_far_as_it_came(received, line):
    assert request_line(received) == line


def test_a_refusal_before_anything_came():
    channel = SimpleNamespace(addr=("10.0.0.1", 5))
    found = describe_refusal(channel, None, "408", "header_timeout")
    assert (found.address, found.request, found.status) == ("10.0.0.1", "", "408")
    assert (found.size, found.seconds, found.refused) == (0, 0.0, "header_timeout")


def test_what_is_known_of_a_refused_request():
    received = request(
        first_line=b"GET /x HTTP/1.1", headers={"USER_AGENT": "me"}, request_id="abc"
    )
    found = describe_refusal(SimpleNamespace(addr=("10.0.0.1", 5)), received, "503", "queue")
    assert (found.request, found.agent, found.identifier) == ("GET /x HTTP/1.1", "me", "abc")


def test_what_is_known_of_an_answer():
    task = SimpleNamespace(
        request=request(first_line=b"GET /\xe9 HTTP/1.1", request_id="abc"),
        channel=SimpleNamespace(addr=("10.0.0.1", 5), file_size=7),
        environ={"REMOTE_ADDR": "192.0.2.7", "REMOTE_USER": "jane"},
        start_time=1e9,
        status="200 OK",
        content_bytes_written=0,
    )
    found = Entry(*describe(task, 0.5))
    assert found == Entry(
        "192.0.2.7", "jane", 1e9, "GET /\xe9 HTTP/1.1", "200", 7, "", "", "abc", 0.5, ""
    )


def test_a_log_is_a_format_and_a_file(tmp_path):
    file = LogFile(tmp_path / "log")
    AccessLog(Short(colour=False), file).record(
        describe_refusal(SimpleNamespace(addr=("10.0.0.1", 5)), None, "408", "slow")
    )
    file.close()
    assert (tmp_path / "log").read_text().endswith(" - 408 0 ms (slow)\n")
