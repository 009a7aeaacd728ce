import pytest

from carboy.figures import BUCKETS, Figures, resident


@pytest.fixture
def figures():
    return Figures()


def test_nothing_seen_yet(figures):
    found = figures.snapshot()
    assert found["requests"] == {}
    assert found["seconds"] == [0] * (len(BUCKETS) + 1)
    assert found["seconds_sum"] == 0


def test_answers_are_counted_by_method_and_status(figures):
    for method, status in [("GET", "200 OK"), ("GET", "200 Fine"), ("POST", "404 NOT FOUND")]:
        figures.add([(method, status, 0.1, None)])
    assert figures.snapshot()["requests"] == {"GET 200": 2, "POST 404": 1}


def test_what_a_client_invents_is_one_figure(figures):
    for number in range(1000):
        figures.add([(f"X{number}", "200 OK", 0.1, None)])
    figures.add(
        [("get", "200 OK", 0.1, None)]
    )  # RFC 9110 wants it exact, waitress tells applications GET
    assert figures.snapshot()["requests"] == {"OTHER 200": 1000, "GET 200": 1}
    assert len(figures.answers) == 2


def test_what_an_application_invents_has_an_end(figures):
    for number in range(1000):
        figures.add([("GET", f"200 number {number}", 0.1, None)])
    assert len(figures.answers) < 250
    assert figures.snapshot()["requests"] == {"GET 200": 1000}


def test_a_refusal_takes_no_time_and_a_clock_that_is_set_back_takes_none_away(figures):
    figures.add([("GET", "503", None, None), ("GET", "200 OK", -3600.0, None)])
    found = figures.snapshot()
    assert found["requests"] == {"GET 503": 1, "GET 200": 1}
    assert (sum(found["seconds"]), found["seconds_sum"]) == (1, 0)


@pytest.mark.parametrize(("seconds", "bucket"), [(0.0, 0), (0.001, 0), (0.0011, 1), (31.0, -1)])
def test_a_limit_belongs_to_its_bucket(figures, seconds, bucket):
    figures.add([("GET", "200 OK", seconds, None)])
    found = figures.snapshot()
    assert found["seconds"][bucket] == 1
    assert (sum(found["seconds"]), found["seconds_sum"]) == (1, seconds)


def test_memory():
    assert resident() > 1_000_000
