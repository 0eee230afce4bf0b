"""A tree at a URL, or a part of it, into a folder: goes on where it was stopped, compares bytes."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from glob import escape
from pathlib import Path

from phenolens.errors import ConfigError, InputError, PhenolensError, UnreachableError, shown
from phenolens.places import is_url
from phenolens.remote.asking import ObjectStat, about
from phenolens.remote.checksums import Check, compared
from phenolens.remote.fetching import fetch
from phenolens.remote.folder import RemoteFolder
from phenolens.remote.urls import plain_url
from phenolens.words.numbers import plural, size

_EVERY = 0.5
"""Seconds between two looks at what is there."""
_GIVES_UP = 8
"""Files that fail one after another until the rest is left alone."""
_WILD = re.compile(r"[*?\[]")


@dataclass(frozen=True)
class Planned:
    """A file to fetch, or one that is there.

    Attributes
    ----------
    name : str
        Its path below the folder.
    told : ObjectStat
        What the store says of it.
    state : {"new", "changed", "there"}
        ``changed``: there is another file of that name in the folder, which is replaced.
    """

    name: str
    told: ObjectStat
    state: str

    @property
    def bytes(self) -> int:
        """How long it is, as far as the store says."""
        return self.told.size or 0


@dataclass
class Downloaded:
    """What was found at a URL, and what was done about it.

    Attributes
    ----------
    url : str
    folder : Path
    files : tuple of Planned
    dry_run : bool
        Nothing was fetched.
    checks : Counter
        With what fetched files were compared: number of files by ``MD5``, ``MD5 of parts``,
        ``size``.
    """

    url: str
    folder: Path
    files: tuple[Planned, ...]
    dry_run: bool = False
    checks: Counter[Check] = field(default_factory=Counter)

    def lines(self) -> Iterator[str]:
        """What the command prints: with a dry run each file, then the sums."""
        if self.dry_run:
            for one in self.files:
                yield f"{one.bytes:>15,}  {one.state:7}  {one.name}"
        for state, said in (
            ("new", "to fetch" if self.dry_run else "fetched"),
            ("changed", "to fetch anew, for another is there" if self.dry_run else "replaced"),
            ("there", "there already, as at the URL"),
        ):
            some = [one for one in self.files if one.state == state]
            if some:
                total = sum(one.bytes for one in some)
                yield f"{plural(len(some), 'file')} {said}: {size(total)} ({total:,} bytes)"
        for check in ("MD5", "MD5 of parts", "size"):
            if n := self.checks[check]:
                alone = " alone: the store tells no checksum of them" if check == "size" else ""
                yield f"{plural(n, 'file')} compared by {check}{alone}"


def download(
    url: str,
    folder: str | Path,
    *,
    include: Sequence[str] = (),
    plate: Sequence[str] = (),
    threads: int = 16,
    dry_run: bool = False,
    tell: Callable[[int, int], None] | None = None,
) -> Downloaded:
    """Fetch a tree at a URL, or a part of it, into a folder; what is there already stays.

    A download that was stopped goes on when it is called again: whole files are kept, and large
    ones go on where they were cut. A file has its name when it is whole and compared with what its
    store says: by MD5 where its ETag is one, also of parts; else by size, and which is said.

    Parameters
    ----------
    url : str
        A folder or file of ``s3://`` or ``gs://``, or a file of ``https://``.
    folder : path
        Where it goes. A file in it that differs from the one at the URL is replaced.
    include : sequence of str
        Patterns of paths below the URL, such as ``*.csv.gz`` or ``images/*/BR00116991__*``; a star
        stands for anything, slashes too. What stands before the first star is asked for alone, and
        so quickly.
    plate : sequence of str
        Plates: files with such a name in their path, before ``_``, ``.`` or the end of a part.
    threads : int
        Files that are fetched at once.
    dry_run : bool
        List files and bytes, and fetch nothing.
    tell : callable, optional
        Called with bytes that are there and bytes in all, now and again.

    Returns
    -------
    Downloaded

    Raises
    ------
    ConfigError
        If `threads` is none.
    InputError
        If there is no such file, a name cannot be one here, or the disk has no room.
    UnreachableError
        If something could not be fetched; the rest is there.
    """
    if not is_url(url):
        raise InputError(f"{url} is no URL, such as s3://bucket/folder; to copy files, use cp.")
    if isinstance(threads, bool) or not isinstance(threads, int) or threads < 1:
        raise ConfigError(f"threads (--threads) must be 1 or more; got {shown(threads)}.")
    folder = Path(folder).expanduser().absolute()
    place, found = _listed(plain_url(url), include)
    names = [name for name in found if _wanted(name, include, plate)]
    if not names:
        asked = " that fits what was asked for" if found or include else ""
        raise InputError(f"There is no file{asked} at {place.url}.")
    for name in names:
        _require_name(name, place)
    planned = tuple(_planned(name, found[name], folder) for name in sorted(names))
    result = Downloaded(place.url, folder, planned, dry_run)
    missing = [one for one in planned if one.state != "there"]
    _require_room(missing, folder)
    if not dry_run:
        _fetch_all(place, folder, missing, result=result, threads=threads, tell=tell)
    return result


def _listed(url: str, include: Sequence[str]) -> tuple[RemoteFolder, dict[str, ObjectStat]]:
    """All files that may be meant, below a folder; of a URL that is a file, that one alone."""
    place = RemoteFolder(url)
    begins = {_WILD.split(pattern)[0] for pattern in include} or {""}
    found: dict[str, ObjectStat] = {}
    for begin in sorted(begins) if not url.startswith("http") else ():
        if not any(begin != other and begin.startswith(other) for other in begins):
            found |= place.files(begin)
    if found or include:
        return place, found
    above, _, name = place.url.rpartition("/")
    return RemoteFolder(above), {name: about(place.url)}


def _wanted(name: str, include: Sequence[str], plates: Sequence[str]) -> bool:
    if include and not any(fnmatchcase(name, pattern) for pattern in include):
        return False
    return not plates or any(_is_of(name, plate) for plate in plates)


def _is_of(name: str, plate: str) -> bool:
    return re.search(rf"(^|/){re.escape(plate)}(?=[_./]|$)", name) is not None


def _require_name(name: str, place: RemoteFolder) -> None:
    """Refuse a name that would lead out of the folder, or that no file can have.

    Raises
    ------
    InputError
    """
    parts = name.split("/")
    wrong = any(part in ("", ".", "..") or "\0" in part for part in parts)
    if wrong or (os.name == "nt" and re.search(r'[\\:*?"<>|]', name)):
        raise InputError(f"{place.url} holds {shown(name)}, which no file can be called here.")


def _planned(name: str, told: ObjectStat, folder: Path) -> Planned:
    file = folder / name
    try:
        there = file.stat()
    except FileNotFoundError:
        return Planned(name, told, "new")
    stamp = told.stamp
    if there.st_size == stamp.size:
        if there.st_mtime_ns == stamp.nanoseconds:
            return Planned(name, told, "there")
        if told.etag and compared(file, told) != "size":  # fetched by another tool
            return Planned(name, told, "there")
    return Planned(name, told, "changed")


def _require_room(missing: Sequence[Planned], folder: Path) -> None:
    """Refuse what the disk has not the room for.

    Raises
    ------
    InputError
    """
    there = next(above for above in (folder, *folder.parents) if above.is_dir())
    begun = sum(p.stat().st_size for one in missing if (p := _partial(folder, one)).is_file())
    needed, free = sum(one.bytes for one in missing) - begun, shutil.disk_usage(there).free
    if needed > free:
        raise InputError(
            f"{size(needed)} are to be fetched, and the disk of {folder} has {size(free)} free. "
            "Free some, name another folder, or ask for less with --include or --plate."
        )


def _partial(folder: Path, one: Planned) -> Path:
    """Where a file lies until it is whole: under a name that holds which content it is."""
    file, stamp = folder / one.name, one.told.stamp
    content = hashlib.sha256(f"{one.name} {stamp}".encode()).hexdigest()[:12]
    return file.with_name(f".partial-{content}-{file.name[-200:]}")


def _fetch_all(
    place: RemoteFolder,
    folder: Path,
    missing: Sequence[Planned],
    *,
    result: Downloaded,
    threads: int,
    tell: Callable[[int, int], None] | None,
) -> None:
    """Fetch files, some at once; what fails is told when the others are there.

    Raises
    ------
    UnreachableError
        If some could not be fetched.
    """
    total, done = sum(one.bytes for one in missing), 0
    running: dict[Future[Check], Planned] = {}
    failed: list[PhenolensError] = []
    in_a_row = 0
    rest = iter(missing)
    with ThreadPoolExecutor(threads) as pool:
        try:
            while True:
                while len(running) < 2 * threads and in_a_row < _GIVES_UP:
                    if (one := next(rest, None)) is None:
                        break
                    running[pool.submit(_fetch_one, place, folder, one)] = one
                if not running:
                    break
                for future in wait(running, _EVERY, FIRST_COMPLETED).done:
                    one = running.pop(future)
                    try:
                        result.checks[future.result()] += 1
                        done, in_a_row = done + one.bytes, 0
                    except PhenolensError as error:
                        failed, in_a_row = [*failed, error], in_a_row + 1
                if tell is not None:
                    tell(min(done + _begun(folder, running.values()), total), total)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    if failed:
        left = len(missing) - sum(result.checks.values())
        raise UnreachableError(
            f"{left} of {plural(len(missing), 'file')} could not be fetched; the first: "
            f"{str(failed[0]).rstrip('.')}. What was fetched is kept: the same command goes on."
        )


def _begun(folder: Path, running: Iterable[Planned]) -> int:
    """Bytes of files that are being fetched."""
    found = 0
    for one in running:
        with suppress(OSError):
            found += _partial(folder, one).stat().st_size
    return found


def _fetch_one(place: RemoteFolder, folder: Path, one: Planned) -> Check:
    file, partial = folder / one.name, _partial(folder, one)
    if file.is_dir():
        raise InputError(f"{file} is a folder, and {place / one.name} is a file. Move it away.")
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        fetch(place / one.name, partial, known=one.told, resume=True)
    finally:
        if partial.is_file() and one.bytes and not partial.stat().st_size:
            partial.unlink()
    check = compared(partial, one.told)
    os.utime(partial, ns=(time.time_ns(), one.told.stamp.nanoseconds))
    partial.replace(file)
    for left in file.parent.glob(f".partial-{'?' * 12}-{escape(partial.name[22:])}"):
        left.unlink(missing_ok=True)  # of a content that is no longer at the URL
    return check
