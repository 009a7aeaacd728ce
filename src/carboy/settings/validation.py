"""What must hold once everything is merged: required keys, strong keys, no exposed debugger."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from carboy.errors import UserError
from carboy.settings.declarations import Declaration, Declarations
from carboy.settings.model import Provenance
from carboy.settings.secret_key import KEY

LEAST_LENGTH = 16
_RECIPE = "`python3 -c 'import secrets; print(secrets.token_hex(32))'`"
_LEAST_VARIETY = 5  # of 16 random hex digits, fewer than 5 different ones never happens

# The words of placeholders: the first wherever they stand, the others only by themselves.
_LONG_WORDS = re.compile(
    r"please|change(?:d|me|this|it)?|replace(?:me|this|it)?|insecure|placeholder|default|"
    r"secret(?:key)?|s3cr3t|passw(?:or|0r)d|example|production|development|supersecret|"
    r"random|something|string|session|qwerty(?:uiop)?|0?123456789(?:0|abcdef)?|abcdefgh(?:ijkl\w*)?"
)
_SHORT_WORDS = re.compile(
    r"""
    a|an|and|app|be|before|by|cookie|dev|do|else|flask|for|generate|go|goes|here|in|is|it|key|me|
    must|my|no|not|now|of|one|or|our|prod|put|real|safe|set|so|some|super|test|testing|that|the|
    this|to|todo|top|unsafe|use|value|very|with|you|your|123|1234|12345|123456|x+
    """,
    re.VERBOSE,
)


def weakness(key: str | bytes) -> str | None:
    """Return why a secret key is too weak for production, or None if it is not.

    Whoever guesses the key can sign sessions: https://flask.palletsprojects.com/config/.
    """
    text = key.decode("latin-1") if isinstance(key, bytes) else key
    if len(text) < LEAST_LENGTH:
        return f"has {len(text)} characters, fewer than {LEAST_LENGTH}"
    if text.startswith("django-insecure") or _is_placeholder(text):
        return "looks like a placeholder, which everybody knows"
    if len(set(text)) < _LEAST_VARIETY:
        return "repeats the same few characters"
    return None


def _is_placeholder(text: str) -> bool:
    """Tell whether a key is mostly words; a long random one may have a word for a prefix."""
    tokens = re.findall(r"[a-z0-9]+", text.lower())
    rest = ["" if _SHORT_WORDS.fullmatch(token) else _LONG_WORDS.sub("", token) for token in tokens]
    left = len("".join(rest))
    return left < LEAST_LENGTH and len("".join(tokens)) - left >= len(text) / 2


def problems_in(
    env: str,
    options: Mapping[str, Any],
    settings: Mapping[str, Any],
    provenance: Mapping[str, Provenance],
    declarations: Declarations,
) -> Iterator[str]:
    """Yield what is wrong with the merged values, a line for each problem."""
    if declarations.closed:
        yield from _missing(env, settings, declarations)
    if env == "production":
        yield from _weak_keys(settings, provenance)
    yield from _addresses(options, provenance)


def _missing(env: str, settings: Mapping[str, Any], declarations: Declarations) -> Iterator[str]:
    for declared in declarations:
        if env in declared.required and settings.get(declared.key) in (None, "", b""):
            yield f"{declared.key}: is required in {env}; {_way(declared)} ({declared.source})"


def _way(declared: Declaration) -> str:
    """Return how to give a missing setting."""
    variable = f"CARBOY_{declared.key}"
    if declared.secret:
        return f"give it as a credential, in a file named by {variable}_FILE, or as {variable}"
    return f"set {variable}, or the key in a settings file"


def _weak_keys(settings: Mapping[str, Any], provenance: Mapping[str, Provenance]) -> Iterator[str]:
    # An old key still verifies signatures, so a weak one opens the same door.
    old = settings.get("SECRET_KEY_FALLBACKS") or []
    for name, keys in ((KEY, [settings.get(KEY)]), ("SECRET_KEY_FALLBACKS", old)):
        for key in keys:
            problem = weakness(key) if key and isinstance(key, str | bytes) else None
            if problem:
                yield f"{name}: {problem}; make one with {_RECIPE} ({provenance[name]})"


def _addresses(options: Mapping[str, Any], provenance: Mapping[str, Provenance]) -> Iterator[str]:
    """Yield the addresses that cannot be, and those that others reach while debug is on.

    Werkzeug's debugger runs any code for whoever reaches it.
    """
    from carboy import binds  # here, for it needs the network modules

    name = "bind" if options["bind"] else "host"
    for address in options["bind"] or [options["host"]]:
        try:
            (bind,) = binds.resolve(options["bind"] and [address], address, options["port"])
        except UserError as error:
            yield f"{name}: {error} ({provenance[name]})"
            continue
        if options["debug"] and not bind.is_loopback:
            yield (
                f"debug: the debugger would be open to the network, for {name} is {address!r} "
                f"({provenance[name]}); use --no-debug (debug is on: {provenance['debug']})"
            )
