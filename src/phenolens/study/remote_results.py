"""A folder of results at a URL: worked on in a folder of this machine, and kept the same.

When a run begins, what the results are at the URL is fetched here; entries of the store, the long
part, when they are asked for. What is finished goes up at the end of each step, and meanwhile every
half minute, so that a run that was killed goes on from there, on another machine too. A file
at the URL is whole or not there. What says that something is whole, notes and checksums, goes up
after it.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from phenolens.errors import InputError, PhenolensError, shown
from phenolens.files import atomic_path, digest, read_json, write_json
from phenolens.places import cache_folder, is_url
from phenolens.remote import ObjectStat, about
from phenolens.remote.folder import RemoteFolder
from phenolens.remote.urls import plain_url
from phenolens.settings import LAYOUT
from phenolens.study.lock import is_lock, writer, writing
from phenolens.study.remote_lock import RemoteLock
from phenolens.words.numbers import plural, size

LAYOUT_FILE, STORE, SYNCED = "layout.json", "store/", "synced.json"
EVERY, THREADS = 30.0, 16
"""Seconds between two uploads of what a long step has finished; files sent or fetched at once."""


@dataclass(frozen=True)
class Same:
    """A file that is here as it is at the URL.

    Attributes
    ----------
    size, changed : int
        Bytes, and time of change here (ns).
    md5 : str
        Of its bytes.
    version : str
        At the URL; empty where it was sent and not listed since.
    """

    size: int
    changed: int
    md5: str
    version: str

    def at(self, there: ObjectStat | None) -> bool:
        """Whether it is still that file at the URL."""
        if there is None or there.size != self.size:
            return False
        return there.etag == self.version if self.version else there.md5 in (self.md5, "")

    def here(self, file: Path) -> bool:
        """Whether it is still that file here."""
        try:
            found = file.stat()
        except FileNotFoundError:
            return False
        return (found.st_size, found.st_mtime_ns) == (self.size, self.changed)


class RemoteResults:
    """The folder of this machine that stands for a folder of results at a URL.

    Parameters
    ----------
    url : str
    tell : callable
        Called with a line about what is fetched, sent or waited for.

    Attributes
    ----------
    folder : Path
        Of this machine.
    """

    def __init__(self, url: str, tell: Callable[[str], None] = lambda text: None) -> None:
        self.place, self.tell = RemoteFolder(url), tell
        self.url = self.place.url
        home = cache_folder() / "results" / digest(self.url)
        self.folder = home / self.url.rpartition("/")[2]
        self._notes, self._memory = home / SYNCED, home / "lock.json"
        self._same: dict[str, Same] = {}
        self._there: dict[str, ObjectStat] = {}
        self._lock: RemoteLock | None = None
        self._busy = threading.RLock()
        self._stopped = False

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold both folders while the block writes here, and send what it wrote; once a thread.

        Raises
        ------
        InputError
            If another run works there, or what lies there are no results; or something could not
            be fetched or sent.
        """
        if self._lock is not None:
            yield
            return
        self._lock = RemoteLock(self.place, self._memory, self.tell)
        ended = threading.Event()
        sending = threading.Thread(target=self._send_meanwhile, args=(ended,), daemon=True)
        try:
            with self._lock.held():
                self._begin()
                sending.start()
                try:
                    yield
                except PhenolensError:
                    ended.set()
                    with suppress(PhenolensError):
                        self.send()
                    raise
                except BaseException:  # Ctrl-C: what is being sent is the last
                    self._stopped = True
                    raise
                else:
                    ended.set()
                    self.send()
                    self._note_versions()
                finally:
                    ended.set()
                    sending.join()
        finally:
            self._lock = None

    def fetched(self, *, store: bool = False) -> Path:
        """The results as they are at the URL, for reading; where a run here works on them, as here.

        Parameters
        ----------
        store : bool
            With the store, which may be large.

        Raises
        ------
        InputError
            If there are none, or something could not be fetched.
        """
        if not writer(self.folder):
            with writing(self.folder, self.tell):
                self._take_in(self._listed())
                if store:
                    self._fetch(name for name in self._there if name.startswith(STORE))
                self._make_entries()
                self._keep_notes()
        return self.folder

    def _make_entries(self) -> None:
        """Folders for the entries of the store, so that it is seen what there is to bring."""
        inside = [name.split("/")[1:] for name in self._there if name.startswith(STORE)]
        for entry in {parts[0] for parts in inside if len(parts) > 1}:
            (self.folder / STORE / entry).mkdir(parents=True, exist_ok=True)

    def bring(self, entry: str) -> None:
        """Fetch an entry of the store, where it is at the URL and not here.

        Parameters
        ----------
        entry : str
            Its path in the store; of a folder, all that lies in it, and of what is not one, the
            table of that name with its checksum.
        """
        begins = (f"{STORE}{entry}/", f"{STORE}{entry}.parquet")
        with self._busy:
            self._fetch([name for name in self._there if name.startswith(begins)])

    def send(self) -> None:
        """Send what was finished here and take away what is no more; the same bytes are not sent.

        Raises
        ------
        InputError
            If another run has taken the folder, or something could not be sent, which is kept here.
        """
        assert self._lock is not None, "sent outside of held()"
        with self._busy:
            self._lock.require_held()
            files = self._finished_files()
            changed = self._unsent(files)
            faults: list[PhenolensError] = []
            for part in _in_order(changed):
                faults = faults or self._send_all(part)
            if faults:
                self._keep_notes()
                raise InputError(
                    f"{plural(len(self._unsent(files)), 'file')} of {self.url} could not be sent: "
                    f"{str(faults[0]).rstrip('.')}. They are kept in {self.folder}; run again with "
                    "the same --out, and it goes on from there."
                )
            gone = [n for n in self._same if n not in files and not (self.folder / n).exists()]
            for name in gone:
                self.place.remove(name)
                self._same.pop(name)
                self._there.pop(name, None)
            if changed or gone:
                self._keep_notes()

    def _unsent(self, files: Mapping[str, Path]) -> list[str]:
        """Files that are not at the URL as they are here, as far as size and time tell."""
        same = self._same
        return [
            name for name, file in files.items() if name not in same or not same[name].here(file)
        ]

    def _listed(self) -> dict[str, ObjectStat]:
        """What lies at the URL.

        Raises
        ------
        InputError
            If it is not a folder of results.
        """
        found = {n: one for n, one in self.place.files().items() if not is_lock(n)}
        if wrong := [n for n in found if {"", ".", ".."} & set(n.split("/"))]:
            raise InputError(
                f"{self.url} holds {shown(wrong[0])}, which no file can be called here."
            )
        if found and LAYOUT_FILE not in found:
            raise InputError(
                f"{self.url} holds {plural(len(found), 'file')}, such as {next(iter(found))}, and "
                f"no {LAYOUT_FILE}: it is no folder of a study's results. Nothing was changed; "
                "name a folder that is new, or one that 'phenolens run' wrote."
            )
        return found

    def _begin(self) -> None:
        """Make this folder what the results at the URL are; claim an empty one."""
        listed = self._listed()
        if not listed:
            text = json.dumps({"layout": LAYOUT}, indent=2) + "\n"
            self.place.write(LAYOUT_FILE, text.encode(), new=True)
            listed = self._listed()
        self._take_in(listed)
        self._keep_notes()

    def _take_in(self, listed: Mapping[str, ObjectStat]) -> None:
        """Results as listed; what this folder had finished and could not send is kept, unless
        somebody else has written there since.
        """
        if not listed:
            raise InputError(f"There are no results at {self.url}.")
        self._there = dict(listed)
        known = self._read_notes()
        if not (self.folder / LAYOUT_FILE).is_file():  # somebody emptied the cache
            known = {}
        results = {name for name in listed if not _kept_in_store(name)}
        ours = {name for name in known if not _kept_in_store(name)}
        if ours == results and all(known[name].at(listed[name]) for name in results):
            self._same = {n: s for n, s in known.items() if n in results or self._unchanged(n, s)}
            return
        self._same = {n: s for n, s in known.items() if n in listed and self._unchanged(n, s)}
        for name in self._finished_files():
            if name not in listed and not _kept_in_store(name):
                (self.folder / name).unlink()
        self._fetch(results)

    def _unchanged(self, name: str, known: Same) -> bool:
        return known.at(self._there.get(name)) and known.here(self.folder / name)

    def _fetch(self, names: Iterable[str]) -> None:
        """Fetch files that are not here as they are there."""
        wanted = []
        for name in names:
            file = self.folder / name
            if name in self._same and self._same[name].here(file):
                continue
            if file.is_file() and self._known_by_bytes(name, file):
                continue
            wanted.append(name)
        if not wanted:
            return
        total = sum(self._there[name].size or 0 for name in wanted)
        self.tell(f"Fetching {plural(len(wanted), 'file')} ({size(total)}) from {self.url}")
        for part in _in_order(wanted):
            with ThreadPoolExecutor(THREADS) as pool:
                for name, same in zip(part, pool.map(self._fetch_one, part), strict=True):
                    self._same[name] = same

    def _fetch_one(self, name: str) -> Same:
        file, there = self.folder / name, self._there[name]
        with atomic_path(file) as partial:
            self.place.fetch(name, partial, known=there)
        return _same(file, there.etag)

    def _known_by_bytes(self, name: str, file: Path) -> bool:
        """Whether a file here is, byte for byte, what the URL lists; if so that is noted."""
        there = self._there.get(name)
        if there is None or not there.md5 or file.stat().st_size != there.size:
            return False
        same = _same(file, there.etag)
        if same.md5 != there.md5:
            return False
        self._same[name] = same
        return True

    def _send_all(self, names: list[str]) -> list[PhenolensError]:
        faults: list[PhenolensError] = []

        def send(name: str) -> None:
            if faults or self._stopped:  # what does not go now would not either
                return
            try:
                self._send_one(name)
            except FileNotFoundError:  # replaced or taken away meanwhile; the next turn sees it
                pass
            except PhenolensError as error:
                faults.append(error)

        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(send, names))
        return faults

    def _send_one(self, name: str) -> None:
        file = self.folder / name
        same, known = _same(file, ""), self._same.get(name)
        if known is not None and known.md5 == same.md5:
            self._same[name] = Same(same.size, same.changed, same.md5, known.version)
            return
        if known is None and self._known_by_bytes(name, file):
            return
        new = name not in self._there and self._lock is not None and self._lock.conditional
        if not self.place.send(file, name, new=new):
            there = about(self.place / name)
            if there.size != same.size or there.md5 not in (same.md5, ""):
                raise InputError(
                    f"{self.place / name} appeared while this run worked, and is not its own. Move "
                    "it away, and run again."
                )
        self._there[name] = ObjectStat(same.size)
        self._same[name] = same

    def _send_meanwhile(self, ended: threading.Event) -> None:
        """Send what long steps finish; what cannot be sent is told at the end of the step."""
        wait = EVERY
        while not ended.wait(wait):
            started = time.monotonic()
            with suppress(PhenolensError, OSError):
                self.send()
            wait = max(EVERY, 20 * (time.monotonic() - started))

    def _finished_files(self) -> dict[str, Path]:
        """Files that lie here whole. Notes and checksums are looked for first: what they speak of
        is then there.
        """
        found: dict[str, Path] = {}
        for notes in (True, False):
            for folder, below, names in os.walk(self.folder):
                below[:] = [name for name in below if not _passing(name)]
                for name in names:
                    path = Path(folder, name)
                    short = path.relative_to(self.folder).as_posix()
                    if _is_note(short) == notes and not _passing(name) and not is_lock(short):
                        found[short] = path
        return found

    def _note_versions(self) -> None:
        """Note how the URL calls what was sent, so that it is known again."""
        if all(same.version for same in self._same.values()):
            return
        self._there = self._listed()
        for name, same in self._same.items():
            there = self._there.get(name)
            if not same.version and there is not None and same.at(there):
                self._same[name] = Same(same.size, same.changed, same.md5, there.etag)
        self._keep_notes()

    def _keep_notes(self) -> None:
        write_json(self._notes, {name: asdict(same) for name, same in self._same.items()})

    def _read_notes(self) -> dict[str, Same]:
        try:
            return {name: Same(**held) for name, held in read_json(self._notes).items()}
        except (OSError, ValueError, TypeError, AttributeError):
            return {}


