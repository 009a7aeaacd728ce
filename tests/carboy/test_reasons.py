import traceback

import pytest

from carboy.reasons import in_short


def caught(action):
    try:
        action()
    except BaseException as error:
        return "".join(traceback.format_exception(error))


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("", "no reason is known"),
        ("\n \n", "no reason is known"),
        ("one line", "one line"),
        ("first\nsecond", "first"),
        ("Traceback", "Traceback"),
    ],
)
def test_other_texts(text, short):
    assert in_short(text) == short


def test_a_traceback():
    short = in_short(caught(lambda: 1 / 0))
    assert short.startswith("ZeroDivisionError: division by zero (")
    assert f"{__file__}:" in short


def test_a_message_of_several_lines():
    def fail():
        raise RuntimeError("what\nwhy\nwhere")

    assert in_short(caught(fail)).startswith("RuntimeError: what (")


def test_a_cause():
    def fail():
        try:
            1 / 0  # noqa: B018
        except ZeroDivisionError as error:
            raise ValueError("after that") from error

    assert in_short(caught(fail)).startswith("ValueError: after that (")


def test_a_syntax_error():
    short = in_short(caught(lambda: compile("def f(:\n", "code.py", "exec")))
    assert short.startswith("SyntaxError: ")
    assert short.endswith("(code.py:1)")
