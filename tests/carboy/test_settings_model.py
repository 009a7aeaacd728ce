import pickle

import pytest

from carboy.settings import Provenance, Settings


@pytest.fixture
def settings():
    return Settings(
        {"SITE_NAME": "x", "SECRET_KEY": "hunter2", "PARTS": {"a": [1]}, "PAIR": (1, 2)},
        env="testing",
        provenance={"SITE_NAME": Provenance("file", "a.toml")},
    )


def test_is_a_mapping(settings):
    assert dict(settings) == {
        "SITE_NAME": "x",
        "SECRET_KEY": "hunter2",
        "PARTS": {"a": [1]},
        "PAIR": (1, 2),
    }
    assert (len(settings), settings.get("NOPE"), settings.env) == (4, None, "testing")
    with pytest.raises(KeyError):
        settings["NOPE"]


def test_cannot_be_changed(settings):
    with pytest.raises(TypeError):
        settings["SITE_NAME"] = "y"
    with pytest.raises(TypeError):
        settings.provenance["SITE_NAME"] = None
    with pytest.raises(AttributeError):
        settings.env = "production"
    settings["PARTS"]["a"].append(2)
    settings["PARTS"]["b"] = 1
    assert settings["PARTS"] == {"a": [1]}


def test_is_apart_from_what_it_was_made_of():
    source = {"PARTS": {"a": 1}}
    settings = Settings(source)
    source["PARTS"]["a"] = 2
    assert settings["PARTS"] == {"a": 1}


def test_repr_masks(settings):
    assert "hunter2" not in repr(settings)
    assert "'SITE_NAME': 'x'" in repr(settings)
    assert "hunter2" not in repr(pickle.loads(pickle.dumps(settings)))


def test_pickles(settings):
    again = pickle.loads(pickle.dumps(settings))
    assert again == settings
    assert (again.env, again.provenance) == (settings.env, settings.provenance)