def is_results_url(data: object) -> bool:
    """Whether it is the URL of a folder, and of no table or study file."""
    from phenolens.io.formats.base import table_endings

    endings = (*table_endings(), ".toml")
    return is_url(data) and not str(data).lower().endswith(endings)


def results_here(out: str | Path, *, store: bool = False) -> Path:
    """The folder of a study's results on this machine: of a URL, what was fetched from there.

    Parameters
    ----------
    out : path or URL
    store : bool
        With the store.

    Raises
    ------
    InputError
        If there are no results at the URL.
    """
    return RemoteResults(plain_url(str(out))).fetched(store=store) if is_url(out) else Path(out)


def _same(file: Path, version: str) -> Same:
    found = file.stat()
    with file.open("rb") as stream:
        md5 = hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    return Same(found.st_size, found.st_mtime_ns, md5, version)


def _kept_in_store(name: str) -> bool:
    """Whether a file is an intermediate result; what says that a run finished is fetched always."""
    return name.startswith(STORE) and name != f"{STORE}finished.json"


def _passing(name: str) -> bool:
    return name.startswith((".partial-", ".counts-"))


def _is_note(name: str) -> bool:
    """Whether a file says of others that they are whole."""
    return name.endswith((".json", ".sha256")) and not name.endswith("zarr.json")


def _in_order(names: Iterable[str]) -> Iterator[list[str]]:
    """Names in turns: notes of the store after what they speak of, that a run finished last."""
    stamp = f"{STORE}finished.json"
    listed = sorted(names)
    yield [name for name in listed if not _is_note(name)]
    yield [name for name in listed if _is_note(name) and name != stamp]
    yield [name for name in listed if name == stamp]
