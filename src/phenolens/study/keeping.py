"""What a finished study keeps: is it still as it was left, and what of it can be freed."""

from __future__ import annotations

import os
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from phenolens.errors import DamagedError, InputError
from phenolens.files import file_digest, identity, read_arrays, read_sealed, require_sealed
from phenolens.places import is_url
from phenolens.prepared import LABELS_MARK, MARK, require_chunks, require_listed
from phenolens.remote.urls import plain_url
from phenolens.represent.networks.pixels import require_pixels
from phenolens.study.lock import writing
from phenolens.study.remote_results import LAYOUT_FILE, results_here
from phenolens.words.numbers import size

STAMP = "finished.json"
_PARTIAL = ".partial-*"


def verify(out: str | Path) -> list[str]:
    """Check a finished study: its results, its store, and the files that it was made from.

    Results are compared with the digests of the run that finished; everything in the store with
    its checksums, every chunk of pixels among them; the files that were read by size, times and
    inode, and tables that differ there by content.

    Parameters
    ----------
    out : path or URL
        Folder of the results.

    Returns
    -------
    list of str
        A line for each thing that is not as it was; empty where all is.

    Raises
    ------
    InputError
        If it holds no study that was finished.

    Examples
    --------
    >>> import phenolens as pl
    >>> from phenolens import study
    >>> screen, truth = pl.simulate_profiles(treatments=4, controls=16, seed=2)
    >>> screen.reset_index().to_parquet("screen.parquet")
    >>> lines = pl.init("screen.parquet", "study.toml")
    >>> report = pl.run(pl.open_study("study.toml", out="results"))
    >>> study.verify("results")
    []
    """
    out = _study(results_here(out, store=True))
    try:
        known = read_sealed(out / "store" / STAMP)
    except FileNotFoundError:
        raise InputError(
            f"{out} holds no finished study; 'phenolens run' ends what an earlier run began."
        ) from None
    except DamagedError as error:
        return [f"{error.path} is damaged ({error.fault}); what was left cannot be compared."]
    store = _store(out / "store", known["store"])
    return [*_results(out, known["files"]), *store, *_inputs(known["inputs"])]


def store_files(store: Path, entries: list[str]) -> dict[str, str]:
    """Files that a run left in its entries of the store, with a digest where none checks itself.

    What lies in a field is not among them, but the marks that list it are.
    """
    found: dict[str, str] = {}
    for name in entries:
        beside = [store / f"{name}.parquet", store / f"{name}.parquet.sha256"]
        found |= {path.name: "" for path in beside if path.is_file()}
        for folder, below, files in os.walk(store / name):
            if MARK in files:
                below.clear()
                files = [MARK, f"labels/{LABELS_MARK}"]
            paths = [Path(folder, file) for file in files]
            found |= {
                path.relative_to(store).as_posix(): file_digest(path)
                if path.name == "zarr.json"
                else ""
                for path in paths
                if path.is_file()
            }
    return found


def clean(out: str | Path, *, everything: bool = False, yes: bool = False) -> list[str]:
    """Say what of a study's store can be freed; with `yes`, free it. Results stay.

    Free are what other settings, inputs or versions left, and what killed runs left behind. The
    rest of the store lets a changed study go on from what it has; it can be made again.

    Parameters
    ----------
    out : path
        Folder of the results.
    everything : bool
        Free the whole store: the next run reads, measures and trains anew.
    yes : bool
        Free it.

    Returns
    -------
    list of str
        What is or was freed, with sizes.

    Raises
    ------
    InputError
        If the folder holds no study; or, with `yes`, another process writes into it.

    Examples
    --------
    >>> import phenolens as pl
    >>> from phenolens import study
    >>> screen, truth = pl.simulate_profiles(treatments=4, controls=16, seed=2)
    >>> screen.reset_index().to_parquet("screen.parquet")
    >>> lines = pl.init("screen.parquet", "study.toml")
    >>> report = pl.run(pl.open_study("study.toml", out="results"))
    >>> study.clean("results")[0]
    'Nothing to free.'
    """
    if is_url(out):
        store = f"{plain_url(out).rstrip('/')}/store"
        raise InputError(
            f"{store} is cleaned with its own command: delete what lies in it, and the next run "
            "makes what it needs anew. 'phenolens clean' frees folders of this machine."
        )
    out = _study(out)
    with writing(out) if yes else nullcontext():
        return _clean(out, everything=everything, yes=yes)


