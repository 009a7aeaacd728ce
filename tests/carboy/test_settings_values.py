from datetime import timedelta
from pathlib import Path, PurePosixPath
from types import MappingProxyType

import pytest

from carboy.settings.values import TYPES, convert

ROOT = Path("/project")


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("str", "x", "x"),
        ("str", b"x", b"x"),
        ("int", 1, 1),
        ("float", 1, 1.0),
        ("bool", False, False),
        ("seconds", timedelta(1), timedelta(1)),
        ("seconds", 5, 5),
        ("list", (1, 2), [1, 2]),
        ("dict", MappingProxyType({"a": 1}), {"a": 1}),
        ("path", "var/../x", Path("/project/x")),
        ("path", PurePosixPath("/x"), Path("/x")),
        ("any", ..., ...),
    ],
)
def test_native(kind, value, expected):
    result = convert(kind, value, form="native", root=ROOT)
    assert (result, type(result)) == (expected, type(expected))


@pytest.mark.parametrize("kind", TYPES)
def test_none_is_not_set(kind):
    assert convert(kind, None, form="native", root=ROOT) is None


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("str", "x", "x"),
        ("str", "12", "12"),
        ("str", "null", "null"),
        ("str", '"quoted"', "quoted"),
        ("str", "", ""),
        ("int", "12", 12),
        ("int", "null", None),
        ("float", "1.5", 1.5),
        ("bool", "yes", True),
        ("bool", "FALSE", False),
        ("list", '["a"]', ["a"]),
        ("dict", '{"a": 1}', {"a": 1}),
        ("path", "x", Path("/project/x")),
        ("any", "[1]", [1]),
        ("any", "x", "x"),
        ("any", "Infinity", "Infinity"),
    ],
)
def test_text(kind, text, expected):
    assert convert(kind, text, form="text", root=ROOT) == expected


def test_verbatim_strings_are_no_json():
    assert convert("str", '"x"', form="verbatim", root=ROOT) == '"x"'
    assert convert("any", "1", form="verbatim", root=ROOT) == "1"
    assert convert("int", "1", form="verbatim", root=ROOT) == 1


@pytest.mark.parametrize(
    ("kind", "value", "form"),
    [
        ("str", 1, "native"),
        ("int", True, "native"),
        ("int", 1.0, "native"),
        ("int", "x", "text"),
        ("float", "NaN", "text"),
        ("float", "1", "native"),
        ("bool", 1, "native"),
        ("bool", "maybe", "text"),
        ("list", "a,b", "text"),
        ("list", "a", "native"),
        ("dict", "[]", "text"),
        ("path", "", "native"),
        ("path", 5, "native"),
        ("seconds", False, "native"),
    ],
)
def test_refusals_never_hold_the_value(kind, value, form):
    with pytest.raises(ValueError, match="expected") as error:
        convert(kind, value, form=form, root=ROOT)
    assert str(error.value) == f"expected {TYPES[kind]}"
