import pytest

from carboy import survey as module
from carboy.loop import Loop
from carboy.survey import Survey
from support.workers import FakeCrew


@pytest.fixture
def loop():
    made = Loop()
    yield made
    made.close()


@pytest.fixture
def crew():
    return FakeCrew()


@pytest.fixture
def survey(loop, crew):
    return Survey(loop, crew)


def serving(crew):
    worker = crew.start(1, broken="", changed=())
    worker.begin_to_serve()
    return worker


def sent(worker):
    return [kind for kind, _ in worker.link.sent]


def test_without_workers_there_is_nothing_to_wait_for(survey):
    seen = []
    survey.ask(lambda: seen.append(survey.sum()))
    assert seen == [{}]


def test_all_are_asked_and_waited_for(survey, crew):
    first, second = serving(crew), serving(crew)
    seen = []
    survey.ask(lambda: seen.append(survey.sum()))
    assert sent(first) == sent(second) == ["figures"]
    crew.says(first, "figures", figures={"queue": 1})
    assert seen == []
    crew.says(second, "figures", figures={"queue": 2})
    assert seen == [{"queue": 3}]


def test_one_that_starts_is_not_asked(survey, crew):
    worker = crew.start(1, broken="", changed=())
    survey.ask(lambda: None)
    assert sent(worker) == []


def test_several_who_ask_share_the_answers(survey, crew):
    worker = serving(crew)
    seen = []
    survey.ask(lambda: seen.append(1))
    survey.ask(lambda: seen.append(2))
    assert sent(worker) == ["figures"]
    crew.says(worker, "figures", figures={})
    assert seen == [1, 2]


def test_one_that_does_not_answer_is_neither_waited_for_nor_asked_again(
    survey, crew, loop, monkeypatch
):
    monkeypatch.setattr(module, "PATIENCE", 0.01)
    silent, other = serving(crew), serving(crew)
    silent.figures = {"queue": 7}
    seen = []
    for number in (1, 2):
        survey.ask(lambda: seen.append(survey.sum()))
        crew.says(other, "figures", figures={"queue": number})
        assert len(seen) == number - 1
        while len(seen) < number:
            loop.turn()
    assert seen == [{"queue": 8}, {"queue": 9}]
    assert sent(silent) == ["figures"]
    assert sent(other) == ["figures"] * 2


def test_one_that_cannot_be_asked_is_not_waited_for(survey, crew):
    worker = serving(crew)
    worker.link.is_deaf = True
    seen = []
    survey.ask(lambda: seen.append(1))
    assert seen == [1]


def test_one_that_dies_is_not_waited_for_and_what_it_counted_remains(survey, crew):
    worker, seen = serving(crew), []
    crew.says(worker, "figures", figures={"requests": {"GET 200": 5}, "queue": 3})
    survey.ask(lambda: seen.append(survey.sum()))
    crew.dies(worker)
    assert seen == [{"requests": {"GET 200": 5}}]
    crew.says(serving(crew), "figures", figures={"requests": {"GET 200": 1}, "queue": 0})
    assert survey.sum() == {"requests": {"GET 200": 6}, "queue": 0}
