import pytest

from carboy.commands.status import span, table


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (59.9, "59 s"),
        (60, "1 min 0 s"),
        (3599, "59 min 59 s"),
        (3600, "1 h 0 min"),
        (90000, "1 d 1 h"),
        (86400 * 400, "400 d 0 h"),
    ],
)
def test_times(seconds, text):
    assert span(seconds) == text


def test_the_table():
    worker = {
        "pid": 12,
        "generation": 3,
        "state": "ready",
        "uptime": 61.5,
        "requests": 5,
        "in_flight": 1,
        "queue": 0,
        "connections": 2,
        "memory": 41 * 2**20,
    }
    status = {
        "state": "serving",
        "generation": 3,
        "pid": 9,
        "uptime": 7200,
        "addresses": ["http://x/", "unix:/y"],
        "requests": 5,
        "in_flight": 1,
        "queue": 0,
        "connections": 2,
        "memory": 41 * 2**20,
        "workers": [worker, {"pid": 4711, "generation": 4, "state": "starting", "uptime": 0.1}],
    }
    assert table(status) == (
        "serving, generation 3, pid 9, up 2 h 0 min, http://x/, unix:/y\n"
        "\n"
        " pid  generation     state         up  requests  in flight  queue  connections  memory\n"
        "  12           3     ready  1 min 1 s         5          1      0            2  41 MiB\n"
        "4711           4  starting        0 s         -          -      -            -       -\n"
        "                                              5          1      0            2  41 MiB\n"
    )
