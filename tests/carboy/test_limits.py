from dataclasses import fields
from types import SimpleNamespace

from carboy.limits import Limits
from carboy.options import BY_NAME


def test_every_limit_is_an_option_with_its_default():
    for field in fields(Limits):
        assert getattr(Limits(), field.name) == BY_NAME[field.name].default


def test_limits_are_taken_from_the_options():
    defaults = {option.name: option.default for option in BY_NAME.values()}
    options = SimpleNamespace(**defaults | {"queue": 3, "body_rate": 1, "threads": 8})
    assert Limits.of(options) == Limits(queue=3, body_rate=1)
