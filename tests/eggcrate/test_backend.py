import os.path

import pytest

from eggcrate import backend


def test_a_backend_is_a_module_or_an_object_in_one():
    assert backend.load("os.path") is os.path
    assert backend.load("os:path.join") is os.path.join


def orders(name, **more):
    return {"backend": name, "backend-path": [], "required": [], "target": "wheels", **more}


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A module that calls itself a backend; its name is new to the interpreter."""

    def own(text):
        name = f"backend_of_{tmp_path.name}"
        (tmp_path / f"{name}.py").write_text(text)
        return name

    monkeypatch.syspath_prepend(tmp_path)
    return own


def test_it_is_asked_what_it_requires_before_it_builds(own):
    name = own(
        "def get_requires_for_build_editable(settings): return ['more']\n"
        "def build_editable(folder, settings, metadata): return folder + '/x.whl'\n"
    )
    assert backend.build(orders(name)) == {"required": ["more"]}
    assert backend.build(orders(name, required=["more"])) == {"wheel": "wheels/x.whl"}


def test_it_need_not_be_able_to_say(own):
    name = own("def build_editable(folder, settings, metadata): return 'x.whl'\n")
    assert backend.build(orders(name)) == {"wheel": "x.whl"}


def test_it_may_make_no_editable_installs(own):
    name = own("")
    assert backend.build(orders(name)) == {"error": f"{name} makes no editable installs (PEP 660)"}
