"""The server options: one table that drives command line, environment, `[server]` and docs.

To add an option, add a row to `OPTIONS`; nothing else lists them.
"""

from __future__ import annotations

import argparse
import json
import math
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from carboy.errors import did_you_mean

ENVIRONMENTS = ("development", "testing", "production")

# CARBOY_* names that processes of a server hand to each other; no option, no setting.
INTERNAL = ("ROOT", "WORKER")

Cast = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Option:
    """Describe one server option, wherever it may be given."""

    name: str
    flags: tuple[str, ...]
    cast: Cast
    default: Any  # a value, or a function of the environment's name
    group: str
    metavar: str | None
    help: str
    default_help: str = ""  # where the default is not a plain value
    repeatable: bool = False
    boolean: bool = False  # --x and --no-x
    in_file: bool = True
    in_environment: bool = True
    separator: str | None = None  # between the parts of a repeatable option's variable

    def default_for(self, env: str) -> Any:
        """Return the default value in the environment `env`."""
        return self.default(env) if callable(self.default) else self.default

    @property
    def variable(self) -> str:
        """Return the name of the environment variable."""
        return f"CARBOY_{self.name.upper()}"

    def convert(self, value: Any) -> Any:
        """Return `value`, text or native, as this option's type.

        Raises ValueError with a message that says what was expected.
        """
        if not self.repeatable:
            return self.cast(value)
        parts = self._split(value) if isinstance(value, str) else value
        if not isinstance(parts, list | tuple):
            raise ValueError(f"expected a list of strings, got {value!r}")
        return tuple(self.cast(part) for part in parts)

    def _split(self, text: str) -> list[str]:
        if text.lstrip().startswith("["):
            # An IPv6 address begins with a bracket as well, so what is no JSON list is text.
            try:
                return list(json.loads(text))
            except ValueError:
                pass
        parts = text.split(self.separator) if self.separator else [text]
        return [part for part in parts if part]


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"expected a text, got {value!r}")
    return value


def _environment(value: Any) -> str:
    if value in ENVIRONMENTS:
        return str(value)
    hint = did_you_mean(str(value), ENVIRONMENTS)
    raise ValueError(f"expected development, testing or production, got {value!r}{hint}")


def _whole(value: Any) -> int:
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit():
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError
    return value


def _number(least: int, most: int | None = None) -> Cast:
    """Return a cast to a whole number within limits."""
    limits = f"from {least} to {most}" if most is not None else f"of {least} or more"

    def cast(value: Any) -> int:
        try:
            number = _whole(value)
        except ValueError:
            number = least - 1
        if number < least or (most is not None and number > most):
            raise ValueError(f"expected a whole number {limits}, got {value!r}")
        return number

    return cast


def _seconds(value: Any) -> float:
    try:
        seconds = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise ValueError(f"expected seconds, a number of 0 or more, got {value!r}")
    return seconds


_WORDS = {"1": True, "true": True, "yes": True, "on": True}
_WORDS |= {"0": False, "false": False, "no": False, "off": False}


def boolean(value: Any) -> bool:
    """Return the truth of a bool, or of one of the usual words for one."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in _WORDS:
        return _WORDS[value.strip().lower()]
    raise ValueError(f"expected true or false, got {value!r}")


def _usable_cpus() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _workers(env: str) -> int:
    return _usable_cpus() if env == "production" else 1


def _grace(env: str) -> float:
    return 30.0 if env == "production" else 5.0


def _in_development(env: str) -> bool:
    return env == "development"


APPLICATION, SETTINGS, LISTENING, PROCESSES = "application", "settings", "listening", "processes"
_port = _number(0, 65535)
_positive = _number(1)

# fmt: off
OPTIONS: tuple[Option, ...] = (
    Option("app", ("--app",), _text, None, APPLICATION, "MODULE:NAME",
           "application or factory; NAME can be left out", default_help="the script's"),
    Option("chdir", ("--chdir",), _text, None, APPLICATION, "FOLDER",
           "working folder; modules in it are found", default_help="unchanged"),
    Option("env", ("--env",), _environment, "development", SETTINGS, "NAME",
           "development, testing or production", in_file=False),
    Option("settings", ("--settings",), _text, (), SETTINGS, "FILE",
           "file of settings, .toml, .json, .cfg or .py (repeatable)", default_help="none",
           repeatable=True, in_file=False, separator=os.pathsep),
    Option("set", ("--set",), _text, (), SETTINGS, "KEY=VALUE",
           "one setting, as JSON or text (repeatable)", default_help="none",
           repeatable=True, in_file=False, in_environment=False),
    Option("host", ("--host",), _text, "127.0.0.1", LISTENING, "HOST", "address to listen on"),
    Option("port", ("--port",), _port, 8080, LISTENING, "PORT",
           "port to listen on; $PORT is honoured too"),
    Option("bind", ("--bind",), _text, (), LISTENING, "ADDRESS",
           "HOST:PORT, [V6]:PORT, unix:PATH, fd://N (repeatable)", default_help="host and port",
           repeatable=True),
    Option("workers", ("--workers",), _positive, _workers, PROCESSES, "N",
           "worker processes", default_help="CPUs in production, else 1"),
    Option("threads", ("--threads",), _positive, 4, PROCESSES, "N", "threads of each worker"),
    Option("debug", ("--debug",), boolean, _in_development, PROCESSES, None,
           "debugger in the browser, loopback only", default_help="in development",
           boolean=True),
    Option("reload", ("--reload",), boolean, _in_development, PROCESSES, None,
           "reload when a file changes", default_help="in development", boolean=True),
    Option("grace", ("--grace",), _seconds, _grace, PROCESSES, "SECONDS",
           "time to finish requests", default_help="30 in production, else 5"),
)
# fmt: on

BY_NAME = {option.name: option for option in OPTIONS}

# (name, help) of what `serve` can do; the first is the default.
COMMANDS: tuple[tuple[str, str], ...] = (
    ("run", "serve the application (default)"),
    ("config", "print every option and setting and where it came from"),
    ("check", "check everything a start would need"),
)


def given(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the server options that stand on the command line, by name."""
    return {name: value for name, value in vars(arguments).items() if name in BY_NAME}


