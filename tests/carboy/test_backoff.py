from carboy.backoff import FIRST_PAUSE, HEALTHY, LONGEST_PAUSE, Backoff


def test_the_first_death_of_a_healthy_worker_costs_no_time():
    backoff = Backoff()
    backoff.note_death(HEALTHY + 1)
    assert backoff.pause() == 0.0


def test_pauses_double_up_to_the_limit():
    backoff, pauses = Backoff(), []
    for _ in range(12):
        backoff.note_death(0.1)
        pauses.append(backoff.pause())
    assert pauses[:3] == [FIRST_PAUSE * 2, FIRST_PAUSE * 4, FIRST_PAUSE * 8]
    assert pauses[-1] == LONGEST_PAUSE


def test_health_forgives():
    backoff = Backoff()
    backoff.note_start()
    backoff.note_start()
    assert backoff.deaths == 2
    backoff.note_death(HEALTHY + 1)
    assert (backoff.deaths, backoff.pause()) == (0, 0.0)
