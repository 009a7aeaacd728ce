import sys
import types
from types import SimpleNamespace

import pytest
from flask import Flask

from carboy import application
from carboy.application import ApplicationError, load, split

SETTINGS = {"SITE_NAME": "mine"}


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Write a module that can be imported, until the test ends."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)

    def module(text, name="hello.py"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    yield module
    for name in set(sys.modules) - before:
        del sys.modules[name]


def call(app):
    return b"".join(app({}, lambda *_: None)).decode()


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("hello", ("hello", None)),
        ("hello:app", ("hello", "app")),
        ("a.b.c:make.app", ("a.b.c", "make.app")),
        ("_x1:_y2", ("_x1", "_y2")),
        ("été:été", ("été", "été")),
    ],
)
def test_split(reference, expected):
    assert split(reference) == expected


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("", "write MODULE"),
        (":app", "write MODULE"),
        ("hello:", "write MODULE"),
        ("hello:app:x", "write MODULE"),
        ("hello.py", "hello:app for the app in hello.py"),
        ("src/hello:app", "with dots between packages"),
        (".hello:app", "write MODULE"),
        ("hello-world:app", "write MODULE"),
        ("1hello", "write MODULE"),
        ("hello:1app", "write MODULE"),
        ("hello: app", "write MODULE"),
        ("hello:create_app()", "--set KEY=VALUE"),
        ("hello:create_app('x')", "--settings FILE"),
    ],
)
def test_a_reference_that_is_none(reference, said):
    with pytest.raises(ApplicationError) as refused:
        split(reference)
    assert str(refused.value).startswith(f"--app {reference}: ")
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


APPLICATIONS = {
    "function": "def app(environ, start_response):\n    return [b'served']\n",
    "class": (
        "class app:\n"
        "    def __init__(self, environ, start_response): pass\n"
        "    def __iter__(self): return iter([b'served'])\n"
    ),
    "instance": (
        "class App:\n    def __call__(self, environ, start_response): return [b'served']\n"
        "app = App()\n"
    ),
    "instance that takes anything": (
        "class App:\n    def __call__(self, *arguments): return [b'served']\napp = App()\n"
    ),
    "method": (
        "class App:\n    def serve(self, environ, start_response): return [b'served']\n"
        "app = App().serve\n"
    ),
    "static method": (
        "class App:\n    @staticmethod\n"
        "    def serve(environ, start_response): return [b'served']\napp = App.serve\n"
    ),
    "partial": (
        "import functools\n"
        "def serve(text, environ, start_response): return [text]\n"
        "app = functools.partial(serve, b'served')\n"
    ),
    "decorated": (
        "import functools\n"
        "def decorate(f):\n    @functools.wraps(f)\n"
        "    def wrapped(*a, **k): return f(*a, **k)\n    return wrapped\n"
        "@decorate\ndef app(environ, start_response): return [b'served']\n"
    ),
    "with options of its own": (
        "def app(environ, start_response, text=b'served'):\n    return [text]\n"
    ),
}


@pytest.mark.parametrize("text", APPLICATIONS.values(), ids=APPLICATIONS)
@pytest.mark.parametrize("given", [False, True])
def test_an_application_is_served_as_it_is(module, text, given):
    module(text)
    assert call(load("hello:app", SETTINGS, given=given)) == "served"


SERVE = "def serve(text):\n    return lambda environ, start_response: [repr(text).encode()]\n"
# name: (code, what it got bare, what it got with settings)
FACTORIES = {
    "no argument": ("def make(): return serve('none')", "none", "none"),
    "settings": ("def make(settings): return serve(settings)", SETTINGS, SETTINGS),
    "settings=None": ("def make(settings=None): return serve(settings)", None, SETTINGS),
    "test_config": ("def make(test_config=None): return serve(test_config)", None, SETTINGS),
    "positional only": ("def make(config=None, /): return serve(config)", None, SETTINGS),
    "keyword only": ("def make(*, debug=None): return serve(debug)", None, None),
    "two optional": ("def make(a=None, b=None): return serve(a)", None, SETTINGS),
    "and an optional": ("def make(a, b=None): return serve(a)", SETTINGS, SETTINGS),
    "keywords": ("def make(**more): return serve(more)", {}, {}),
    "lambda": ("make = lambda settings=None: serve(settings)", None, SETTINGS),
    "decorated": (
        "import functools\n"
        "def decorate(f):\n    @functools.wraps(f)\n"
        "    def wrapped(*a, **k): return f(*a, **k)\n    return wrapped\n"
        "@decorate\ndef make(settings=None): return serve(settings)",
        None,
        SETTINGS,
    ),
    "class": (
        "class make:\n    def __init__(self, settings=None): self.settings = settings\n"
        "    def __call__(self, *a): return serve(self.settings)(*a)",
        None,
        SETTINGS,
    ),
    "class method": (
        "class C:\n    @classmethod\n    def create(cls, settings=None): return serve(settings)\n"
        "make = C.create",
        None,
        SETTINGS,
    ),
}


