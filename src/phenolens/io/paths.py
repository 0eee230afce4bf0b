"""Files a study names: patterns expanded, image paths found where they are today."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache
from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pandas as pd

from phenolens.errors import InputError
from phenolens.files import is_endless
from phenolens.globbing import MARKS, matching
from phenolens.io.columns import FILE, FOLDER, is_blank, with_wells
from phenolens.places import below, is_url, named, place_of
from phenolens.remote import is_there, look, placed

if TYPE_CHECKING:
    from phenolens.io.formats.base import TableRead


def expand(patterns: str | Sequence[str], root: Path) -> list[Path]:
    """Files that the names or patterns mean below ``root``, sorted, each once.

    Raises
    ------
    InputError
        If a name or pattern matches nothing, links that lead nowhere, or what is no file.
    """
    given = [patterns] if isinstance(patterns, str) else list(patterns)
    found = [path for pattern in given for path in _expand_one(pattern, root)]
    if wrong := [path for path in found if is_endless(path)]:
        raise InputError(f"{wrong[0]} is a pipe or a device, and no file. Give a file.")
    return list(dict.fromkeys(found))


def _expand_one(pattern: str, root: Path) -> list[Path]:
    full = Path(os.path.normpath(below(root, pattern)))
    if is_url(pattern):
        named_in_full = re.split(r"[*?[]", pattern)[0]
        whole = named_in_full == pattern
        if not look(pattern if whole else named_in_full.rpartition("/")[0]).exists():
            raise InputError(f"{'There is no file' if whole else 'No file matches'} {full}.")
    if _exists(full):  # also a name that happens to hold a mark of patterns
        return [full]
    if not any(mark in pattern for mark in MARKS):
        raise InputError(f"There is no file {full}.")
    inside = Path(os.path.normpath(Path(escape(str(root)), pattern)))
    found = matching(full if is_url(pattern) else inside)
    if is_url(pattern):  # also what an earlier session found is looked at now
        found = [path for path in found if placed(named(path)).exists()]
    if not found:
        raise InputError(f"No file matches {full}.")
    if lost := [path for path in found if not path.exists()]:
        raise InputError(
            f"{lost[0]} is a link to a file that is not there, one of {len(lost)} among the "
            f"{len(found)} that match {pattern}. Fetch what it leads to, or delete the link."
        )
    return found


def _exists(path: Path) -> bool:
    """Whether there is such a file or folder.

    Raises
    ------
    InputError
        If there can be none.
    """
    try:
        return path.exists()
    except OSError as error:  # too long for a name, or in a folder that is closed to us
        raise InputError(f"{str(path)[:200]} is no file to read: {error.strerror}.") from None


def stem(path: Path) -> str:
    """The file name without its endings of table formats."""
    from phenolens.io.formats.base import table_endings

    ending = max((e for e in table_endings() if path.name.lower().endswith(e)), key=len, default="")
    return path.name[: len(path.name) - len(ending)]


def read_tables(
    paths: Sequence[Path], *, sep: str | None = None, sheet: str | None = None
) -> tuple[pd.DataFrame, list[str]]:
    """The rows of several tables, with notes for the ledger.

    ``_file`` and ``_folder`` say where each row comes from; where a table names a row and a column
    of the plate, ``Metadata_Well`` is the well.

    Raises
    ------
    InputError
        If one cannot be read or has no rows, or has no column of the first.
    """
    read = [_read(path, sep=sep, sheet=sheet) for path in paths]
    frames = [
        with_wells(found.frame).assign(**{FILE: stem(path), FOLDER: str(path.parent)})
        for path, found in zip(paths, read, strict=True)
    ]
    known = [{name for name in frame if name not in (FILE, FOLDER)} for frame in frames]
    for path, own in zip(paths[1:], known[1:], strict=True):
        if not own & known[0]:
            raise InputError(
                f"{path} has none of the columns of {paths[0]}: it holds "
                f"{', '.join(map(str, sorted(own, key=str)[:3]))}. Is it the right file?"
            )
    notes = list(dict.fromkeys(note for found in read for note in found.notes))
    return (frames[0] if len(frames) == 1 else pd.concat(frames, ignore_index=True)), notes


def read_table(path: Path, *, sep: str | None = None) -> pd.DataFrame:
    """One table; ``sep`` where the file's own header does not tell.

    Raises
    ------
    InputError
        If it cannot be read or has no rows.
    """
    return _read(path, sep=sep, sheet=None).frame


def _read(path: Path, *, sep: str | None, sheet: str | None) -> TableRead:
    """One table with its notes.

    Raises
    ------
    InputError
        If it cannot be read or has no rows.
    """
    from phenolens.io.formats.base import table_format  # formats read with what stands here
    from phenolens.io.formats.delimited import Delimited

    _exists(path)
    kind = table_format(path, metadata=True, alone=True) if sep is None else Delimited()
    asked = {"sep": sep, "sheet": sheet}
    options = {name: value for name, value in asked.items() if value is not None}
    if wrong := [name for name in options if name not in kind.takes]:
        raise InputError(f"{path} has no {wrong[0]} to choose; leave '{wrong[0]}' out.")
    found = kind.read(path, **options)
    if not len(found.frame):
        raise InputError(f"{path} has a header but no rows.")
    return found


@lru_cache(maxsize=65536)
def _names(folder: str) -> frozenset[str]:
    try:
        return frozenset(entry.name for entry in os.scandir(folder))
    except OSError:
        return frozenset()


class ImageFinder:
    """Finds image files whose recorded folder may be another machine's.

    A path is looked for as it is, below each base, and below each base with leading folders
    dropped one by one (``/home/me/screen/images/a.tif`` is found as ``images/a.tif``).
    """

    def __init__(self, bases: Sequence[Path]) -> None:
        for seen in (_names, _spellings, _on_disk):
            seen.cache_clear()
        self.bases = [os.path.normpath(base.absolute()) for base in dict.fromkeys(bases)]
        self._folders: dict[str, str] = {}

    def find(self, text: object, *, look_elsewhere: bool = True) -> tuple[str, bool]:
        """The path of an image and whether it is there; the place of a URL without a copy here.

        An accent may be written in two ways, and letters large or small: a name that differs in
        that alone is the file's, if no other does.

        Parameters
        ----------
        text : object
            As a table has it.
        look_elsewhere : bool
            Whether a URL is asked for that nobody looked at.
        """
        if is_blank(text):
            return "", False
        folder, _, name = _plain(str(text)).rpartition("/")
        if folder not in self._folders or _there(self._folders[folder], name) is None:
            self._folders[folder] = self._locate(folder, name)
        where = self._folders[folder]
        there = _there(where, name)
        if there is None and is_url(text):
            url = str(text).strip()
            return str(place_of(url)), placed(url).exists() if look_elsewhere else is_there(url)
        return f"{where}/{there or name}", there is not None

    def _locate(self, folder: str, name: str) -> str:
        places = self._places(folder)
        return next((place for place in places if _there(place, name)), places[0])

    def _places(self, folder: str) -> list[str]:
        """Folders to look into, likeliest first."""
        absolute = [os.path.normpath(folder)] if folder.startswith("/") else []
        rest = [part for part in folder.split("/") if part not in ("", ".")]
        tails = [rest[start:] for start in range(len(rest) + 1)]
        below = [os.path.normpath("/".join([b, *tail])) for tail in tails for b in self.bases]
        return list(map(_on_disk, absolute + below))


def _there(folder: str, name: str) -> str | None:
    """The name of a file as its folder spells it; None where it is not there."""
    if name in _names(folder):
        return name
    return _spellings(folder).get(_letters(name))


@lru_cache(maxsize=4096)
def _spellings(folder: str) -> dict[str, str]:
    """Names of a folder by their letters, of which no two have the same."""
    found: dict[str, str] = {}
    twice: set[str] = set()
    for name in _names(folder):
        letters = _letters(name)
        twice |= {letters} & found.keys()
        found[letters] = name
    return {letters: name for letters, name in found.items() if letters not in twice}


def _letters(name: str) -> str:
    """A name for comparing: composed or decomposed accents, large or small letters are alike."""
    return name.casefold() if name.isascii() else unicodedata.normalize("NFC", name).casefold()


@lru_cache(maxsize=65536)
def _on_disk(folder: str) -> str:
    """A folder as the disk spells it, where it is there; else as it is written."""
    if _names(folder):
        return folder
    above, _, name = folder.rpartition("/")
    if not above or not name or os.path.isdir(folder):  # noqa: PTH112
        return folder
    parent = _on_disk(above)
    return f"{parent}/{_there(parent, name) or name}"


def real_paths(paths: Iterable[str]) -> dict[str, str]:
    """Each path with the file that it leads to, through links of its folders and its own."""
    found, folders = {}, dict[str, str]()
    for path in paths:
        folder, slash, name = path.rpartition("/")
        if is_url(path):
            found[path] = path
            continue
        if slash and folder not in folders:
            folders[folder] = os.path.realpath(folder + slash)
        plain = f"{folders[folder].rstrip('/')}/{name}" if slash else path
        linked = not slash or name in ("", ".", "..") or os.path.islink(plain)  # noqa: PTH114
        found[path] = os.path.realpath(path) if linked else plain
    return found


def _plain(text: str) -> str:
    """A path with forward slashes, without a scheme (``file:``, ``s3:``, ``https:``)."""
    scheme, mark, rest = text.strip().replace("\\", "/").partition(":")
    if mark and len(scheme) > 1:
        return unquote(rest) if scheme == "file" else rest.lstrip("/")
    return rest.lstrip("/") if mark else text.strip().replace("\\", "/")
