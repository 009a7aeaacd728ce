from types import SimpleNamespace

import pytest

from eggcrate import patches


def test_replace_hands_the_original_over():
    owner = SimpleNamespace(f=lambda a, b: (a, b))
    patches.replace(owner, "f", "a b", lambda original: lambda a, b: original(b, a))
    assert owner.f(1, 2) == (2, 1)


def test_replace_does_not_touch_what_it_does_not_know(monkeypatch):
    monkeypatch.setattr(patches, "_unknown", LookupError)
    owner = SimpleNamespace(__name__="owner", f=lambda a: a)
    for name, parameters in (("f", "a b"), ("g", "a")):
        with pytest.raises(LookupError, match=rf"owner\.{name}\("):
            patches.replace(owner, name, parameters, lambda original: None)
