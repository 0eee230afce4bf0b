"""A bounded copy of what lies elsewhere, in which names, sizes and times stand as for local files.

What a store lists becomes placeholders: files without content or permissions (mode 0), of the right
size, whose time of change holds the object's and, in its nanoseconds, its ETag. So whatever looks
at names, sizes and times works on places (:mod:`phenolens.places`) as on a folder of this machine.

The bytes come when a file is opened. Python announces every file that it opens, and every folder
that it lists, to audit hooks; ours fetches or lists first. A library that opens files without
Python must be handed :func:`local`. A placeholder is never content: who opens it past both is
refused by its mode or, as an administrator, finds zeros, which no format with a signature takes.

Several processes share a mirror: contents come under a lock and appear by renaming.
"""

from __future__ import annotations

import os
import shutil
import stat
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path, PurePath
from typing import Any, TypeVar
from uuid import uuid4

from phenolens.errors import ConfigError, InputError, UnreachableError
from phenolens.places import CACHE, cache_folder, is_place, is_url, mirror_folder, named, place_of
from phenolens.remote.asking import Stamp, about, about_of, asked, environment, filesystem, tries
from phenolens.remote.fetching import ChangedError, fetch, read_range
from phenolens.remote.urls import plain_url, scheme_of

BOUND = "PHENOLENS_CACHE_SIZE"
"""Environment variable: most bytes of content in the cache, such as ``50GB``."""
MOST = 20 * 10**9
GRACE = 10.0
"""Seconds after its last use in which a content is not given up."""
DAY = 86_400
PLACEHOLDER, CONTENT = 0, 0o444
THREADS = 16
MANY = 48
"""Folders in one, above which all below it is listed at once."""
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}

Item = TypeVar("Item")
Tell = Callable[[int], None]
Keep = Callable[[str, list[str]], list[str]]
Part = Callable[[int, int], bytes]
"""Gives bytes of a file: from where, how many; fewer at its end."""
_looked: set[str] = set()
"""Places listed by this process: of a folder alone, or, with ``/**``, of all below it."""
_touched: dict[str, float] = {}
_brought = [0]
_guard = threading.RLock()
_state = threading.local()


def local(path: str | Path) -> Path:
    """A file of this machine with the content of a path or URL; folders and local paths as given.

    Parameters
    ----------
    path : path
        Of this machine, a place, or a URL.

    Raises
    ------
    InputError
        If a URL leads to nothing.
    UnreachableError
        If it cannot be read.
    """
    if is_url(path):
        place = placed(path)
    elif is_place(path):
        place = Path(path)
    else:
        return Path(path)
    _bring(place)
    return place


def placed(path: str | Path) -> Path:
    """The place of a URL, looked up where nobody did; a path of this machine as given.

    For what looks at names, sizes and times. A URL that leads to nothing has a place that is not
    there.

    Raises
    ------
    UnreachableError
        If it cannot be looked at.
    """
    if not is_url(path):
        return Path(path)
    place = _place(path)
    if not _is_known(place):
        look(path)
    return place


def is_there(url: str | Path) -> bool:
    """Whether this process found a file at a URL; nothing is asked."""
    place = _place(url)
    return _is_known(place) and place.exists()


def _all(folder: str, names: list[str]) -> list[str]:
    """All folders are looked into."""
    del folder
    return names


def _silently(count: int) -> None:
    """Tell nobody."""


def look(url: str | Path) -> Path:
    """Look at one file or folder elsewhere, as it is now.

    Parameters
    ----------
    url : str

    Returns
    -------
    Path
        Its place: a placeholder or content, a folder with its files and folders, or nothing.
    """
    watch()
    url = plain_url(url)
    place = _place(url)
    file_first = not url.endswith("/") and bool(PurePath(url).suffix)
    for is_file in (file_first, not file_first):
        if is_file and (stamp := _stamp(url)) is not None:
            _put(place, stamp)
            with _guard:
                _looked.add(str(place))
            if not _is_web(url) and not _is_known(place.parent / "any"):
                with suppress(UnreachableError):  # who may read a file may not always list
                    _list(place.parent)  # what is read with it lies beside it
            return place
        if not is_file and any(_list(place)):
            return place
    return place


