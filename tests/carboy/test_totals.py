from carboy.totals import growing, total


def test_nothing():
    assert total([]) == {}
    assert total([{}, {}]) == {}


def test_numbers_lists_and_dicts():
    one = {"requests": {"GET 200": 1}, "seconds": [1, 0], "queue": 2, "seconds_sum": 0.5}
    other = {"requests": {"GET 200": 2, "PUT 201": 1}, "seconds": [0, 3], "queue": 1}
    assert total([one, {}, other]) == {
        "requests": {"GET 200": 3, "PUT 201": 1},
        "seconds": [1, 3],
        "queue": 3,
        "seconds_sum": 0.5,
    }


def test_the_parts_are_not_changed():
    one, other = {"requests": {"GET 200": 1}, "seconds": [1]}, {"requests": {}, "seconds": [2]}
    total([one, other, other])
    assert one == {"requests": {"GET 200": 1}, "seconds": [1]}
    assert other == {"requests": {}, "seconds": [2]}


def test_a_worker_of_another_version_has_other_buckets():
    assert total([{"seconds": [1, 2]}, {"seconds": [1, 2, 3]}]) == {"seconds": [2, 4, 3]}


def test_what_outlives_a_worker():
    figures = {"requests": {"GET 200": 1}, "queue": 3, "memory": 4, "refused": {}, "log_lost": 1}
    assert growing(figures) == {"requests": {"GET 200": 1}, "refused": {}, "log_lost": 1}
