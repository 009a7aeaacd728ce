"""Supply zc.buildout with eggs: nothing gets into the folder of eggs but through here.

The functions of ``zc.buildout.easy_install`` that find, fetch and install distributions are
replaced, so that recipes and extensions, which zc.buildout fetches by the same functions, are
supplied like the eggs of the parts. zc.buildout goes on deciding what an environment is made of.
"""

import contextlib
import functools
import logging
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from eggcrate import fetch, patches, plan, sources, unpack
from eggcrate.depot import NotLockedError, Places
from eggcrate.lockfile import File
from eggcrate.modes import Mode
from eggcrate.offers import Offer, Wanted
from eggcrate.run import Run, begin, current, normal, notices

logger = logging.getLogger("zc.buildout.easy_install")


def install() -> None:
    """Change ``zc.buildout.easy_install``, before there is a buildout."""
    from zc.buildout import buildout

    patches.replace(buildout.Buildout, "__init__", patches.INIT, _remembered)
    _replace_all()


def load(buildout: Any) -> None:
    """Supply a buildout from here; where bin/buildout is eggcrate's own, it is already."""
    import pkg_resources

    if begin(buildout):
        _replace_all()
        run = current()
        if run is not None:  # what zc.buildout itself has fetched to get here
            run.note(pkg_resources.working_set)


def finish() -> None:
    """Say at the end of a run what was used without having been compared with the lock."""
    for line in notices():
        logger.warning(line)


def _remembered(original: Any) -> Any:
    @functools.wraps(original)
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        begin(self)
        original(self, *args, **kwargs)

    return init


def _replace_all() -> None:
    from zc.buildout import buildout, easy_install

    installer = easy_install.Installer
    for owner, name, parameters, replacement in (
        (installer, "install", "self specs working_set", _install),
        (installer, "_make_env", "self", _make_env),
        (installer, "_env_rescan_dest", "self", _env_rescan_dest),
        (installer, "_obtain", "self requirement source", _obtain),
        (installer, "_fetch", "self dist tmp download_cache", _fetch),
        (installer, "_call_pip_install", "self spec dest dist", _build),
        (easy_install, "_get_index", "index_url find_links allow_hosts", _get_index),
        (easy_install, "_move_to_eggs_dir_and_compile", "dist dest", _move),
        (easy_install, "call_pip_install", "spec dest editable", _call_pip_install),
        (buildout.Buildout, "bootstrap", "self args", _bootstrap),
    ):
        patches.replace(owner, name, parameters, functools.partial(_either, replacement))


def _either(replacement: Callable[..., Any], original: Any) -> Any:
    """Return a function that calls the replacement in a run that is supplied from here."""

    @functools.wraps(original)
    def function(*args: Any, **kwargs: Any) -> Any:
        run = current()
        if run is None:
            return original(*args, **kwargs)
        return replacement(run, original, *args, **kwargs)

    return function


# --- what there is -------------------------------------------------------------------------------


def _make_env(run: Run, _: Any, self: Any) -> Any:
    """Return the distributions that are there, of the eggs only those that may be used."""
    import pkg_resources
    from zc.buildout import easy_install

    environment = easy_install.Environment([])
    _add_dest(run, self, environment)
    for folder in self._path:
        if normal(folder) != run.eggs:
            environment.scan([folder])
            _judge_builds(run, folder, environment)
            continue
        for egg in run.depot.shelf(normal(folder)).distributions():
            # Without a destination (offline) zc.buildout takes eggs as they are, picked or not.
            environment.add(egg.clone(precedence=pkg_resources.DEVELOP_DIST))
    return environment


def _env_rescan_dest(run: Run, _: Any, self: Any) -> None:
    _add_dest(run, self, self._env)


def _add_dest(run: Run, installer: Any, environment: Any) -> None:
    folder = installer._dest
    if folder is None:
        return
    if run.is_develop(folder):
        environment.scan(installer._get_dest_dist_paths())
        installer._eggify_env_dest_dists(environment, folder)
        _judge_builds(run, folder, environment)
        return
    for egg in run.depot.shelf(normal(folder)).distributions():
        environment.add(egg)


def _judge_builds(run: Run, folder: str, environment: Any) -> None:
    """Use what was built with options of its own (zc.recipe.egg:custom) as its source may be."""
    if not run.is_develop(folder):
        return
    builds = [
        distribution
        for name in list(environment)
        for distribution in environment[name]
        if distribution.location.endswith(".egg")
        and normal(distribution.location).parent == normal(folder)
    ]
    for build in builds:
        if not _may_be_built(run, build):
            environment.remove(build)


def _may_be_built(run: Run, distribution: Any) -> bool:
    """Tell whether a build may be used; note it if that is so without a source in the lock."""
    name, version = distribution.project_name, distribution.version
    if run.depot.has_source(name, version):
        return True
    if run.mode is Mode.UNLOCKED:
        run.unlocked.add(f"{name} {version}")
    return run.mode is Mode.UNLOCKED


# --- what is to be had ---------------------------------------------------------------------------


def _get_index(
    _: Run, __: Any, index_url: str | None, find_links: Iterable[str], allow_hosts: Any = ("*",)
) -> Places:
    """Return where to look; nobody is asked before something is missing."""
    from zc.buildout import easy_install

    links, hosts = tuple(find_links), tuple(allow_hosts)
    if easy_install.Installer._install_from_cache:
        return Places(None, links, hosts, configured=False)
    return Places(index_url, links, hosts)


