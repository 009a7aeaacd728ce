"""The application that ships in the crate: a small site of pages from a database."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flask import Flask

__all__ = ["create_app"]


def create_app(settings: Mapping[str, Any] | None = None) -> Flask:
    """Build the portal from `settings`; see `portal.factory.create_app`."""
    # Inside the function, so that whoever only looks at the package does not pay for SQLAlchemy.
    from portal.factory import create_app as build

    return build(settings)
