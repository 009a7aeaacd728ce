"""The layers: each beats the ones below it, and says where it is."""

import json
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

import carboy.settings
from carboy.errors import SettingsError
from carboy.settings import Provenance, Settings, load

STRONG = "Zq8vN2xL5tR9wK3m"

DECLARED = """
[SITE_NAME]
type = "str"
default = "declared"
environ = "BARE_SITE_NAME"
[LANGUAGES]
type = "dict"
default = { en = "English" }
[DEPTH]
type = "int"
[DEPTH.default_by_env]
production = 3
[STORE]
type = "path"
[API]
type = "str"
secret = true
required = ["production"]
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Return the folder of a project with an application that declares its settings."""
    package = tmp_path / "brewery"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('must not be imported')")
    (package / "carboy.toml").write_text(DECLARED)
    (tmp_path / "etc").mkdir()
    return tmp_path


@pytest.fixture
def resolve(project):
    """Return a function that resolves in the project, from nothing but its arguments."""

    def resolve(**arguments):
        given = {"app": "brewery:create_app", "environ": {}, "root": project, "cwd": project}
        return carboy.settings.resolve(**given | arguments)

    return resolve


def problems(resolve, **arguments):
    with pytest.raises(SettingsError) as error:
        resolve(**arguments)
    return error.value.problems


def write(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)


class TestSettingLayers:
    """Each test adds one layer to those of the test before."""

    def layers(self, project):
        secret = write(project / "secret", "secret\n")
        write(project / "etc/development.toml", 'SITE_NAME = "file"')
        return [
            ({}, "declared", "default", "brewery/carboy.toml"),
            ({"defaults": {"SITE_NAME": "script"}}, "script", "default", "script"),
            ({}, "file", "file", "etc/development.toml"),
            ({"files": [write(project / "a.json", '{"SITE_NAME": "a"}')]}, "a", "file", "a.json"),
            ({"environ": {"BARE_SITE_NAME": "bare"}}, "bare", "environment", "BARE_SITE_NAME"),
            ({"environ": {"CARBOY_SITE_NAME": "own"}}, "own", "environment", "CARBOY_SITE_NAME"),
            (
                {"environ": {"CARBOY_SITE_NAME_FILE": secret}},
                "secret",
                "secret",
                f"{secret} (CARBOY_SITE_NAME_FILE)",
            ),
            ({"sets": ["SITE_NAME=set"]}, "set", "command line", "--set SITE_NAME"),
            ({"mapping": {"SITE_NAME": "mapping"}}, "mapping", "mapping", "factory"),
        ]

    @pytest.mark.parametrize("depth", range(9))
    def test_layer_beats_those_below(self, project, resolve, depth):
        layers = self.layers(project)
        if depth < 2:
            (project / "etc/development.toml").unlink()
        arguments = {"environ": {}}
        for layer, *_ in layers[: depth + 1]:
            arguments["environ"] |= layer.get("environ", {})
            arguments |= {name: value for name, value in layer.items() if name != "environ"}
        resolved = resolve(**arguments)
        _, value, layer, source = layers[depth]
        assert resolved.settings["SITE_NAME"] == value
        assert resolved.provenance["SITE_NAME"] == Provenance(layer, source)
        assert resolved.settings.provenance["SITE_NAME"] == Provenance(layer, source)

    def test_credential_is_below_the_file_that_a_variable_names(self, project, resolve):
        folder = project / "credentials"
        folder.mkdir()
        credential = write(folder / "site_name", "credential")
        environ = {"CREDENTIALS_DIRECTORY": str(folder), "CARBOY_SITE_NAME": "own"}
        resolved = resolve(environ=environ)
        assert resolved.settings["SITE_NAME"] == "credential"
        assert resolved.provenance["SITE_NAME"] == Provenance("secret", credential)
        environ["CARBOY_SITE_NAME_FILE"] = write(project / "named", "named")
        assert resolve(environ=environ).settings["SITE_NAME"] == "named"

    def test_later_files_win(self, project, resolve):
        files = [
            write(project / f"{name}.toml", f'SITE_NAME = "{name}"') for name in ("one", "two")
        ]
        assert resolve(files=files).settings["SITE_NAME"] == "two"
        assert resolve(files=files[::-1]).settings["SITE_NAME"] == "one"
        environ = {"CARBOY_SETTINGS": "one.toml"}
        elsewhere = project / "etc"
        resolved = resolve(environ=environ, cwd=elsewhere, app=None)
        assert resolved.settings["SITE_NAME"] == "one"
        assert resolve(environ=environ, files=files[1:]).settings["SITE_NAME"] == "two"
        assert resolve(defaults={"settings": ["one.toml"]}).settings["SITE_NAME"] == "one"


