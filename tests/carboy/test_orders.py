import json

import pytest

from carboy.orders import VARIABLE, Orders, environment, take

FULL = Orders(
    3, 4, [5, 6], 7, {"debug": True, "grace": 5.0}, broken='it "said"\n\0 ü', changed=["/ü x.py"]
)


@pytest.mark.parametrize("orders", [FULL, Orders(3, 4, [], 1, {})])
def test_there_and_back(orders):
    environ = environment({"PATH": "/bin"}, orders)
    assert take(environ) == orders
    assert environ == {"PATH": "/bin"}  # what the application starts is no worker
    assert take(environ) is None


@pytest.mark.parametrize("environ", [{}, {VARIABLE: ""}])
def test_a_master_has_none(environ):
    assert take(environ) is None
    assert environ == {}


def test_the_master_keeps_its_own_environment():
    base = {VARIABLE: "old"}
    environ = environment(base, FULL)
    assert base == {VARIABLE: "old"}
    assert json.loads(environ[VARIABLE])["link"] == 3
    assert "\0" not in environ[VARIABLE]
