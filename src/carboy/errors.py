"""Errors that a user can cause: shown as one line each, never as a traceback."""

from __future__ import annotations

from collections.abc import Iterable


class UserError(Exception):
    """Say in one line what is wrong and what to do; the command ends with `exit_code`."""

    exit_code = 1


class SettingsError(UserError):
    """Carry every problem found while settings were resolved, one line each."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = list(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        return "\n".join(self.problems)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return `; did you mean KNOWN?` for the nearest known name, or an empty string."""
    from difflib import get_close_matches  # only ever needed on the way to an error

    spelled = {candidate.lower(): candidate for candidate in known}
    wanted = name.lower()
    near = get_close_matches(wanted, spelled, n=1)
    near = near or [word for word in spelled if len(wanted) > 2 and word.startswith(wanted)]
    return f"; did you mean {spelled[near[0]]}?" if near else ""