class TestOptionLayers:
    def test_layers_from_the_lowest(self, project, resolve):
        write(project / "etc/development.toml", "[server]\nport = 3\n")
        steps = [
            ({"defaults": {"port": 2}}, 3, Provenance("file", "etc/development.toml")),
            ({"environ": {"PORT": "4"}}, 4, Provenance("environment", "PORT")),
            (
                {"environ": {"PORT": "4", "CARBOY_PORT": "5"}},
                5,
                Provenance("environment", "CARBOY_PORT"),
            ),
            ({"options": {"port": 6}}, 6, Provenance("command line", "--port")),
        ]
        arguments = {}
        for step, value, origin in steps:
            arguments |= step
            resolved = resolve(**arguments)
            assert (resolved.options.port, resolved.provenance["port"]) == (value, origin)

    def test_script_and_declared_defaults(self, resolve):
        assert resolve().options.port == 8080
        resolved = resolve(defaults={"port": 2})
        assert resolved.options.port == 2
        assert resolved.provenance["port"] == Provenance("default", "script")

    def test_environment_from_command_line_variable_script_and_default(self, resolve):
        assert resolve().env == "development"
        assert resolve(defaults={"env": "testing"}).env == "testing"
        environ = {"CARBOY_ENV": "development"}
        assert resolve(defaults={"env": "testing"}, environ=environ).env == "development"
        assert resolve(environ=environ, env="testing").env == "testing"
        assert resolve(environ=environ, options={"env": "testing"}).env == "testing"

    def test_defaults_follow_the_environment(self, resolve):
        assert resolve(env="testing").options.debug is False
        assert resolve().options.debug is True

    def test_file_names_the_application(self, project, resolve):
        write(project / "etc/development.toml", '[server]\napp = "brewery:make"')
        resolved = resolve(app=None)
        assert resolved.options.app == "brewery:make"
        assert resolved.settings["SITE_NAME"] == "declared"

    def test_files_and_sets_among_the_options(self, project, resolve):
        path = write(project / "a.toml", "DEPTH = 1")
        resolved = resolve(options={"settings": [path], "set": ["SITE_NAME=x"]})
        assert (resolved.settings["DEPTH"], resolved.settings["SITE_NAME"]) == (1, "x")
        assert resolved.options.settings == (path,)
        assert not hasattr(resolved.options, "set")

    def test_switched_off(self, resolve):
        resolved = resolve(options={"debug": False})
        assert resolved.provenance["debug"] == Provenance("command line", "--no-debug")

    def test_options_are_frozen_and_pickle(self, resolve):
        options = resolve().options
        with pytest.raises(AttributeError, match="frozen"):
            options.port = 1
        with pytest.raises(AttributeError, match="frozen"):
            del options.port
        assert pickle.loads(pickle.dumps(options)) == options


class TestDebug:
    """DEBUG and the option debug are one value."""

    @pytest.mark.parametrize("value", [True, False])
    def test_setting_follows_option(self, resolve, value):
        resolved = resolve(options={"debug": value})
        assert resolved.settings["DEBUG"] is value

    def test_option_follows_setting(self, project, resolve):
        assert resolve(mapping={"DEBUG": False}).options.debug is False
        assert resolve(sets=["DEBUG=off"]).options.debug is False
        assert resolve(sets=["DEBUG=off"]).settings["DEBUG"] is False
        path = write(project / "a.py", "DEBUG = False")
        assert resolve(files=[path]).options.debug is False
        assert resolve(files=[path], environ={"CARBOY_DEBUG": "1"}).options.debug is True

    def test_none_says_nothing(self, resolve):
        assert resolve(mapping={"DEBUG": None}).settings["DEBUG"] is True

    def test_is_no_secret(self, resolve):
        (problem,) = problems(resolve, environ={"CARBOY_DEBUG_FILE": "/dev/null"})
        assert problem.startswith("DEBUG: is no secret")


