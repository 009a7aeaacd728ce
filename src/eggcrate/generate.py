"""Generate commands and interpreters over private environments, in place of zc.buildout's.

The functions of ``zc.buildout.easy_install`` that write scripts are replaced, so that every
recipe that uses them (zc.recipe.egg and those built on it) gets what eggcrate writes.
"""

import inspect
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from eggcrate import binaries, bytecode, editable, environment, files, launcher, patches

logger = logging.getLogger("zc.buildout.easy_install")

SCRIPTS = (
    "reqs working_set executable dest scripts extra_paths arguments interpreter"
    " initialization relative_paths"
)


def install(buildout: Any) -> None:
    """Change what writes scripts in ``zc.buildout.easy_install``."""
    from zc.buildout import easy_install
    from zc.buildout.buildout import Options

    generator = Generator(Path(buildout["buildout"]["parts-directory"]).resolve())
    patches.replace(Options, "_call", "self f", generator.call)
    patches.replace(easy_install, "scripts", SCRIPTS, generator.scripts)
    parameters = "module_name attrs path dest arguments initialization rsetup"
    patches.replace(easy_install, "_script", parameters, generator.script)
    parameters = "path dest script_content initialization rsetup"
    patches.replace(easy_install, "_distutils_script", parameters, generator.distutils_script)
    patches.replace(
        easy_install, "_pyscript", "path dest rsetup initialization", generator.pyscript
    )


class Generator:
    """The replacements, and what they must know of one another: the part and its target."""

    def __init__(self, parts: Path) -> None:
        self.parts = parts
        self.name: str | None = None  # of the part's environment
        self.written: dict[environment.SearchPath, Path] = {}  # for this part
        self.target: launcher.Target | None = None
        self.initialized = False  # the interpreter runs the part's initialization at its start

    def call(self, original: Any) -> Any:
        """Return an ``Options._call`` that remembers for which part a recipe is called."""

        def call(options: Any, f: Any) -> Any:
            # Other recipes may want parts/<part> for themselves, and an empty one.
            is_egg = options["recipe"].partition(":")[0] == "zc.recipe.egg"
            self.name = options.name if is_egg else f"{options.name}.eggs"
            self.written.clear()
            try:
                return original(options, f)
            finally:
                self.name = None

        return call

    def scripts(self, original: Any) -> Any:
        """Return a ``scripts`` that writes the part's environment before its scripts."""
        signature = inspect.signature(original)

        def scripts(*args: Any, **kwargs: Any) -> list[str]:
            call = signature.bind(*args, **kwargs)
            call.apply_defaults()
            if self.name is None:  # buildout's own command, which bootstrap.py writes
                return list(original(*call.args, **call.kwargs))
            written = self._prepare(call.arguments)
            try:
                return [*original(*call.args, **call.kwargs), *written]
            finally:
                self.target = None

        return scripts

    def _prepare(self, given: dict[str, Any]) -> list[str]:
        """Write the environment; return what was written for buildout to remove one day."""
        search = search_path(given["working_set"], given["extra_paths"])
        path, commands = self._environment(search), Path(given["dest"]).resolve()
        bytecode.ensure(search.folders)
        self.initialized = bool(given["interpreter"])
        source = given["initialization"] if self.initialized else ""
        environment.write(path, environment.Base.current(), search, source)
        self.target = launcher.Target(
            path, self.parts, commands if given["relative_paths"] else None
        )
        linked = binaries.link(given["working_set"], given["reqs"], commands, given["scripts"])
        given["relative_paths"] = ""
        given["scripts"] = _remaining(given["scripts"], {given["interpreter"], *linked})
        return [str(path), *(str(commands / name) for name in linked)]

    def _environment(self, search: environment.SearchPath) -> Path:
        """Return the part's environment, or one beside it for a recipe that wants several sets."""
        number = len(self.written) + 1
        name = str(self.name) if number == 1 else f"{self.name}-{number}"
        return self.written.setdefault(search, self.parts / name)

    def script(self, original: Any) -> Any:
        """Return a ``_script``, which writes a command for an entry point."""

        def script(
            module_name: str, attrs: str, path: str, dest: str, arguments: str,
            initialization: str, rsetup: str,
        ) -> list[str]:  # fmt: skip
            if self.target is None:
                return list(
                    original(module_name, attrs, path, dest, arguments, initialization, rsetup)
                )
            source = "" if self.initialized else initialization
            text = launcher.call(self.target, module_name, attrs, arguments, source)
            return _command(dest, text)

        return script

    def distutils_script(self, original: Any) -> Any:
        """Return a ``_distutils_script``, which writes a command from an egg's own script."""

        def script(
            path: str, dest: str, script_content: str, initialization: str, rsetup: str
        ) -> list[str]:
            if self.target is None or not script_content.startswith("#!"):
                return list(original(path, dest, script_content, initialization, rsetup))
            before, after = split(script_content)
            source = "" if self.initialized else initialization
            return _command(dest, launcher.script(self.target, source + after, before))

        return script

    def pyscript(self, original: Any) -> Any:
        """Return a ``_pyscript``, which writes an interpreter."""

        def pyscript(path: str, dest: str, rsetup: str, initialization: str = "") -> list[str]:
            if self.target is None:
                return list(original(path, dest, rsetup, initialization))
            return _command(dest, launcher.interpreter(self.target))

        return pyscript


def search_path(working_set: Any, extra_paths: Sequence[str]) -> environment.SearchPath:
    """Return where to import from: sources, eggs, extra paths, in this order and each once.

    What the ``.pth`` files of an editable install name comes with it. zc.buildout puts that last,
    where an egg that brings a package of the same name would hide the project's own.
    """
    distributions = sorted(working_set, key=lambda found: found.location.endswith(".egg"))
    folders: list[str] = []
    code: list[str] = []
    for distribution in distributions:
        lines = editable.read(distribution)
        folders += [*lines.folders, distribution.location]
        code += lines.code
    folders = [os.path.realpath(folder) for folder in (*folders, *extra_paths)]
    return environment.SearchPath(tuple(dict.fromkeys(folders)), tuple(code))


def split(script: str) -> tuple[str, str]:
    """Split an egg's script (without its first line) before its first real import.

    What comes before (a docstring, ``from __future__``) must stay in front of everything else.
    """
    lines = script.splitlines(keepends=True)[1:]
    for number, line in enumerate(lines):
        if line.startswith(("import ", "from ")) and "__future__" not in line:
            return "".join(lines[:number]), "".join(lines[number:])
    return "".join(lines), ""


def _remaining(scripts: dict[str, str] | None, done: set[str | None]) -> dict[str, str] | None:
    """Return the scripts that are still to be written.

    ``scripts = python`` beside ``interpreter = python`` is how a part says "no scripts": an
    empty option would make zc.recipe.egg skip the interpreter, too.
    """
    if scripts is None:
        return None
    return {name: target for name, target in scripts.items() if target not in done}


def _command(dest: str, text: str) -> list[str]:
    if files.write(Path(dest), text, mode=0o755):
        logger.info("Generated %r.", dest)
    return [dest]
