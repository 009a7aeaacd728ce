"""`bin/serve`: read the command line, then act as master, as worker, or as one of the commands."""

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Any

from carboy import options, orders, project, settings
from carboy.arguments import build_parser
from carboy.errors import SettingsError, UserError
from carboy.settings import Resolved


def main(argv: Sequence[str] | None = None, **defaults: Any) -> int:
    """Serve an application, or run another of the commands; return the exit code.

    `argv` is the command line without the program's name, `sys.argv` by default. `defaults`
    replace the declared defaults of server options (`app="portal:create_app"`,
    `env="production"`): what a buildout bakes into its script.
    """
    arguments = build_parser("serve").parse_args(argv)
    assignment = orders.take(os.environ)
    try:
        if assignment is not None:
            return _work(assignment, arguments, defaults)
        return _COMMANDS[arguments.command](arguments, defaults)
    except SettingsError as error:
        for problem in error.problems:
            print(f"serve: {problem}", file=sys.stderr)
        return error.exit_code
    except UserError as error:
        print(f"serve: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130


def resolve(
    arguments: argparse.Namespace, defaults: dict[str, Any], *, strict: bool = True
) -> Resolved:
    """Return options and settings from every layer, with where each came from.

    Raises `SettingsError`, or leaves the problems in the result unless `strict`.
    """
    given = options.given(arguments)
    files, sets = given.pop("settings", ()), given.pop("set", ())
    return settings.resolve(
        options=given, defaults=defaults, files=files, sets=sets, root=project.root(), strict=strict
    )


def _work(
    assignment: orders.Orders, arguments: argparse.Namespace, defaults: dict[str, Any]
) -> int:
    from carboy.worker import Worker

    return Worker(assignment, lambda: resolve(arguments, defaults)).run()


def _run(arguments: argparse.Namespace, defaults: dict[str, Any]) -> int:
    from carboy.commands import run

    return run.run(resolve(arguments, defaults))


def _config(arguments: argparse.Namespace, defaults: dict[str, Any]) -> int:
    from carboy.commands import config

    resolved = resolve(arguments, defaults, strict=False)
    return config.run(resolved, as_json=arguments.json, stream=sys.stdout)


def _check(arguments: argparse.Namespace, defaults: dict[str, Any]) -> int:
    from carboy.commands import check

    return check.run(resolve(arguments, defaults, strict=False), stream=sys.stdout)


def _reload(arguments: argparse.Namespace, defaults: dict[str, Any]) -> int:
    from carboy.commands import reload

    return reload.run(_remote_options(arguments, defaults), stream=sys.stdout)


def _status(arguments: argparse.Namespace, defaults: dict[str, Any]) -> int:
    from carboy.commands import status

    options = _remote_options(arguments, defaults)
    return status.run(options, as_json=arguments.json, stream=sys.stdout)


def _stop(arguments: argparse.Namespace, defaults: dict[str, Any]) -> int:
    from carboy.commands import stop

    return stop.run(_remote_options(arguments, defaults), stream=sys.stdout)


def _remote_options(arguments: argparse.Namespace, defaults: dict[str, Any]) -> Any:
    # Whoever speaks to a running server need not have the secrets that it was started with.
    return resolve(arguments, defaults, strict=False).options


_COMMANDS = {
    "run": _run,
    "config": _config,
    "check": _check,
    "reload": _reload,
    "status": _status,
    "stop": _stop,
}
