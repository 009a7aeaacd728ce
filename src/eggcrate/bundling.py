"""Make a bundle: all that the lock has for this interpreter on this kind of machine.

All, and not what one configuration comes to: so no part, extra or recipe of any can lack
something where nothing can be fetched, and whether a bundle is whole can be told from the lock.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from pathlib import Path
from typing import Any

import zc.buildout

from eggcrate import bundle, choice, files, lockfile, platforms
from eggcrate.depot import Depot, Places
from eggcrate.lockfile import File
from eggcrate.offers import Offer
from eggcrate.progress import Progress, shown

FOLDER = Path("var", "bundles")

_FETCHERS = 8


def make(buildout: Any, output: Path | None = None) -> Path:
    """Write the bundle of a project to a file or into a folder; return where it is.

    What is in no cache is fetched. Raise ``UserError`` or ``FetchError``.
    """
    root = Path(buildout["buildout"]["directory"])
    depot = Depot.of(buildout)
    offers = list(_offers(depot))
    if not offers:
        raise zc.buildout.UserError(f"{lockfile.NAME} has nothing for {platforms.label()}")
    path = _destination(root, output, f"{title(buildout)}-{platforms.label()}.bundle.tar")
    artifacts = _fetched(depot, _places(buildout), offers)
    with files.replacing(path) as file:
        bundle.write(file, artifacts, lockfile.dumps(depot.lock))
    return path


def title(buildout: Any) -> str:
    """Return name and version of the project's own distribution, or else the folder's name."""
    options = buildout["buildout"]
    root = Path(options["directory"])
    for found in metadata.distributions(path=[options["develop-eggs-directory"]]):
        if f'"{root.as_uri()}"' in (found.read_text("direct_url.json") or ""):
            return f"{found.name}-{found.version}"
    return root.name


def _destination(root: Path, output: Path | None, name: str) -> Path:
    """Return where the bundle goes, whose folder is there then."""
    path = (output or root / FOLDER).absolute()
    if output is None or output.is_dir():
        path = path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _offers(depot: Depot) -> Iterator[Offer]:
    """Return the best file of every locked distribution; there may be none for this platform."""
    for (name, version), locked in depot.lock.entries.items():
        if best := choice.choose(locked):
            yield Offer(name, version, best)


def _places(buildout: Any) -> Places:
    index = buildout["buildout"].get("index", "").strip()
    return Places(index or None, tuple(buildout._links), buildout._allow_hosts)


def _fetched(depot: Depot, places: Places, offers: list[Offer]) -> dict[File, Path]:
    """Return where the files are, after fetching those that the cache does not have."""
    found = {offer: depot.cache.find(offer.file) for offer in offers}
    missing = [offer for offer, path in found.items() if path is None]
    with shown() as progress, ThreadPoolExecutor(_FETCHERS) as pool:
        jobs = {offer: pool.submit(_fetch, depot, places, offer, progress) for offer in missing}
        try:
            return {offer.file: path or jobs[offer].result() for offer, path in found.items()}
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _fetch(depot: Depot, places: Places, offer: Offer, progress: Progress) -> Path:
    progress.expect()
    _, path = depot.artifact(offer, places)
    progress.finish(str(offer))
    return path
