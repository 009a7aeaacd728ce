"""The server options: one table that drives command line, environment, `[server]` and docs.

To add an option, add a row to `OPTIONS`; nothing else lists them.
"""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import dataclass
from typing import Any

from carboy.casts import Cast, boolean, choice, environment, number, proxy, seconds, text

# CARBOY_* names that processes of a server hand to each other; no option, no setting.
INTERNAL = ("ROOT", "WORKER")


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
    rare: bool = False  # left out of --help, shown by --help-all

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


def _access_log(env: str) -> str:
    return "off" if env == "testing" else "-"


def _log_format(env: str) -> str:
    return "short" if env == "development" else "combined"


APPLICATION, SETTINGS, LISTENING, PROCESSES = "application", "settings", "listening", "processes"
LIFE, LIMITS, LOGS = "life of the processes", "limits", "logs and figures"
_port = number(0, 65535)
_positive = number(1)

# fmt: off
OPTIONS: tuple[Option, ...] = (
    Option("app", ("--app",), text, None, APPLICATION, "MODULE:NAME",
           "application or factory; NAME can be left out", default_help="the script's"),
    Option("chdir", ("--chdir",), text, None, APPLICATION, "FOLDER",
           "working folder; modules in it are found", default_help="unchanged"),
    Option("env", ("--env",), environment, "development", SETTINGS, "NAME",
           "development, testing or production", in_file=False),
    Option("settings", ("--settings",), text, (), SETTINGS, "FILE",
           "file of settings, .toml, .json, .cfg or .py (repeatable)", default_help="none",
           repeatable=True, in_file=False, separator=os.pathsep),
    Option("set", ("--set",), text, (), SETTINGS, "KEY=VALUE",
           "one setting, as JSON or text (repeatable)", default_help="none",
           repeatable=True, in_file=False, in_environment=False),
    Option("host", ("--host",), text, "127.0.0.1", LISTENING, "HOST", "address to listen on"),
    Option("port", ("--port",), _port, 8080, LISTENING, "PORT",
           "port to listen on; $PORT is honoured too"),
    Option("bind", ("--bind",), text, (), LISTENING, "ADDRESS",
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
    Option("grace", ("--grace",), seconds, _grace, PROCESSES, "SECONDS",
           "time to finish requests", default_help="30 in production, else 5"),

    Option("control", ("--control",), text, "var/serve.sock", LIFE, "PATH",
           "socket for reload, status and stop", rare=True),
    Option("pid_file", ("--pid-file",), text, None, LIFE, "FILE",
           "file for the master's process id", default_help="none", rare=True),
    Option("start_timeout", ("--start-timeout",), seconds, 60.0, LIFE, "SECONDS",
           "for a worker to become ready, 0 for ever", rare=True),
    Option("max_requests", ("--max-requests",), number(0), 0, LIFE, "N",
           "replace a worker after so many, 0 never", rare=True),
    Option("max_memory", ("--max-memory",), number(0), 0, LIFE, "MIB",
           "replace a worker that is larger, 0 never", rare=True),
    Option("request_timeout", ("--request-timeout",), seconds, 0.0, LIFE, "SECONDS",
           "replace a worker stuck in a request, 0 never", rare=True),

    Option("queue", ("--queue",), number(0), 2048, LIMITS, "N",
           "requests that wait in a worker, then 503", rare=True),
    Option("per_client", ("--per-client",), number(0), 0, LIMITS, "N",
           "threads that one client may hold, 0 all", rare=True),
    Option("header_timeout", ("--header-timeout",), seconds, 15.0, LIMITS, "SECONDS",
           "for a request's line and headers", rare=True),
    Option("body_rate", ("--body-rate",), number(0), 240, LIMITS, "BYTES",
           "least bytes of a body a second, 0 any", rare=True),
    Option("keep_alive", ("--keep-alive",), seconds, 75.0, LIMITS, "SECONDS",
           "keep an idle connection open", rare=True),
    Option("max_header", ("--max-header",), number(256), 65536, LIMITS, "BYTES",
           "largest line and headers", rare=True),
    Option("max_body", ("--max-body",), number(0), 1073741824, LIMITS, "BYTES",
           "largest body", rare=True),
    Option("trusted_proxy", ("--trusted-proxy",), proxy, (), LIMITS, "ADDRESS",
           "address, network or unix, to be believed", repeatable=True,
           default_help="none", rare=True),

    Option("access_log", ("--access-log",), text, _access_log, LOGS, "FILE",
           "a line for each request; - is stdout, or off",
           default_help="-, in testing off", rare=True),
    Option("log_format", ("--log-format",), choice("combined", "json", "short"), _log_format, LOGS,
           "NAME", "combined, json, or short for a person",
           default_help="combined, in development short", rare=True),
    Option("status", ("--status",), text, None, LOGS, "ADDRESS",
           "serve /livez, /readyz and /metrics there", default_help="nowhere", rare=True),
)
# fmt: on

BY_NAME = {option.name: option for option in OPTIONS}

# (name, help) of what `serve` can do; the first is the default.
COMMANDS: tuple[tuple[str, str], ...] = (
    ("run", "serve the application (default)"),
    ("config", "print every option and setting and where it came from"),
    ("check", "check everything a start would need"),
    ("reload", "replace the workers of the running server by new ones"),
    ("status", "print what the running server does"),
    ("stop", "stop the running server"),
)


def given(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the server options that stand on the command line, by name."""
    return {name: value for name, value in vars(arguments).items() if name in BY_NAME}


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
