"""Make develop eggs: by a call of the build backend, if anything that it reads has changed.

zc.buildout runs ``pip install --editable`` for each of them at every run, and pip fetches the
newest setuptools into an environment of its own: slow, not pinned, and impossible without an index.
"""

import logging
import shutil
import tempfile
from collections.abc import Iterable
from importlib.metadata import Distribution
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from eggcrate import editable_wheel, files, modes, patches, probes, sources
from eggcrate.editable_wheel import BackendError
from eggcrate.kept import Kept
from eggcrate.modes import Mode
from eggcrate.probes import Probes

logger = logging.getLogger("zc.buildout.easy_install")


class Workshop:
    """Where the develop eggs of a run are made."""

    def __init__(self, buildout: Any) -> None:
        self.buildout = buildout
        self.parts = Path(buildout["buildout"]["parts-directory"])
        self.inputs: Probes | None = {}  # of all of them; None if there is no telling

    def replacement(self, original: Any) -> Any:
        """Return a ``call_pip_install`` that installs editable projects without pip."""

        def call_pip_install(spec: str, dest: str, editable: bool = False) -> Any:
            project = Path(url2pathname(urlsplit(spec).path))
            if not editable or self._is_stock(project):
                return original(spec, dest, editable)
            self._make(project, Path(dest))
            return _announced(Path(dest), spec)

        return call_pip_install

    def _is_stock(self, project: Path) -> bool:
        """Tell whether zc.buildout is to fetch what is needed to build, as it always did."""
        if modes.of(self.buildout) is not Mode.OFF:
            return False
        return not all(map(sources.is_at_hand, sources.requirements(project)))

    def _make(self, project: Path, dest: Path) -> None:
        kept = Kept(self.parts, project)
        record = kept.read()
        needed = [*sources.requirements(project), *record.get("required", ())]
        if kept.fits(record, self._provide(project, needed)) and kept.copy(dest):
            self._depend(record["probes"])
        else:
            self._depend(self._build(project, dest, kept))

    def _build(self, project: Path, dest: Path, kept: Kept) -> Probes | None:
        paths: list[str] = []

        def provide(requirements: Iterable[str]) -> list[str]:
            paths[:] = self._provide(project, requirements)
            return paths

        try:
            with tempfile.TemporaryDirectory() as scratch:
                wheel = editable_wheel.make(project, Path(scratch).resolve(), provide)
                editable_wheel.unpack(wheel.path, dest, project)
        except BackendError as error:
            raise _user_error(project, error) from None
        logger.debug("%s", wheel.output)
        return kept.keep(dest, wheel.read, path=paths, required=wheel.required)

    def _provide(self, project: Path, requirements: Iterable[str]) -> list[str]:
        """Return the folders of the eggs that building ``project`` takes."""
        import zc.buildout

        missing = [text for text in requirements if not sources.is_at_hand(text)]
        try:
            return sources.path(self.buildout, missing)
        except zc.buildout.UserError as error:
            said = f"{project.name} needs {', '.join(missing)} to be built: {error}"
            raise zc.buildout.UserError(said) from None

    def _depend(self, found: Probes | None) -> None:
        if found is None or self.inputs is None:
            self.inputs = None
        else:
            self.inputs = probes.merge(self.inputs, found)


_workshop: Workshop | None = None


def install(buildout: Any) -> None:
    """Change what ``zc.buildout.easy_install.develop`` installs a project with."""
    from zc.buildout import easy_install

    global _workshop
    _workshop = Workshop(buildout)
    # zc.buildout's own folders, of a run that was killed.
    for path in files.abandoned(
        Path(buildout["buildout"]["develop-eggs-directory"]).glob("tmp*build")
    ):
        shutil.rmtree(path, ignore_errors=True)
    patches.replace(easy_install, "call_pip_install", "spec dest editable", _workshop.replacement)
    patches.replace(easy_install, "_copy_metadata", "src dest undo", _with_hooks)


def _with_hooks(original: Any) -> Any:
    """Return a ``_copy_metadata`` that keeps the hooks of any backend, not of setuptools only."""

    def copy(src: str, dest: str, undo: Any) -> None:
        original(src, dest, undo)
        for module in Path(src).glob("*.py"):  # the project's own modules stay where they are
            module.replace(Path(dest, module.name))

    return copy


def inputs() -> Probes | None:
    """Return what the develop eggs of this run depend on, None if there is no telling."""
    return _workshop.inputs if _workshop else None


def _announced(dest: Path, spec: str) -> str:
    """Return the name of the distribution in ``dest``; warn as zc.buildout does."""
    from zc.buildout import easy_install

    [metadata] = dest.glob("*.dist-info")
    name = str(Distribution.at(metadata).metadata["Name"])
    namespaces = metadata / "namespace_packages.txt"
    if namespaces.is_file():
        logger.warning(
            "WARNING: Package %s at %s is using old style namespace packages. "
            "You should switch to native namespaces (PEP 420).", name, spec,
        )  # fmt: skip
        easy_install.Installer._namespace_packages[name] = namespaces.read_text("utf-8")
    return name


def _user_error(project: Path, error: BackendError) -> Exception:
    import zc.buildout

    if error.output:
        logger.error("%s", error.output)
    failure: Exception = zc.buildout.UserError(f"{project} cannot be built: {error}")
    return failure