def _obtain(run: Run, _: Any, self: Any, requirement: Any, source: Any = None) -> Any:
    """Return a distribution that could be installed, None if there is none."""
    if self._dest is None:  # nothing is to be installed
        return None
    wanted = Wanted(requirement, bool(source), self._prefer_final)
    with _user_errors():
        try:
            offer = run.depot.offer(wanted, self._index)
        except NotLockedError:
            if any(known in requirement for known in self._env[requirement.project_name]):
                return None
            if wanted.pinned or self._allow_picked_versions or not self._check_picked:
                raise
            return _refuse_pick(run, self, wanted)
    return offer and _available(offer)


def _refuse_pick(run: Run, installer: Any, wanted: Wanted) -> None:
    """Say what has no pin, in zc.buildout's words, without having it installed first."""
    import zc.buildout
    from zc.buildout.easy_install import NOT_PICKED_AND_NOT_ALLOWED

    latest = run.depot.latest(wanted, installer._index)
    if latest is not None:
        raise zc.buildout.UserError(
            NOT_PICKED_AND_NOT_ALLOWED.format(name=latest.name, version=latest.version)
        )


def _available(offer: Offer) -> Any:
    import pkg_resources

    distribution = pkg_resources.Distribution(
        offer.file.name,
        project_name=offer.name,
        version=offer.version,
        precedence=pkg_resources.SOURCE_DIST if offer.source else pkg_resources.BINARY_DIST,
    )
    distribution.offer = offer
    return distribution


def _fetch(run: Run, _: Any, self: Any, dist: Any, *__: Any) -> Any:
    """Return the distribution with the place of its artifact, which is verified."""
    with _user_errors():
        offer, path = run.depot.artifact(dist.offer, self._index)
        if offer.source:  # others will read it
            path = fetch.copy(offer.file, path, fetch.scratch())
    fetched = dist.clone(location=str(path))
    fetched.offer = offer
    return fetched


# --- what gets in --------------------------------------------------------------------------------


def _move(run: Run, original: Any, dist: Any, dest: str) -> Any:
    """Make the egg of a fetched distribution in ``dest``."""
    import zc.buildout

    offer: Offer | None = getattr(dist, "offer", None)
    if offer is not None:
        with _user_errors():
            return _placed(run, offer, Path(dist.location), normal(dest))
    if run.building and run.is_develop(dest):
        return original(dist, dest)
    raise zc.buildout.UserError(f"{dist} from {dist.location} is not in versions.lock")


def _placed(run: Run, offer: Offer, artifact: Path, folder: Path) -> Any:
    import zc.buildout

    cache, file, origin = run.depot.cache, offer.file, None
    if offer.source:
        artifact = sources.wheel(run.buildout, artifact)
        file, origin = File(artifact.name, fetch.digest(artifact)), offer.file
    egg = unpack.unpack(artifact, file, folder, cache, origin=origin)
    found = run.depot.shelf(folder).add(egg.path)
    if not found:
        raise zc.buildout.UserError(f"{offer.file.name} makes no egg of {offer}")
    return found[0]


def _build(run: Run, original: Any, self: Any, spec: str, dest: str, distribution: Any) -> Any:
    """Let what zc.recipe.egg:custom builds get into develop-eggs."""
    run.building = _may_be_built(run, distribution)
    try:
        return original(self, spec, dest, distribution)
    finally:
        run.building = False


def _call_pip_install(run: Run, original: Any, spec: str, dest: str, editable: bool = False) -> Any:
    """Install from a folder of sources, with what is pinned and locked to build it with."""
    import zc.buildout

    folder = Path(url2pathname(urlsplit(spec).path) if spec.startswith("file:") else spec)
    if not folder.is_dir():
        raise zc.buildout.UserError(f"{spec} is not in versions.lock")
    needed = sources.requirements(folder)
    with sources.closed(sources.path(run.buildout, needed)):
        return original(spec, dest, editable)


def _bootstrap(*_: Any) -> None:
    """Refuse to copy the build tools into the folder of eggs."""
    import zc.buildout

    raise zc.buildout.UserError(
        "`bootstrap` would put the build tools among the eggs as they are; there is no need to"
    )


def _install(run: Run, original: Any, self: Any, specs: Iterable[str], ws: Any = None) -> Any:
    """Install a part's eggs, those of all parts having been fetched at once."""
    specs = list(specs)
    if self._dest is not None:
        new = run.plan(specs, self._dest, of_part=ws is None)
        with _user_errors():
            plan.prefetch(run.depot, self, new)
    found = original(self, specs, ws)
    run.note(found)
    return found


@contextlib.contextmanager
def _user_errors() -> Iterator[None]:
    import zc.buildout

    try:
        yield
    except (fetch.FetchError, unpack.UnpackError) as error:
        raise zc.buildout.UserError(str(error)).with_traceback(error.__traceback__) from None
    except OSError as error:  # no room, no right to write
        said = f"{error.filename or 'an artifact'}: {error.strerror or error}"
        raise zc.buildout.UserError(said).with_traceback(error.__traceback__) from None