def look_at(urls: Iterable[str]) -> None:
    """Look at many files: by the lists of their folders, or one by one where there is no list."""
    folders: dict[Path, list[str]] = {}
    for url in urls:
        folders.setdefault(_place(url).parent, []).append(url)
    watch()
    unknown = [folder for folder in folders if not _is_known(folder / "any")]
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(_list, unknown))
        alone = [u for f, held in folders.items() if not _is_known(f / "any") for u in held]
        list(pool.map(look, alone))


def why_not(url: str) -> str:
    """Why a file elsewhere cannot be read, for who can do without it; empty where it can.

    It is asked for twice at most: a folder may list images of a store that nobody wants.

    Parameters
    ----------
    url : str
    """
    before = tries.set(2)
    try:
        return "" if placed(url).exists() else f"There is no file {url}."
    except (InputError, UnreachableError) as error:
        return str(error)
    finally:
        tries.reset(before)


def look_below(url: str | Path, *, keep: Keep = _all, tell: Tell = _silently) -> Path:
    """List all that lies below a folder elsewhere; or look at the one file.

    Parameters
    ----------
    url : str
    keep : callable, optional
        Of a folder (relative, ``""`` for the first) and the names of the folders in it, those that
        are looked into.
    tell : callable, optional
        Called with how many files were listed so far.

    Returns
    -------
    Path
        Its place.

    Raises
    ------
    InputError
        If there is nothing.
    """
    if PurePath(url).suffix and (file := look(url)).is_file():
        return file
    watch()
    top, counted, whole_tree = _place(plain_url(url)), 0, True
    with ThreadPoolExecutor(THREADS) as pool:
        layer = [top]
        while layer:
            found = list(pool.map(_list, layer))
            counted += sum(files for files, _ in found)
            tell(counted)
            chosen = [
                [folder / name for name in keep(_relative(folder, top), sorted(below))]
                for folder, (_, below) in zip(layer, found, strict=True)
            ]
            whole_tree &= sum(map(len, chosen)) == sum(len(below) for _, below in found)
            # CellProfiler leaves a folder a field: lists of all below one ask for a thousand files
            # at a time, where each folder's own list would be a request
            whole = [f for f, below in zip(layer, chosen, strict=True) if len(below) > MANY]
            for files in pool.map(_find, whole):
                counted += files
                tell(counted)
            layer = [one for below in chosen if len(below) <= MANY for one in below]
    if whole_tree:
        with _guard:
            _looked.add(f"{top}/**")
    if not top.is_dir():
        fs, path = filesystem(plain_url(url))
        asked(str(url), lambda: fs.ls(path), doing="listed")  # says so where there is no bucket
        raise InputError(f"There is no file or folder {plain_url(url)}.")
    return top


def _relative(folder: Path, top: Path) -> str:
    return "" if folder == top else folder.relative_to(top).as_posix()


def look_anew() -> None:
    """Forget what was listed: from now on folders are listed as they are then."""
    with _guard:
        _looked.clear()


@contextmanager
def parts_of(path: str | Path) -> Iterator[Part]:
    """What gives parts of a file; those of a placeholder are fetched, and nothing else of it.

    Parameters
    ----------
    path : path
        Of this machine, or a place.
    """
    if is_place(path) and _is_placeholder(about_it := os.stat(path)):  # noqa: PTH116
        url, size = named(path), about_it.st_size
        yield lambda start, length: read_range(url, start, length, size=size)
        return
    file = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
    try:
        yield lambda start, length: os.pread(file, length, start)
    finally:
        os.close(file)


def fetch_ahead(paths: Iterable[str | Path]) -> None:
    """Fetch several files at once; what goes wrong is told to who reads them."""
    wanted = [path for path in paths if is_url(path) or is_place(path)]
    if len(wanted) > 1:
        with ThreadPoolExecutor(min(THREADS, len(wanted))) as pool:
            list(pool.map(_try, wanted))


def _try(path: str | Path) -> None:
    try:
        local(path)
    except (InputError, UnreachableError, OSError):
        return


