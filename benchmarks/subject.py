"""The application that every peer serves: one file, saved again and again."""

from pathlib import Path

MODULE = "hello"

_SOURCE = """\
from flask import Flask

app = Flask(__name__)


@app.route("/")
def index():
    return "{number}"


# {padding}
"""


class Subject:
    """A Flask application in `folder`, which answers the number of its last save."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.number = 0
        self.save()

    @property
    def answer(self) -> str:
        """Return what the code on disk answers."""
        return str(self.number)

    def save(self) -> None:
        """Save a new version, as an editor does: under another name, then renamed.

        Each version is longer than all before it. Two saves of one size within a second would
        bring old bytecode back (PEP 552: Python compares size and whole seconds), which is a
        matter of its own and not measured here.
        """
        self.number += 1
        path = self.folder / f"{MODULE}.py"
        draft = path.with_name(f".{path.name}.draft")
        draft.write_text(_SOURCE.format(number=self.number, padding="x" * self.number))
        draft.replace(path)
