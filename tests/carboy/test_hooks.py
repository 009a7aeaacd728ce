import subprocess
import sys
from pathlib import Path

import pytest

import carboy
from carboy import hooks

NAMES = ("generation_started", "worker_started", "worker_stopping")


@pytest.mark.parametrize("name", NAMES)
def test_a_receiver_hears_of_its_application_only(name):
    signal, heard, app, other = getattr(hooks, name), [], object(), object()
    receiver = heard.append
    signal.connect(receiver, sender=app, weak=False)
    try:
        signal.send(app)
        signal.send(other)
    finally:
        signal.disconnect(receiver, sender=app)
    signal.send(app)
    assert heard == [app]


def test_the_moments_are_told_apart():
    assert len({getattr(hooks, name).name for name in NAMES}) == 3


def test_carboy_is_imported_without_them():
    code = (
        "import sys, carboy, carboy.cli, carboy.commands.run\n"
        "heavy = {'blinker', 'flask', 'waitress', 'werkzeug', 'carboy.worker'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    environ = {"PYTHONPATH": str(Path(carboy.__file__).parents[1])}
    subprocess.run([sys.executable, "-c", code], env=environ, check=True, timeout=20)