def bound() -> int:
    """Most bytes of content in the cache.

    Raises
    ------
    ConfigError
        If ``$PHENOLENS_CACHE_SIZE`` is no size.
    """
    given = os.environ.get(BOUND, "").strip().lower()
    number = given.removesuffix("b").rstrip("kmgt")
    try:
        return int(float(number) * _UNITS[given.removesuffix("b")[len(number) :]]) or MOST
    except (ValueError, KeyError):
        if not given:
            return MOST
        raise ConfigError(
            f"--cache-size, or {BOUND}, is a size, such as 50GB; got {given!r}."
        ) from None


# Listing


def _place(url: str | Path) -> Path:
    try:
        return place_of(plain_url(url))
    except ValueError as error:
        raise InputError(f"{error}, so that it cannot be read.") from None


def _is_known(place: Path) -> bool:
    """Whether this process listed the folder of a place, or one above that does not have it.

    What is not there then is not there. A worker takes what it finds as its main process left it.
    """
    if _watching[1] and os.path.lexists(place):
        return True
    below = place
    with _guard:
        if str(place) in _looked:
            return True
        for above in place.parents:
            if f"{above}/**" in _looked:
                return True
            if str(above) in _looked:
                return below is place or not below.is_dir()
            below = above
    return False


def _list(folder: Path) -> tuple[int, list[str]]:
    """List one folder: how many files it has, and the names of its folders."""
    url = named(folder)
    fs, path = filesystem(url)
    web = _is_web(url)
    try:
        told = asked(url, lambda: fs.ls(f"{path}/" if web else path, detail=True), doing="listed")
    except InputError:
        told = []
    except UnreachableError:
        if not web:
            raise
        return 0, []  # a server that shows no lists: its files are looked at one by one
    held = {}
    for one in told:
        whole = str(one["name"]).rstrip("/")
        name = whole.rpartition("/")[2]
        if whole != path.rstrip("/") and _can_be_held(name):
            held[name] = one
    folders = [name for name, one in held.items() if one["type"] == "directory"]
    files = [name for name in held if name not in folders]
    if web:
        with ThreadPoolExecutor(THREADS) as pool:
            stamps = list(pool.map(lambda name: _stamp(f"{url}/{name}"), files))
    else:
        stamps = [about_of(held[name]).stamp for name in files]
    with _apart():
        if held:
            folder.mkdir(parents=True, exist_ok=True)
        _put_all(folder, {n: s for n, s in zip(files, stamps, strict=True) if s is not None})
        for name in folders:
            (folder / name).mkdir(exist_ok=True)
        _drop(folder, but=held)
    if held or not web:
        with _guard:
            _looked.add(str(folder))
    return len(files), folders


def _find(folder: Path) -> int:
    """List all below one folder; how many files there are."""
    url = named(folder)
    fs, path = filesystem(url)
    told = asked(url, lambda: fs.find(path, detail=True), doing="listed")
    below: dict[Path, dict[str, Stamp]] = {}
    for name, one in told.items():
        parts = name[len(path.rstrip("/")) + 1 :].split("/")
        if all(map(_can_be_held, parts)):
            held = below.setdefault(folder.joinpath(*parts[:-1]), {})
            held[parts[-1]] = about_of(one).stamp
    with _apart():
        for place, stamps in below.items():
            place.mkdir(parents=True, exist_ok=True)
            _put_all(place, stamps)
            folders = {one.name for one in below if one.parent == place} if place == folder else ()
            _drop(place, but={*stamps, *folders})
    with _guard:
        _looked.add(f"{folder}/**")
    return len(told)


def _is_web(url: str) -> bool:
    return scheme_of(url).startswith("http")


def _can_be_held(name: str) -> bool:
    """Whether a file may be called so here; pages of servers link to themselves as ``?C=N``."""
    return name not in ("", ".", "..") and not set(name) & set("\0?#") and len(name) < 250


def _stamp(url: str) -> Stamp | None:
    """Of the file at a URL; None where there is none."""
    try:
        return about(url).stamp
    except InputError:
        return None


def _drop(folder: Path, *, but: Collection[str]) -> None:
    """Take away what is no longer there."""
    if folder.is_dir():
        with os.scandir(folder) as listing:
            gone = [entry for entry in listing if entry.name not in but]
        for entry in gone:
            shutil.rmtree(entry.path) if entry.is_dir() else Path(entry.path).unlink()