def _clean(out: Path, *, everything: bool, yes: bool) -> list[str]:
    store = out / "store"
    entries = sorted(store.iterdir()) if store.is_dir() else []
    kept = [] if everything else _kept(store, entries)
    free = [path for path in entries if path not in kept]
    left = [*store.rglob(_PARTIAL), *out.glob(_PARTIAL), *out.glob(f"*/{_PARTIAL}")]
    free += [path for path in sorted(set(left)) if not any(_within(path, f) for f in free)]
    lines = [f"{'Freed' if yes else 'Can be freed'}: {path} ({_size(path)})" for path in free]
    if yes:
        for path in free:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    if free and not yes:
        lines.append("Nothing was freed; say --yes to free it.")
    if not free:
        lines.append("Nothing to free.")
    if kept:
        lines.append(f"Kept, so that a changed study goes on from it: {_size(*kept)} in {store}")
    return lines


def _study(out: str | Path) -> Path:
    out = Path(out)
    if not (out / LAYOUT_FILE).is_file():
        raise InputError(f"{out} is not the folder of a study's results (it has no {LAYOUT_FILE}).")
    return out


def _kept(store: Path, entries: list[Path]) -> list[Path]:
    """What the run that finished used; everything where none has finished."""
    try:
        used = [STAMP, *read_sealed(store / STAMP)["entries"]]
    except (FileNotFoundError, DamagedError):
        return entries
    return [path for path in entries if path.name in used or _stem(path.name) in used]


def _stem(name: str) -> str:
    return name.removesuffix(".sha256").removesuffix(".parquet")


def _within(path: Path, other: Path) -> bool:
    return path == other or other in path.parents


def _size(*paths: Path) -> str:
    files = [f for p in paths for f in (p.rglob("*") if p.is_dir() else [p]) if f.is_file()]
    return size(sum(file.stat().st_size for file in files))


def _results(out: Path, known: dict[str, str]) -> Iterator[str]:
    for name, told in known.items():
        path = out / name
        if not path.is_file():
            yield f"Result: {path} is missing."
        elif file_digest(path) != told:
            yield f"Result: {path} is not as the run left it."


def _store(store: Path, known: dict[str, str]) -> Iterator[str]:
    named = set()
    for path in sorted(store.rglob("*")):
        try:
            _require_sound(path)
        except DamagedError as error:
            named.add(Path(error.path))
            yield f"Store: {error.path} is damaged ({error.fault}); the next run makes it anew."
    for name, told in known.items():
        path = store / name
        if any(_within(path, one) for one in named):
            continue
        if not path.is_file():
            yield f"Store: {path} is missing; the next run makes it anew."
        elif told and file_digest(path) != told:
            yield f"Store: {path} is not as the run left it; the next run makes it anew."


def _require_sound(path: Path) -> None:
    """Raise where a file of the store, or the entry whose mark it is, is not as it was written."""
    if path.name in (MARK, LABELS_MARK):
        require_listed(path.parent, path.name)
        require_chunks(path.parent, path.name)
    elif path.suffix == ".sha256":
        require_sealed(path.with_suffix(""))
    elif path.name.startswith("made-") and path.suffix == ".npz":
        require_pixels(path)
    elif path.name in ("card.json", "settled.json") or path.name.endswith(".written.json"):
        read_sealed(path)
    elif path.suffix == ".npz":
        try:
            names = zipfile.ZipFile(path).namelist()
        except (zipfile.BadZipFile, OSError, ValueError) as error:
            raise DamagedError(path, str(error)) from None
        read_arrays(path, [name.removesuffix(".npy") for name in names])


def _inputs(known: list[list[Any]]) -> Iterator[str]:
    for name, told, digest in known:
        found, path = identity(name), Path(name)
        if found == told:
            continue
        if not any(found):
            yield f"Input: {path} is not there any more."
        elif not digest:
            yield f"Input: {path} has changed since it was read, or was copied."
        elif file_digest(path) != digest:
            yield f"Input: {path} has changed since it was read."
