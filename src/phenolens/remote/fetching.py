"""The bytes of one object, whole or a part: as many as were told, and those of that object."""

from __future__ import annotations

import hashlib
from pathlib import Path

from phenolens.errors import UnreachableError
from phenolens.remote.asking import (
    InterruptedTransferError,
    ObjectStat,
    Stamp,
    about,
    asked,
    filesystem,
)
from phenolens.remote.urls import plain_url

PART = 16 * 2**20
"""Bytes asked for at once; what is longer comes in parts, each of which is tried again alone."""


class ChangedError(UnreachableError):
    """An object is no longer what it was when the study looked at it."""


def fetch(
    url: str, to: str | Path, *, known: ObjectStat | Stamp | None = None, resume: bool = False
) -> Stamp:
    """Write the bytes of one object into a file, and compare them with what its store says.

    Parameters
    ----------
    url : str
    to : path
        Not in its final place: it is written part by part, and the caller renames it.
    known : ObjectStat or Stamp, optional
        What the object was when it was looked at; else it is looked at now.
    resume : bool
        Whether parts that are in the file from an earlier call stay. They must be of this content:
        put its stamp into the file's name.

    Returns
    -------
    Stamp
        Of what was fetched.

    Raises
    ------
    ChangedError
        If the object is another than `known`.
    InputError
        If it is not there.
    UnreachableError
        If it cannot be read, or its bytes are never those that its store says.
    """
    known = about(url) if known is None else known
    stamp = known.stamp if isinstance(known, ObjectStat) else known
    to, seen = Path(to), set[str]()
    for kept in (resume, False, False):
        _fill(url, to, stamp.size, resume=kept)
        with to.open("rb") as stream:
            found = hashlib.file_digest(stream, "md5").hexdigest()
        if stamp.is_of(found):
            return stamp
        now = about(url)
        if now.stamp != stamp:
            raise ChangedError(
                f"{plain_url(url)} was changed while the study read it. Run again: what changed is "
                "read anew."
            )
        # twice the same: where a store encrypts, the ETag looks like an MD5 and is none
        if now.md5 in ("", found) or found in seen:
            return stamp
        seen.add(found)
    raise UnreachableError(
        f"{plain_url(url)} came each time with other bytes (MD5 {', '.join(sorted(seen))}). Try "
        "again, or ask who keeps it."
    )


def _fill(url: str, to: Path, size: int | None, *, resume: bool) -> None:
    """All parts of an object."""
    held = to.stat().st_size if resume and to.exists() else 0
    start = held - held % PART if size is not None and held <= size else 0
    with to.open("r+b" if start else "wb") as stream:
        stream.truncate(start)
        stream.seek(start)
        if size is None or size <= PART:
            stream.write(_part(url, None, size))
            return
        for begin in range(start, size, PART):
            stream.write(_part(url, begin, min(PART, size - begin)))


def read_range(url: str, start: int, length: int, *, size: int | None = None) -> bytes:
    """Some bytes of an object; fewer where it ends before.

    Parameters
    ----------
    url : str
    start, length : int
        Bytes.
    size : int, optional
        Of the object; asked for where it is not given.

    Raises
    ------
    InputError
        If it is not there.
    UnreachableError
        If they cannot be read.
    """
    size = about(url).size if size is None else size
    if size is None:
        raise UnreachableError(f"{plain_url(url)}: its server does not say how long it is.")
    return _part(url, start, max(0, min(length, size - start)))


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