def _put_all(folder: Path, stamps: Mapping[str, Stamp]) -> None:
    for name, stamp in stamps.items():
        _put(folder / name, stamp)


def _put(place: Path, stamp: Stamp) -> None:
    """A placeholder, unless the content of this stamp, or a placeholder of it, is there.

    Raises
    ------
    UnreachableError
        If nobody says how long the file is.
    """
    if stamp.size is None:
        raise UnreachableError(
            f"{named(place)}: its server does not say how long it is. Download it, and give the "
            "file."
        )
    try:
        there = os.stat(place)  # noqa: PTH116
    except OSError:
        place.parent.mkdir(parents=True, exist_ok=True)
    else:
        if (there.st_size, there.st_mtime_ns) == (stamp.size, stamp.nanoseconds):
            return
        if stat.S_ISDIR(there.st_mode):
            with _apart():
                shutil.rmtree(place)
    _placeholder(place, stamp)


def _placeholder(place: Path, stamp: Stamp) -> None:
    """Put a file of the right size and time there that nobody may read."""
    partial = _partial()
    file = os.open(partial, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o200)
    try:
        os.ftruncate(file, stamp.size or 0)
        os.fchmod(file, PLACEHOLDER)
    finally:
        os.close(file)
    os.utime(partial, ns=(stamp.nanoseconds, stamp.nanoseconds))
    made = os.stat(partial)  # noqa: PTH116
    if made.st_mtime_ns != stamp.nanoseconds or not _is_placeholder(made):
        Path(partial).unlink()
        raise ConfigError(
            f"The cache {cache_folder()} lies on a disk that keeps no exact times or no "
            f"permissions. Name a folder on another with {CACHE}."
        )
    os.replace(partial, place)  # noqa: PTH105


def _partial() -> str:
    folder = cache_folder() / "partial"
    folder.mkdir(parents=True, exist_ok=True)
    return f"{folder}/{uuid4().hex}"


# Content


def _is_placeholder(about_it: os.stat_result) -> bool:
    return stat.S_ISREG(about_it.st_mode) and stat.S_IMODE(about_it.st_mode) == PLACEHOLDER


def ahead(
    items: Iterable[Item], files: Callable[[Item], Iterable[str]], *, count: int
) -> Iterator[Item]:
    """The items, in their order, while what the next of them need is fetched.

    Parameters
    ----------
    items : iterable
    files : callable
        Gives the paths that an item needs; only URLs are fetched. What goes wrong is told to who
        reads them.
    count : int
        How many items ahead.
    """
    waiting: deque[Item] = deque()
    pool = ThreadPoolExecutor(THREADS)
    try:
        for item in items:
            for path in filter(is_url, files(item)):
                pool.submit(_try, path)
            waiting.append(item)
            if len(waiting) > count:
                yield waiting.popleft()
        yield from waiting
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _bring(place: Path) -> None:
    """Fetch the content of a place, unless it is there; note its use."""
    watch()
    try:
        there = os.stat(place)  # noqa: PTH116
    except OSError:
        if _is_known(place):
            return  # who opens it is told that it is not there
        look(named(place))
        if not place.exists():
            return
        there = os.stat(place)  # noqa: PTH116
    if _is_placeholder(there):
        with _apart(), _lock_of(place):
            there = os.stat(place)  # noqa: PTH116
            if _is_placeholder(there):
                _fetch_into(place, Stamp(there.st_size, there.st_mtime_ns))
    if stat.S_ISREG(there.st_mode):
        _note_use(place)


def _fetch_into(place: Path, stamp: Stamp) -> None:
    url = named(place)
    size = stamp.size or 0
    if size > bound():
        raise UnreachableError(
            f"{url} has {size:,} bytes, and the cache may hold {bound():,}: set --cache-size."
        )
    _make_room(size)
    partial = Path(_partial())
    try:
        fetch(url, partial, known=stamp)
        os.utime(partial, ns=(time.time_ns(), stamp.nanoseconds))
        partial.chmod(CONTENT)
        link = _link_of(place)
        link.parent.mkdir(parents=True, exist_ok=True)
        if not link.is_symlink():
            link.symlink_to(place)
        partial.replace(place)
    except ChangedError:
        _put(place, about(url).stamp)  # the next run sees what is there now
        raise
    finally:
        partial.unlink(missing_ok=True)