class TestMerging:
    def test_dicts_merge_over_layers(self, project, resolve):
        write(project / "etc/development.toml", 'LANGUAGES = { de = "Deutsch", x = { a = 1 } }')
        resolved = resolve(
            environ={"CARBOY_LANGUAGES__fr": "Français", "CARBOY_LANGUAGES__x__b": "2"},
            sets=["LANGUAGES__en=British"],
        )
        assert resolved.settings["LANGUAGES"] == {
            "en": "British",
            "de": "Deutsch",
            "fr": "Français",
            "x": {"a": 1, "b": 2},
        }
        origin = resolved.provenance["LANGUAGES"]
        assert origin.layer == "command line"
        assert "etc/development.toml + CARBOY_LANGUAGES__fr" in origin.source

    def test_everything_else_is_replaced(self, project, resolve):
        write(project / "etc/development.toml", 'TRUSTED_HOSTS = ["a", "b"]')
        resolved = resolve(sets=['TRUSTED_HOSTS=["c"]'])
        assert resolved.settings["TRUSTED_HOSTS"] == ["c"]

    def test_default_by_environment(self, resolve):
        assert "DEPTH" not in resolve().settings
        assert resolve(env="testing", defaults={"DEPTH": 5}).settings["DEPTH"] == 5
        sets = [f"SECRET_KEY={STRONG}", "API=x"]
        assert resolve(env="production", sets=sets).settings["DEPTH"] == 3

    def test_paths_begin_at_the_root(self, project, resolve):
        assert resolve(sets=["STORE=var/x"]).settings["STORE"] == project / "var/x"
        assert resolve(sets=["STORE=/srv/x"]).settings["STORE"] == Path("/srv/x")

    def test_flask_keeps_its_own_defaults(self, resolve):
        assert set(resolve().settings) == {"SITE_NAME", "LANGUAGES", "DEBUG", "SECRET_KEY"}
        assert resolve(env="testing").settings["TESTING"] is True


class TestProblems:
    def test_all_at_once_with_key_layer_and_source(self, project, resolve):
        write(project / "etc/development.toml", 'SITE_NMAE = "x"\nDEPTH = "deep"\n')
        found = problems(
            resolve,
            environ={"CARBOY_PORT": "abc", "CARBOY_WROKERS": "2", "CARBOY_SITE_NAM": "x"},
            sets=["LANGUAGES=5", "lower=1", "workers=2", "SITE_NAME__x=1"],
            mapping={"DEPTH": "x", "lower": 1},
            files=["missing.toml"],
        )
        for expected in [
            "SITE_NMAE: unknown setting; did you mean SITE_NAME? (file etc/development.toml)",
            "DEPTH: expected int, got 'deep' (file etc/development.toml)",
            "port: expected a whole number from 0 to 65535, got 'abc' (environment CARBOY_PORT)",
            "WROKERS: unknown setting; did you mean CARBOY_WORKERS? (environment CARBOY_WROKERS)",
            "SITE_NAM: unknown setting; did you mean CARBOY_SITE_NAME? "
            "(environment CARBOY_SITE_NAM)",
            "LANGUAGES: expected a table, such as {\"a\": 1}, got '5' "
            "(command line --set LANGUAGES)",
            "--set lower: expected KEY=VALUE with a KEY in upper case (command line --set)",
            "--set workers: is a server option: use --workers (command line --set)",
            "SITE_NAME__x: SITE_NAME is no table: its type is str "
            "(command line --set SITE_NAME__x)",
            "DEPTH: expected int, got 'x' (mapping factory)",
            "lower: settings are written in upper case (mapping factory)",
            "missing.toml: cannot be read: No such file or directory",
        ]:
            assert expected in found
        assert len(found) == 12

    def test_not_strict_returns_them(self, resolve):
        resolved = resolve(sets=["NOPE=1"], strict=False)
        assert resolved.problems == ("NOPE: unknown setting (command line --set NOPE)",)
        assert resolved.settings["SITE_NAME"] == "declared"

    @pytest.mark.parametrize("strict", [True, False])
    def test_unknown_environment(self, resolve, strict):
        (problem,) = problems(resolve, environ={"CARBOY_ENV": "prod"}, strict=strict)
        assert problem == (
            "env: expected development, testing or production, got 'prod'; "
            "did you mean production? (environment CARBOY_ENV)"
        )

    def test_unknown_script_default(self, resolve):
        assert problems(resolve, defaults={"wrokers": 1}) == [
            "wrokers: unknown server option; did you mean workers? (default script)"
        ]

    def test_bad_list_of_files(self, resolve):
        (problem,) = problems(resolve, environ={"CARBOY_SETTINGS": "[1]"})
        assert problem == "settings: expected a text, got 1 (environment CARBOY_SETTINGS)"

    def test_secrets_are_not_quoted(self, project, resolve):
        found = problems(
            resolve,
            mapping={"API": 12345},
            sets=["hunter2"],
            environ={"CARBOY_DEPTH_FILE": write(project / "depth", "hunter2")},
        )
        assert "12345" not in str(found)
        assert "DEPTH: expected int (secret" in str(found)

    def test_server_option_as_setting(self, project, resolve):
        path = write(project / "a.py", "WORKERS = 3")
        assert problems(resolve, files=[path]) == [
            "WORKERS: is a server option, not a setting: --workers (file a.py)"
        ]

    def test_error_is_lines(self, resolve):
        with pytest.raises(SettingsError) as error:
            resolve(sets=["a=1", "b=1"])
        assert str(error.value).count("\n") == 1
        assert error.value.exit_code == 1
        assert pickle.loads(pickle.dumps(error.value)).problems == error.value.problems


