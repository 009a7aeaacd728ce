import http.client
import io

import pytest

from carboy.refusal import answer


class Sent:
    def __init__(self, data):
        self.data = data

    def makefile(self, _mode):
        return io.BytesIO(self.data)


@pytest.mark.parametrize(
    ("status", "reason"), [(503, "Service Unavailable"), (408, "Request Timeout")]
)
def test_it_is_a_whole_response_that_ends_the_connection(status, reason):
    response = http.client.HTTPResponse(Sent(answer(status, "carboy")))
    response.begin()
    assert (response.status, response.reason) == (status, reason)
    assert response.getheader("Connection") == "close"
    assert response.getheader("Date")
    assert response.getheader("Retry-After") == ("1" if status == 503 else None)
    assert response.read() == f"{reason}\r\n".encode()