def _note_use(place: Path) -> None:
    """Set the time of last use, which a file system may not do by itself."""
    now = time.time()
    if now - _touched.get(str(place), 0.0) > GRACE / 4:
        _touched[str(place)] = now
        there = os.stat(place)  # noqa: PTH116
        os.utime(place, ns=(time.time_ns(), there.st_mtime_ns))


def _link_of(place: Path) -> Path:
    """The entry of a content in the list of those that are held."""
    name = sha256(str(place).encode()).hexdigest()[:32]
    return cache_folder() / "held" / name[:2] / name


@contextmanager
def _lock_of(place: Path) -> Iterator[None]:
    """Held by the one process, and thread, that changes the content of a place."""
    from filelock import FileLock

    folder = cache_folder() / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    name = sha256(str(place).encode()).hexdigest()[:3]
    with FileLock(folder / name, thread_local=False, poll_interval=0.005):
        yield


def _make_room(size: int) -> None:
    """Give up contents that were not used for longest, if there are more than the bound allows."""
    most = bound()
    with _guard:
        _brought[0] += size
        if _brought[0] != size and _brought[0] < most / 16:
            return
        _brought[0] = 1
    held = []
    for link in (cache_folder() / "held").glob("*/*"):
        try:
            there = link.stat()
            held.append((there.st_atime_ns, there.st_size, link, _is_placeholder(there)))
        except OSError:
            link.unlink(missing_ok=True)
    for left in (cache_folder() / "partial").glob("*"):
        if time.time() - left.stat().st_mtime > DAY:  # of a process that was killed
            left.unlink(missing_ok=True)
    total = sum(bytes_ for _, bytes_, _, empty in held if not empty) + size
    young = time.time_ns() - int(GRACE * 1e9)
    for used, bytes_, link, empty in sorted(held, key=lambda one: one[0]):
        if empty:
            link.unlink(missing_ok=True)
        elif total > most * 15 // 16 and used < young:
            _give_up(link)
            total -= bytes_


def _give_up(link: Path) -> None:
    """Put a placeholder where a content is. Who reads it goes on: the bytes stay until it ends."""
    place = link.readlink()
    there = os.stat(place)  # noqa: PTH116
    _placeholder(place, Stamp(there.st_size, there.st_mtime_ns))
    link.unlink(missing_ok=True)


# What Python announces


@contextmanager
def _apart() -> Iterator[None]:
    """Within the block this thread opens and lists files of the mirror as they are."""
    before = getattr(_state, "apart", False)
    _state.apart = True
    try:
        yield
    finally:
        _state.apart = before


_watching = [False, False]
"""Whether files are watched, and whether this is a worker."""


def watch_in_worker(given: Mapping[str, str]) -> None:
    """As :func:`watch`, where there is a mirror: a worker may be handed places.

    Parameters
    ----------
    given : mapping of str to str
        :func:`phenolens.remote.asking.environment` of who sent the task, which is taken over: the
        worker may be older than a change of it.
    """
    if given != (own := environment()):
        for name in own.keys() - given.keys():
            del os.environ[name]
        os.environ.update(given)
    _watching[1] = True
    if not _watching[0] and os.path.isdir(mirror_folder()):  # noqa: PTH112
        watch()


def watch() -> None:
    """Fetch what this process opens and list what it lists below the mirror, from now on."""
    with _guard:
        if not _watching[0]:
            _watching[0] = True
            sys.addaudithook(_announced)


def _announced(event: str, arguments: tuple[Any, ...]) -> None:
    if event not in ("open", "os.listdir", "os.scandir") or getattr(_state, "apart", False):
        return
    name = arguments[0]
    if not isinstance(name, str | os.PathLike):
        return
    text = os.fspath(name)
    if not isinstance(text, str) or not text.startswith(mirror_folder()):
        return
    place = Path(text)
    if event == "open":
        _bring(place)
    elif text.rstrip("/").count("/") < mirror_folder().count("/") + 1:
        return  # above all buckets and hosts, of which nobody has a list
    elif not _is_known(place / "any"):
        with _apart():
            _list(place)