def test_application_that_declares_settings_is_always_given_them(resolve):
    assert resolve().given is True


class TestForeignApplication:
    """One without a carboy.toml may get any key."""

    @pytest.fixture
    def resolve(self, project):
        def resolve(**arguments):
            given = {"app": "json:loads", "environ": {}, "root": project, "cwd": project}
            return carboy.settings.resolve(**given | arguments)

        return resolve

    def test_any_key_as_json_or_text(self, resolve):
        environ = {"CARBOY_A": "[1]", "CARBOY_B": "x y", "CARBOY_C__d": "1", "CARBOY_E": "NaN"}
        settings = resolve(environ=environ, sets=["F=007"], mapping={"G": len}).settings
        assert settings["A"] == [1]
        assert (settings["B"], settings["C"], settings["E"]) == ("x y", {"d": 1}, "NaN")
        assert (settings["F"], settings["G"]) == ("007", len)

    def test_no_secret_key_is_made_or_wanted(self, project, resolve):
        for env in ("development", "testing", "production"):
            assert "SECRET_KEY" not in resolve(env=env).settings
        assert not (project / "var").exists()

    def test_weak_secret_key_is_refused(self, resolve):
        assert problems(resolve, env="production", sets=["SECRET_KEY=dev"])

    def test_flasks_own_keys_are_checked(self, resolve):
        assert problems(resolve, sets=["MAX_CONTENT_LENGTH=many"])

    def test_variable_that_is_nearly_an_option(self, resolve):
        for name in ("CARBOY_WROKERS", "CARBOY_WORKER_", "CARBOY_THREAD", "CARBOY_RELAOD"):
            (problem,) = problems(resolve, environ={name: "2"})
            assert f"{name.removeprefix('CARBOY_')}: did you mean CARBOY_" in problem
        assert resolve(environ={"CARBOY_HOSTILE": "1"}).settings["HOSTILE"] == 1

    @pytest.mark.parametrize(
        ("arguments", "given"),
        [
            ({}, False),
            ({"options": {"debug": False}, "env": "testing"}, False),
            ({"defaults": {"A": 1}}, False),
            ({"environ": {"CARBOY_DEBUG": "0", "PORT": "1"}}, False),
            ({"environ": {"CARBOY_A": "1"}}, True),
            ({"sets": ["A=1"]}, True),
            ({"mapping": {"A": 1}}, True),
        ],
    )
    def test_whether_settings_were_given(self, resolve, arguments, given):
        assert resolve(**arguments).given is given

    def test_module_that_is_not_there(self, resolve):
        for app in ("nowhere_to_be_found:app", "__main__:app", ":", "a b"):
            assert resolve(app=app, sets=["X=1"]).settings["X"] == 1


class TestInternalVariables:
    def test_are_no_settings(self, resolve):
        environ = {"CARBOY_ROOT": "/", "CARBOY_WORKER": "1", "CARBOY_ENV": "testing"}
        assert resolve(environ=environ).env == "testing"


class TestFiles:
    def test_every_file_read_or_looked_for(self, project, resolve):
        named = write(project / "a.toml", "")
        secret = write(project / "s", "x")
        resolved = resolve(files=["a.toml"], environ={"CARBOY_API_FILE": "s"})
        assert project / "etc/development.toml" in resolved.files
        assert {Path(named), Path(secret), project / "brewery/carboy.toml"} <= {*resolved.files}

    def test_root_may_be_relative(self, project, monkeypatch):
        monkeypatch.chdir(project.parent)
        resolved = carboy.settings.resolve(environ={}, root=Path(project.name))
        assert project / "etc/development.toml" in resolved.files


