"""Every file below a folder, once; and what there is of which nothing can be read, with the reason.

Links to folders are followed, each folder once, however it is reached. Sizes and kinds come with
the listing of a folder: no file is opened.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from phenolens.errors import InputError
from phenolens.places import is_url
from phenolens.readers.zarr_store import MARKS, is_store
from phenolens.remote import look_below

SYSTEMS = frozenset({"__macosx", "thumbs.db", "desktop.ini"})
"""What macOS and Windows leave in folders, in lower case."""
LEFT_ALONE = frozenset({"truth", "node_modules", "__pycache__"})
CHECKED = frozenset({"audit.json", "ledger.json"})  # what `check` leaves in a study's folder
RESOLVED = "study.resolved.toml"
STORES = (".zarr",)
"""Endings of folders that stand for one image or plate."""


@dataclass(frozen=True)
class Unused:
    """A file, or a folder with all that is in it, of which a study makes no use.

    Attributes
    ----------
    path : str
        Relative to the folder that was looked at, with ``/`` between its parts.
    code : str
        Why, as a finding's code (:mod:`phenolens.words.discovery`).
    values : mapping
        What its words need.
    """

    path: str
    code: str
    values: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class Tree:
    """What lies below a folder.

    Attributes
    ----------
    source : Path
        The folder, absolute.
    files : list of Path
        Files that may be read, sorted by folder and name. A folder that is a store of Zarr, or
        ends like one (``.zarr``), is one of them.
    unused : list of Unused
        What was left out on the way: empty files, links to nothing, closed folders, hidden ones.
    only : Path or None
        The one file that was asked for, where it was a file.
    """

    source: Path
    files: list[Path]
    unused: list[Unused]
    only: Path | None = None

    def relative(self, path: Path) -> str:
        """A path below the source, as text."""
        text, base = str(path), str(self.source).rstrip("/") + "/"
        return text[len(base) :] if text.startswith(base) else os.path.relpath(text, base)


def chosen(names: Sequence[str], only: Sequence[str]) -> list[str]:
    """Folders that are looked into: where some match a pattern, none of those beside them.

    Parameters
    ----------
    names : sequence of str
        Of the folders in one folder.
    only : sequence of str
        Patterns of names, such as that of a batch or a plate.
    """
    matching = [name for name in names if any(fnmatchcase(name, one) for one in only)]
    return matching or list(names)


def look_around(
    source: Path, *, only: Sequence[str] = (), tell: Callable[[int], None] | None = None
) -> Tree:
    """The files of a folder; or the one file, where it is one.

    Parameters
    ----------
    source : path or URL
    only : sequence of str
        See :func:`chosen`.
    tell : callable, optional
        Called with how many files of a URL were listed so far.

    Raises
    ------
    InputError
        If there is nothing of that name, or the file is empty.
    """
    if is_url(source):
        told = tell or (lambda count: None)
        source = look_below(source, keep=lambda _, names: chosen(names, only), tell=told)
    if not source.exists():
        target = f", a link to {source.readlink()}," if source.is_symlink() else ""
        raise InputError(f"There is no folder or file {source}{target or '.'}".rstrip(","))
    if source.is_dir() and not is_store(source):
        unused: list[Unused] = []
        folder = Path(os.path.abspath(source))  # noqa: PTH100 (links stay as they were written)
        return Tree(folder, list(walk(folder, unused, only=only)), unused)
    if source.is_file() and source.stat().st_size == 0:
        raise InputError(f"{source} is empty (0 bytes).")
    path = Path(os.path.abspath(source))  # noqa: PTH100
    return Tree(path.parent, [path], [], only=path)


def walk(
    folder: Path, unused: list[Unused] | None = None, *, only: Sequence[str] = ()
) -> Iterator[Path]:
    """Files below a folder, sorted; what is left out is added to `unused`.

    Parameters
    ----------
    folder : Path
        Absolute.
    unused : list of Unused, optional
    only : sequence of str
        See :func:`chosen`.
    """
    aside = [] if unused is None else unused
    links: list[tuple[str, str]] = []
    files = list(_below(str(folder), "", {}, aside, links, only))
    there = {str(path) for path in files} if links else set()
    again = {}
    for path, below in links:
        target = os.path.realpath(path)
        if target in there and os.path.basename(target) == os.path.basename(path):  # noqa: PTH119
            again[path] = Unused(below, "unused-seen", {"other": os.path.relpath(target, folder)})
    aside.extend(again.values())
    yield from (path for path in files if str(path) not in again)


def _below(
    here: str,
    relative: str,
    seen: dict[tuple[int, int], str],
    unused: list[Unused],
    links: list[tuple[str, str]],
    only: Sequence[str],
) -> Iterator[Path]:
    """Files below a folder; links to files are added to `links`, with their path below it."""
    try:
        with os.scandir(here) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
        about = os.stat(here)  # noqa: PTH116
    except OSError as error:
        unused.append(Unused(f"{relative or '.'}/", "unused-closed", {"fault": error.strerror}))
        return
    identity = about.st_dev, about.st_ino
    if identity in seen:
        unused.append(Unused(f"{relative}/", "unused-seen", {"other": seen[identity] or "."}))
        return
    seen[identity] = relative
    names = {entry.name for entry in entries}
    if RESOLVED in names or names >= CHECKED:
        unused.append(Unused(f"{relative or '.'}/", "unused-results"))
        return
    if names & MARKS:
        yield Path(here)
        return
    folders = []
    for entry in entries:
        below = f"{relative}/{entry.name}" if relative else entry.name
        is_folder, left_out = _kind(entry, below)
        if left_out is not None:
            unused.append(left_out)
        elif is_folder and not entry.name.lower().endswith(STORES):
            folders.append((entry.path, below))
        else:
            if not is_folder and entry.is_symlink():
                links.append((entry.path, below))
            yield Path(entry.path)
    wanted = set(chosen([os.path.basename(path) for path, _ in folders], only))  # noqa: PTH119
    for path, below in folders:
        if os.path.basename(path) in wanted:  # noqa: PTH119
            yield from _below(path, below, seen, unused, links, only)
        else:
            unused.append(Unused(f"{below}/", "unused-not-chosen"))


def _kind(entry: os.DirEntry[str], below: str) -> tuple[bool, Unused | None]:
    """Whether it is a folder, and why it is left out."""
    try:
        below.encode()
    except UnicodeEncodeError:
        shown = os.fsencode(below).decode("utf-8", "replace")
        return False, Unused(shown, "unused-name")
    try:
        is_folder = entry.is_dir()  # a link that leads to itself is neither
        if entry.name.startswith(".") or entry.name.lower() in SYSTEMS:
            return is_folder, Unused(below + "/" * is_folder, "unused-hidden")
        if is_folder:
            left = entry.name in LEFT_ALONE
            return True, Unused(f"{below}/", "unused-left-alone") if left else None
        about = entry.stat()
    except OSError as error:
        dangling = entry.is_symlink()
        code = "unused-link" if dangling else "unused-closed"
        return False, Unused(below, code, {} if dangling else {"fault": error.strerror})
    return False, Unused(below, "unused-empty") if about.st_size == 0 else None
