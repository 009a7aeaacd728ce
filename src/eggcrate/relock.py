"""The lock that belongs to the pins, as the index describes their files."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from eggcrate import filenames, targets
from eggcrate.cfgs import Pin
from eggcrate.index import Index, Link, UnavailableError, UnreachableError
from eggcrate.lockfile import File, Lock, canonical, normalised
from eggcrate.targets import Target

# As many connections as pip's session keeps open to a host, roughly.
WORKERS = 8

_Key = tuple[str, str]
_Input = TypeVar("_Input")
_Output = TypeVar("_Output")


@dataclass(frozen=True)
class Entry:
    """The files of a version, and in ``notes`` what is to be said of them."""

    files: tuple[File, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Relocked:
    """A new lock; ``errors`` are reasons not to write it."""

    lock: Lock
    notes: list[str]
    errors: list[str]


def relock(pins: Iterable[Pin], index: Index, old: Lock, replace: frozenset[str]) -> Relocked:
    """Return the lock of all pins.

    A locked file that has become another one is an error: an index does not do that, whoever
    took it over does. The distributions named in ``replace`` are exempt. Raise
    :exc:`UnreachableError` if the index does not answer.
    """
    wanted = targets_of(pins)
    found = each(lambda key: _tried(key, wanted[key], index), wanted)
    entries: dict[_Key, tuple[File, ...]] = {}
    notes: list[str] = []
    errors: list[str] = []
    for key, entry in zip(wanted, found, strict=True):
        if isinstance(entry, str):
            errors.append(entry)
            continue
        entries[key] = entry.files
        notes += entry.notes
        if key[0] not in replace:
            errors += changed_hashes(key, old.of(*key), entry.files)
    return Relocked(Lock(entries), notes, errors)


def targets_of(pins: Iterable[Pin]) -> dict[_Key, list[Target]]:
    """Return what is to be locked, and for which targets; nothing for a pin that none has."""
    found: dict[_Key, dict[Target, None]] = {}
    for pin in pins:
        if pin.targets:
            found.setdefault(pin.key, {}).update(dict.fromkeys(pin.targets))
    return {key: list(wanted) for key, wanted in sorted(found.items())}


def changed_hashes(key: _Key, old: Iterable[File], new: Iterable[File]) -> Iterator[str]:
    """Yield a line for each file that is not what was locked."""
    known = {file.name: file.sha256 for file in old}
    for file in new:
        if known.get(file.name, file.sha256) != file.sha256:
            yield (
                f"{key[0]} {key[1]}: {file.name} was locked with sha256 {known[file.name]}, and"
                f" the index now has {file.sha256}: find out why before you run"
                f" `bin/lock --replace {key[0]}`"
            )


def _tried(key: _Key, wanted: list[Target], index: Index) -> Entry | str:
    try:
        return entry(key, wanted, index)
    except UnreachableError:
        raise
    except UnavailableError as failure:
        return f"{key[0]} {key[1]}: {failure}"


def each(call: Callable[[_Input], _Output], inputs: Iterable[_Input]) -> list[_Output]:
    """Return what ``call`` returns for each input; several threads wait for the network.

    Of the inputs that come after one that raises, as few as possible are called.
    """
    with ThreadPoolExecutor(WORKERS) as pool:
        try:
            return list(pool.map(call, inputs))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def entry(key: _Key, wanted: list[Target], index: Index) -> Entry:
    """Return the files of one version that are to be locked.

    Raise :exc:`UnavailableError` if there are none.
    """
    name, version = key
    known = index.files(name, complete=True)
    if not known:
        raise UnavailableError(f"no such distribution in {index}")
    links = of_version(known, name, version)
    chosen = targets.relevant(links, running(wanted, links.values()))
    if not chosen:
        raise UnavailableError(_why_none(links, wanted))
    files = tuple(File(file, links[file].sha256 or hashed(links[file], index)) for file in chosen)
    return Entry(files, tuple(_notes(key, [links[file] for file in chosen], wanted)))


def of_version(links: Mapping[str, Link], name: str, version: str) -> dict[str, Link]:
    """Return those of a project's files that are of one version."""
    wanted, project = canonical(version), normalised(name)
    return {
        file: link
        for file, link in links.items()
        if (found := filenames.version(file, project)) and canonical(found) == wanted
    }


def running(wanted: Iterable[Target], links: Iterable[Link]) -> list[Target]:
    """Return the targets whose Python is one that the files are for."""
    specifiers = requires_python(links)
    return [target for target in wanted if all(map(target.runs, specifiers))]


def requires_python(links: Iterable[Link]) -> list[SpecifierSet]:
    """Return what the files say of Python, without what cannot be understood."""
    found = []
    for text in {link.requires_python for link in links} - {""}:
        try:
            found.append(SpecifierSet(text))
        except InvalidSpecifier:
            continue  # written before there were rules (PEP 440)
    return found


def hashed(link: Link, index: Index) -> str:
    """Return the sha256 of a file of which the index says none."""
    digest = hashlib.sha256()
    for chunk in index.read(link.url):
        digest.update(chunk)
    return digest.hexdigest()


def _why_none(links: Mapping[str, Link], wanted: list[Target]) -> str:
    if not links:
        return "there is no such version, or none with a wheel or a source distribution"
    texts = sorted({link.requires_python for link in links.values()} - {""})
    if texts and not running(wanted, links.values()):
        return f"it wants Python {', '.join(texts)}"
    return f"none of its {len(links)} files is for {few(wanted)}"


def _notes(key: _Key, links: list[Link], wanted: list[Target]) -> Iterator[str]:
    if reasons := sorted({link.yanked for link in links if link.yanked is not None}):
        reason = "; ".join(filter(None, reasons))
        yield f"{key[0]} {key[1]} was yanked" + (f": {' '.join(reason.split())}" if reason else "")
    fitting = running(wanted, links)
    unserved = {*wanted} - {*fitting} | {*targets.missing([link.name for link in links], fitting)}
    if unserved:
        yield f"{key[0]} {key[1]} is not for {few([one for one in wanted if one in unserved])}"


def few(wanted: list[Target]) -> str:
    """Return the names of targets, in short if there are many."""
    names = [str(target) for target in wanted]
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