def build_parser(prog: str | None = None) -> argparse.ArgumentParser:
    """Return the parser of `serve`.

    The namespace holds `command`, `json` and, of the options, only those that were given.
    """
    parser = _Parser(
        prog=prog,
        usage="%(prog)s [COMMAND] [OPTION ...]",
        formatter_class=_Formatter,
        add_help=False,
        allow_abbrev=False,
        argument_default=argparse.SUPPRESS,
        description="Commands:\n" + "\n".join(f"  {n:<8} {text}" for n, text in COMMANDS),
        epilog="Options can be given as variables too (--workers as CARBOY_WORKERS) and in the\n"
        "table [server] of a settings file. See docs/configure.md.",
    )
    for group in dict.fromkeys(option.group for option in OPTIONS):
        arguments = parser.add_argument_group(group)
        for option in (option for option in OPTIONS if option.group == group):
            _add(arguments, option)
    _add_general(parser.add_argument_group("general"))
    return parser


def _add(arguments: argparse._ArgumentGroup, option: Option) -> None:
    # What is repeatable adds to nothing: its default would only take room.
    default = "" if option.repeatable else f" [{option.default_help or option.default}]"
    common = {"dest": option.name, "help": f"{option.help}{default}".replace("%", "%%")}
    if option.boolean:
        negative = tuple("--no-" + flag[2:] for flag in option.flags if flag.startswith("--"))
        both = (*option.flags, *negative)
        arguments.add_argument(*both, action=_Switch, nargs=0, **common)  # type: ignore[arg-type]
        return
    arguments.add_argument(
        *option.flags,
        type=_argument_type(option.cast),
        metavar=option.metavar,
        action="append" if option.repeatable else "store",
        **common,  # type: ignore[arg-type]
    )


def _add_general(arguments: argparse._ArgumentGroup) -> None:
    arguments.add_argument("--json", action="store_true", default=False, help="config as JSON")
    arguments.add_argument("--version", action=_Version, nargs=0, help="print the version")
    arguments.add_argument("-h", "--help", action="help", help="print this help")


def _argument_type(cast: Cast) -> Cast:
    """Wrap `cast` so that argparse shows its message instead of one of its own."""

    def convert(text: str) -> Any:
        try:
            return cast(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return convert


class _Switch(argparse.Action):
    """Store whether `--x` or `--no-x` was given."""

    def __call__(
        self,
        _parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        _values: object,
        option_string: str | None = None,
    ) -> None:
        setattr(namespace, self.dest, not str(option_string).startswith("--no-"))


class _Version(argparse.Action):
    """Print the version; reading a distribution's metadata is too slow for every start."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        from importlib.metadata import PackageNotFoundError, version

        try:
            print("carboy", version("carboy"))
        except PackageNotFoundError:
            print("carboy (not installed)")
        parser.exit()


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """Keep the help within 80 columns, whatever the terminal."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=24, width=80)

    def _format_action_invocation(self, action: argparse.Action) -> str:
        if isinstance(action, _Switch):
            return f"--[no-]{action.dest.replace('_', '-')}"
        return super()._format_action_invocation(action)


class _Parser(argparse.ArgumentParser):
    """Parse `[COMMAND]` anywhere among the options; say what is wrong in one line."""

    # argparse decides on an optional positional before it reads the first option, and then
    # refuses `--env production config`; so the command is picked from what remains.
    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Return the namespace, or exit with code 2 and one line."""
        arguments, rest = self.parse_known_args(args, namespace)
        for word in rest:
            if word.startswith("-") and word != "--":
                self.error(self._unknown_option(word))
        words = [word for word in rest if word != "--"]
        arguments.command = self._command(words)
        return arguments

    def _command(self, words: Sequence[str]) -> str:
        names = [name for name, _ in COMMANDS]
        if not words:
            return names[0]
        if words[0] not in names:
            hint = did_you_mean(words[0], names) or f"; expected {', '.join(names)}"
            self.error(f"unknown command {words[0]}{hint}")
        if len(words) > 1:
            self.error(f"unexpected argument {words[1]}")
        return words[0]

    def _unknown_option(self, word: str) -> str:
        name = word.partition("=")[0]
        flags: Iterable[str] = self._option_string_actions
        return f"unknown option {name}{did_you_mean(name, flags) or '; see --help'}"

    def error(self, message: str) -> NoReturn:
        """Print one line and exit with code 2."""
        self.exit(2, f"{self.prog}: {message.removeprefix('argument ')}\n")


def markdown() -> str:
    """Return the options as the Markdown table of docs/configure.md."""
    rows = ["| option | variable | in `[server]` | default | meaning |", "|---|---|---|---|---|"]
    rows += (f"| {' | '.join(_cells(option))} |" for option in OPTIONS)
    return "\n".join(rows) + "\n"


def _cells(option: Option) -> tuple[str, ...]:
    flag = option.flags[0]
    usage = f"`{flag}`, `--no-{flag[2:]}`" if option.boolean else f"`{flag} {option.metavar}`"
    variable = f"`{option.variable}`" if option.in_environment else "–"
    in_file = f"`{option.name}`" if option.in_file else "–"
    default = option.default_help or f"`{option.default}`"
    return usage, variable, in_file, default, option.help
