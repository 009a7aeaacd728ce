"""The command line of `serve`, made from the table of options."""

import argparse
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

from carboy.casts import Cast
from carboy.errors import did_you_mean
from carboy.options import COMMANDS, OPTIONS, Option


def build_parser(prog: str | None = None, *, all_help: bool = False) -> argparse.ArgumentParser:
    """Return the parser of `serve`; with `all_help`, its help shows the rare options too.

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
            _add(arguments, option, hidden=option.rare and not all_help)
    _add_general(parser.add_argument_group("general"))
    return parser


def _add(arguments: argparse._ArgumentGroup, option: Option, *, hidden: bool) -> None:
    # What is repeatable adds to nothing: its default would only take room.
    default = "" if option.repeatable else f" [{option.default_help or option.default}]"
    shown = f"{option.help}{default}".replace("%", "%%")
    common = {"dest": option.name, "help": argparse.SUPPRESS if hidden else shown}
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
    arguments.add_argument(
        "--json", action="store_true", default=False, help="config, status as JSON"
    )
    arguments.add_argument("--version", action=_Version, nargs=0, help="print the version")
    arguments.add_argument("-h", "--help", action="help", help="print this help")
    arguments.add_argument("--help-all", action=_HelpAll, nargs=0, help="print every option")


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


class _HelpAll(argparse.Action):
    """Print the help with the rare options, which would not fit a screen."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        build_parser(parser.prog, all_help=True).print_help()
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