@pytest.mark.parametrize(("text", "bare", "configured"), FACTORIES.values(), ids=FACTORIES)
def test_a_factory_is_called_with_settings_if_there_are_some_and_it_takes_them(
    module, text, bare, configured
):
    module(SERVE + text + "\n")
    assert call(load("hello:make", SETTINGS, given=False)) == repr(bare)
    assert call(load("hello:make", SETTINGS, given=True)) == repr(configured)


@pytest.mark.parametrize(
    ("text", "served"),
    [
        ("app = serve('app')", "app"),
        ("application = serve('application')", "application"),
        ("application = serve('application')\napp = serve('app')", "app"),
        ("app = serve('app')\ndef make_app(): return serve('made')", "made"),
        ("def make_app(): pass\ndef create_app(): return serve('created')", "created"),
    ],
)
def test_usual_names_are_found(module, text, served):
    module(SERVE + text + "\n")
    assert call(load("hello", {}, given=False)) == repr(served)


def test_names_within_names_and_modules_in_packages(module):
    module("", "pack/__init__.py")
    module(SERVE + "class site:\n    app = staticmethod(serve('deep'))\n", "pack/part/mod.py")
    assert call(load("pack.part.mod:site.app", {}, given=False)) == "'deep'"


def test_flask_applications(module):
    module(
        "from flask import Flask\napp = Flask(__name__)\n"
        "def create_app(settings=None):\n"
        "    made = Flask('made')\n    made.config.from_mapping(settings)\n    return made\n"
    )
    app = load("hello:app", SETTINGS, given=False)
    assert isinstance(app, Flask)
    assert "SITE_NAME" not in app.config
    assert load("hello:app", SETTINGS, given=True).config["SITE_NAME"] == "mine"
    assert load("hello:create_app", SETTINGS, given=True).config["SITE_NAME"] == "mine"
    assert load("hello", SETTINGS, given=True).name == "made"


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("nowhere", "there is no module 'nowhere' among the eggs or in "),
        ("nowhere.at.all:app", "there is no module 'nowhere' "),
        ("pack.nowhere:app", "there is no module 'pack.nowhere' "),
        ("hello.nowhere:app", "there is no module 'hello.nowhere' "),
        ("hello.:app", "there is no module 'hello.' "),
        ("hello:nothing", "there is no 'nothing' in it"),
        ("hello:ap", "there is no 'ap' in it; did you mean app?"),
        ("hello:app.nothing", "there is no 'nothing' in it"),
        ("hello:app..x", "there is no '' in it"),
        ("pack", "none of create_app, make_app, app, application; name one with --app pack:NAME"),
        ("hello:number", "int object cannot be called"),
        ("hello:none", "NoneType object cannot be called"),
        ("hello:sys", "module object cannot be called"),
        ("hello:returns_none", "the factory returned None, not a WSGI application; does it end"),
        ("hello:returns_text", "the factory returned a str object"),
        ("hello:returns_tuple", "the factory returned a tuple object"),
    ],
)
def test_what_is_no_application_is_one_line(module, reference, said):
    module("", "pack/__init__.py")
    module(
        "import sys\nnumber = 3\nnone = None\n"
        "def app(environ, start_response): pass\n"
        "def returns_none(): pass\n"
        "def returns_text(): return 'app'\n"
        "def returns_tuple(): return app, 1\n"
    )
    with pytest.raises(ApplicationError) as refused:
        load(reference, {}, given=False)
    assert str(refused.value).startswith(f"--app {reference}: ")
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("import nowhere_to_be_found", ModuleNotFoundError),
        ("import hello.part", ModuleNotFoundError),
        ("from sys import nothing", ImportError),
        ("1 / 0", ZeroDivisionError),
        ("def (", SyntaxError),
        ("raise SystemExit(3)", SystemExit),
        ("def app(): import nowhere_to_be_found", ModuleNotFoundError),
        ("def app(a): raise KeyError(a)", KeyError),
        ("def app(*, needed): pass", TypeError),
    ],
)
def test_what_the_module_or_the_factory_raises_passes_through(module, text, error):
    module(text + "\n")
    with pytest.raises(error) as raised:
        load("hello:app", {}, given=False)
    assert not isinstance(raised.value, ApplicationError)


