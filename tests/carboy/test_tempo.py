from carboy import tempo
from carboy.tempo import LONG, MOST, Tempo


def test_a_path_is_slow_when_it_was_so_again_and_again():
    learned = Tempo()
    found = []
    for _ in range(4):
        found.append(learned.is_slow("/"))
        learned.note("/", LONG, 0)
    assert found == [False, False, False, True]
    assert not learned.is_slow("/other")


def test_one_long_request_among_many_is_none():
    learned = Tempo()
    for _ in range(20):
        learned.note("/", LONG, 0)
        assert not any(learned.is_slow("/") for _ in range(10))
    assert not learned.scores


def test_a_path_that_has_become_fast_is_forgotten():
    learned = Tempo()
    for _ in range(100):
        learned.note("/", LONG, 0)
    found = [learned.is_slow("/") for _ in range(tempo.HIGHEST + 1)]
    assert found[0]
    assert not found[-1]
    assert not learned.scores


def test_short_requests_are_not_noted():
    learned = Tempo()
    learned.note("/", LONG / 2, 0)
    assert not learned.scores


def test_only_so_many_paths_are_remembered():
    learned = Tempo()
    for number in range(3 * MOST):
        learned.note(f"/{number}", LONG, 0)
    assert len(learned.scores) <= MOST


def test_a_path_computes_when_its_last_long_request_did():
    learned = Tempo()
    found = []
    for computed in (0, LONG / 4, LONG, 0):
        learned.note("/", LONG, computed)
        found.append(learned.computes("/"))
    assert found == [False, True, True, False]
    assert not learned.computes("/other")


def test_a_short_request_that_computes_is_not_noted():
    learned = Tempo()
    learned.note("/", LONG / 2, LONG / 2)
    assert not learned.computes("/")


def test_only_so_many_paths_that_compute_are_remembered():
    learned = Tempo()
    for number in range(3 * MOST):
        learned.note(f"/{number}", LONG, LONG)
    assert sum(learned.computes(f"/{number}") for number in range(3 * MOST)) <= MOST
