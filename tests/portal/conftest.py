"""Applications on databases of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient, FlaskCliRunner

from portal import create_app
from portal.database import db

MakeApp = Callable[..., Flask]


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make an empty project the one that settings and databases belong to."""
    for name in list(os.environ):
        if name.startswith("CARBOY_") or name in {"DATABASE_URL", "SECRET_KEY", "PORT"}:
            monkeypatch.delenv(name)
    monkeypatch.setenv("CARBOY_ROOT", str(tmp_path))
    return tmp_path


@pytest.fixture
def make_app() -> Iterator[MakeApp]:
    apps: list[Flask] = []

    def make(**settings: Any) -> Flask:
        apps.append(create_app({"TESTING": True, **settings}))
        return apps[-1]

    yield make
    for app in apps:
        with app.app_context():
            db.engine.dispose()


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    return make_app()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def cli(app: Flask) -> FlaskCliRunner:
    return app.test_cli_runner()


@pytest.fixture
def python(root: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run code in a fresh interpreter that stands in the empty project."""
    source = str(Path(__file__).parents[2] / "src")

    def run(code: str, *args: str, **environ: str) -> subprocess.CompletedProcess[str]:
        result = subprocess.run(
            [sys.executable, "-W", "error", "-c", code, *args],
            env={**os.environ, "PYTHONPATH": source, **environ},
            cwd=root,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert result.returncode == 0, result.stdout + result.stderr
        return result

    return run