def test_a_package_that_is_missing_within_the_named_one_is_not_taken_for_it(module):
    module("import pack.other\n", "pack/__init__.py")
    module("app = 1\n", "pack/part.py")
    with pytest.raises(ModuleNotFoundError, match=r"pack\.other"):
        load("pack.part:app", {}, given=False)


def resolved(layer="command line", **options):
    given = {"chdir": None, "app": "hello:app"} | options
    return SimpleNamespace(
        options=SimpleNamespace(**given), provenance={"app": SimpleNamespace(layer=layer)}
    )


@pytest.mark.parametrize(
    ("name", "layer", "is_there"),
    [
        ("hello.py", "command line", True),
        ("hello/__init__.py", "environment", True),
        ("hello/part.py", "file", True),
        ("other.py", "command line", False),
        ("hello.py", "default", False),
    ],
)
def test_the_working_folder_counts_if_somebody_named_a_module_in_it(
    module, tmp_path, name, layer, is_there
):
    module("", name)
    found = application.working_module_folder(resolved(layer))
    assert found == (tmp_path if is_there else None)


def test_chdir(module, tmp_path):
    path = module("", "sub/hello.py")
    assert application.working_module_folder(resolved(chdir="sub")) == tmp_path / "sub"
    assert application.working_folder(str(tmp_path)) == tmp_path
    for wrong in ("nowhere", str(path)):
        with pytest.raises(ApplicationError, match=f"--chdir {wrong}: there is no such folder"):
            application.working_folder(wrong)


def test_find_origin_imports_nothing(module, tmp_path):
    module("raise RuntimeError\n")
    module("raise RuntimeError\n", "pack/__init__.py")
    module("", "space/part.py")
    for reference in ("hello:app", "hello", "pack.part:app", "space.part"):
        assert application.find_origin(reference) == tmp_path
    assert "hello" not in sys.modules
    assert application.find_origin("sys:app") is None
    assert application.find_origin("nowhere.part") is None


def test_find_origin_of_a_module_without_a_specification(monkeypatch):
    monkeypatch.setitem(sys.modules, "handmade", types.ModuleType("handmade"))
    assert application.find_origin("handmade") is None


def test_a_partial_of_a_factory_is_a_factory(module):
    module(
        SERVE + "import functools\ndef make(text, settings=None): return serve(text)\n"
        "app = functools.partial(make, 'made')\n"
    )
    assert call(load("hello:app", {}, given=False)) == "'made'"


@pytest.mark.parametrize(
    "text",
    [
        "async def app(scope, receive, send): pass",
        "class App:\n    async def __call__(self, scope, receive, send): pass\napp = App()",
        "async def app(): pass",
    ],
)
def test_an_asynchronous_application_is_refused_in_one_line(module, text):
    module(text + "\n")
    with pytest.raises(ApplicationError, match=r"ASGI|async"):
        load("hello:app", {}, given=False)


def test_a_submodule_does_not_hide_what_is_not_there(module):
    module("from hello import app\n", "hello/__init__.py")
    module("", "hello/app.py")
    with pytest.raises(ApplicationError, match="none of create_app"):
        load("hello", {}, given=False)


def test_an_application_whose_config_is_something_else(module):
    module(
        "class App:\n    def __call__(self, environ, start_response): return [b'served']\n"
        "    def config(self): pass\napp = App()\n"
    )
    assert call(load("hello:app", SETTINGS, given=True)) == "served"
