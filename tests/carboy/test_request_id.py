import logging
import threading
from types import SimpleNamespace

import pytest

from carboy.request_id import Filter, Ids, current, set_current


def task(address="10.0.0.1", **headers):
    request = SimpleNamespace(headers=headers)
    return SimpleNamespace(request=request, channel=SimpleNamespace(addr=(address, 1)))


def test_each_is_new():
    ids = Ids()
    made = [ids.of(task()) for _ in range(1000)]
    assert len(set(made)) == 1000
    assert all(len(name) == 32 and set(name) <= set("0123456789abcdef") for name in made)


def test_threads_never_get_the_same():
    ids, made = Ids(), []
    threads = [
        threading.Thread(target=lambda: made.extend([ids.make() for _ in range(2000)]))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 8000


def test_nobody_is_believed_by_default():
    assert Ids().of(task(X_REQUEST_ID="mine")) != "mine"


def test_a_trusted_proxy_is_believed_and_nobody_else():
    ids = Ids(lambda address: address == "10.0.0.1")
    assert ids.of(task(X_REQUEST_ID="its")) == "its"
    assert ids.of(task("10.0.0.2", X_REQUEST_ID="its")) != "its"
    assert len(ids.of(task())) == 32


@pytest.mark.parametrize(
    "name", ["", "a b", 'a"b', "a\nb", "-a", "é", "a" * 129, "a, b", "a\x1b[m"]
)
def test_what_needs_escapes_is_not_taken_over(name):
    assert Ids(lambda _: True).of(task(X_REQUEST_ID=name)) != name


@pytest.mark.parametrize("name", ["a" * 128, "Root=1-67891233-abc;"[:-1], "018f-7b/c+d=", "a@b:c"])
def test_what_proxies_make_is(name):
    assert Ids(lambda _: True).of(task(X_REQUEST_ID=name)) == name


def test_log_records_get_it():
    record = logging.makeLogRecord({})
    assert Filter().filter(record)
    assert (record.request_id, current()) == ("-", "")
    token = set_current("abc")
    try:
        Filter().filter(record)
    finally:
        token.var.reset(token)
    assert record.request_id == "abc"
