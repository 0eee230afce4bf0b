"""The bytes of one object, whole or a part: as many as were told, and those of that object."""

from __future__ import annotations

import hashlib
from pathlib import Path

from phenolens.errors import InputError
from phenolens.remote.asking import (
    InterruptedTransferError,
    ObjectStat,
    about,
    asked,
    filesystem,
)
from phenolens.remote.urls import plain_url

PART = 16 * 2**20
"""Bytes asked for at once; what is longer comes in parts, each of which is tried again alone."""


class ChangedError(InputError):
    """An object is no longer what it was when the study looked at it."""


def fetch(
    url: str, to: str | Path, *, known: ObjectStat | None = None, resume: bool = False
) -> ObjectStat:
    """Write the bytes of one object into a file.

    Parameters
    ----------
    url : str
    to : path
        Not in its final place: it is written part by part, and the caller renames it.
    known : ObjectStat, optional
        What the object was when it was looked at; else it is looked at now.
    resume : bool
        Whether parts that are in the file from an earlier call stay. Only with a check of the whole
        (``ObjectStat.md5``) is it sure that they are of the same object.

    Returns
    -------
    ObjectStat
        What was fetched.

    Raises
    ------
    ChangedError
        If the object is another than `known`.
    InputError
        If it cannot be read.
    """
    known = about(url) if known is None else known
    to, seen = Path(to), set[str]()
    for kept in (resume, False, False):
        _fill(url, to, known, resume=kept)
        if not known.md5:
            break
        with to.open("rb") as stream:
            found = hashlib.file_digest(stream, "md5").hexdigest()
        if found == known.md5:
            return known
        _require_same(url, known)
        if found in seen:  # where a store encrypts, the ETag is no digest of the content
            return known
        seen.add(found)
    else:
        raise InputError(
            f"{plain_url(url)} came each time with other bytes (MD5 {', '.join(sorted(seen))}; its "
            f"store says {known.md5}). Try again, or ask who keeps it."
        )
    _require_same(url, known)
    return known


def _require_same(url: str, known: ObjectStat) -> None:
    """Refuse an object that is another than it was.

    Raises
    ------
    ChangedError
        If it is.
    """
    if about(url) != known:
        raise ChangedError(
            f"{plain_url(url)} was changed while the study read it. Run again: what changed is "
            "read anew."
        )


def _fill(url: str, to: Path, known: ObjectStat, *, resume: bool) -> None:
    """All parts of an object."""
    held = to.stat().st_size if resume and to.exists() else 0
    start = held - held % PART if known.size is not None and held <= known.size else 0
    with to.open("r+b" if start else "wb") as stream:
        stream.truncate(start)
        stream.seek(start)
        if known.size is None or known.size <= PART:
            stream.write(_part(url, None, known.size))
            return
        for begin in range(start, known.size, PART):
            stream.write(_part(url, begin, min(PART, known.size - begin)))


def read_range(url: str, start: int, length: int) -> bytes:
    """Some bytes of an object; fewer where it ends before.

    Parameters
    ----------
    url : str
    start, length : int
        Bytes.

    Raises
    ------
    InputError
        If they cannot be read.
    """
    fs, path = filesystem(url)

    def read() -> bytes:
        data: bytes = fs.cat_file(path, start=start, end=start + length)
        return data[start : start + length] if len(data) > length else data

    return asked(url, read)


def _part(url: str, start: int | None, length: int | None) -> bytes:
    """Bytes of an object from `start`, exactly as many as asked; all where `start` is None."""
    fs, path = filesystem(url)
    if length == 0:
        return b""

    def read() -> bytes:
        if start is None:
            data: bytes = fs.cat_file(path)
        else:
            data = fs.cat_file(path, start=start, end=start + (length or 0))
            if len(data) > (length or 0):  # a server that knows no ranges sends all
                data = data[start : start + (length or 0)]
        if length is not None and len(data) != length:
            raise InterruptedTransferError(f"{len(data):,} bytes came of {length:,}")
        return data

    return asked(url, read)
