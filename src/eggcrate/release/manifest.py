"""The manifest: what a release is, what it is made of, and what each of its files is like."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from eggcrate.release.archive import Member

NAME = "release.json"
FORMAT = 1


def of(about: dict[str, Any], members: Iterable[Member], digests: Mapping[str, str]) -> Member:
    """Return the manifest as a member; ``about`` is what does not follow from the others."""
    files = {member.name: _entry(member, digests) for member in members if _counts(member)}
    text = json.dumps({"format": FORMAT, **about, "files": files}, indent=1, sort_keys=True)
    return Member(NAME, f"{text}\n".encode())


def _counts(member: Member) -> bool:
    # var is there to be replaced by whoever wants it elsewhere.
    return member.name != "var" and (member.data is not None or member.target is not None)


def _entry(member: Member, digests: Mapping[str, str]) -> dict[str, Any]:
    if member.target is not None:
        return {"link": member.target}
    entry: dict[str, Any] = {"sha256": digests[member.name]}
    return {**entry, "executable": True} if member.executable else entry