class TestSecretKey:
    def test_development_keeps_one(self, project, resolve):
        first, second = resolve(), resolve()
        assert first.settings["SECRET_KEY"] == second.settings["SECRET_KEY"]
        assert first.provenance["SECRET_KEY"] == Provenance("default", "var/secret_key")
        assert (project / "var/secret_key").stat().st_mode & 0o777 == 0o600

    def test_given_key_makes_no_file(self, project, resolve):
        assert resolve(sets=["SECRET_KEY=x"]).settings["SECRET_KEY"] == "x"
        assert not (project / "var").exists()

    def test_testing_has_one_for_the_process(self, project, resolve):
        first, second = resolve(env="testing"), resolve(env="testing")
        assert first.settings["SECRET_KEY"] == second.settings["SECRET_KEY"]
        assert not (project / "var").exists()

    def test_production_requires_one(self, project, resolve):
        found = problems(resolve, env="production", sets=["API=x"])
        assert found == [
            "SECRET_KEY: is required in production; give it as a credential, in a file named by "
            "CARBOY_SECRET_KEY_FILE, or as CARBOY_SECRET_KEY (carboy/carboy.toml)"
        ]
        assert not (project / "var").exists()
        sets = ["API=x", f"SECRET_KEY={STRONG}"]
        assert resolve(env="production", sets=sets).settings["SECRET_KEY"] == STRONG

    def test_damaged_file_is_a_problem(self, project, resolve):
        (project / "var").mkdir()
        write(project / "var/secret_key", "")
        (problem,) = problems(resolve)
        assert problem.startswith("SECRET_KEY: var/secret_key holds no key; delete it")


class TestLoad:
    @pytest.fixture
    def load(self, project, monkeypatch):
        monkeypatch.syspath_prepend(project)

        def load_here(mapping=None, environ=None):
            return load(mapping, app="brewery", environ=environ or {}, root=project)

        return load_here

    def test_finished_settings_are_returned(self, load):
        settings = Settings({"A": 1})
        assert load(settings) is settings

    def test_from_the_environment(self, load):
        settings = load(environ={"CARBOY_ENV": "testing", "CARBOY_SITE_NAME": "x"})
        assert (settings.env, settings["SITE_NAME"], settings["TESTING"]) == ("testing", "x", True)

    def test_testing_mapping_is_the_testing_environment(self, load, project):
        assert load({"TESTING": True}).env == "testing"
        assert not (project / "var").exists()
        assert load({"TESTING": True}, {"CARBOY_ENV": "development"}).env == "development"
        assert load({}).env == "development"

    def test_raises(self, load):
        with pytest.raises(SettingsError, match="unknown setting; did you mean SITE_NAME"):
            load({"SITE_NAM": "x"})

    def test_two_live_side_by_side(self, load):
        one, two = load({"SITE_NAME": "one"}), load({"SITE_NAME": "two"})
        assert (one["SITE_NAME"], two["SITE_NAME"]) == ("one", "two")
        one["LANGUAGES"]["xx"] = "changed"
        assert "xx" not in one["LANGUAGES"]
        assert "xx" not in two["LANGUAGES"]

    def test_flask_takes_it(self, load):
        flask = pytest.importorskip("flask")
        app = flask.Flask("x")
        app.config.from_mapping(load({"SITE_NAME": "x"}))
        assert (app.config["SITE_NAME"], app.config["MAX_FORM_PARTS"]) == ("x", 1000)


def test_import_is_light_and_touches_nothing():
    code = """
import sys
def audit(event, args):
    if event == "open" and not str(args[0]).endswith((".py", ".pyc")):
        opened.append(args[0])
opened = []
sys.addaudithook(audit)
import carboy.settings, carboy.options, json
heavy = {"flask", "werkzeug", "waitress", "jinja2", "portal", "tomllib", "difflib", "socket"}
print(json.dumps([sorted(heavy & set(sys.modules)), opened]))
"""
    source = str(Path(carboy.settings.__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-IB", "-c", f"import sys; sys.path.insert(0, {source!r})\n{code}"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [[], []]


def test_settings_of_a_wrapping_application_are_resolved_for_the_wrapped_one(
    resolve, project, monkeypatch
):
    monkeypatch.syspath_prepend(project)
    outer = resolve(app="outer", env="testing", sets=["DEPTH=7"]).settings
    inner = load(outer, app="brewery:create_app", environ={}, root=project)
    assert (inner["SITE_NAME"], inner["DEPTH"], inner.env) == ("declared", 7, "testing")
    assert load(inner, app="brewery", environ={}, root=project) is inner
