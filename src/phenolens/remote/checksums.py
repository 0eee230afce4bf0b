"""Whether a file here is the object it was fetched from, as far as its store says what it holds."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from phenolens.remote.asking import ObjectStat

Check = Literal["MD5", "MD5 of parts", "size"]
_OF_PARTS = re.compile("([0-9a-f]{32})-([0-9]{1,5})")
_MIB = 2**20
_USUAL = (8, 16, 5, 6, 7, 10, 15, 20, 25, 32, 50, 64, 100, 128, 256, 512)
"""MiB of a part, as the usual tools send them; the first is that of the AWS command."""


def compared(file: Path, told: ObjectStat) -> Check:
    """What a fetched file was compared with; that its bytes are of another object is told before.

    The ETag of an object that was sent in one go is the MD5 of its bytes; of one that was sent in
    parts, the MD5 of theirs, and the length of the parts is known only when it comes out right. A
    store that encrypts has ETags of its own.

    Parameters
    ----------
    file : Path
    told : ObjectStat

    Returns
    -------
    {"MD5", "MD5 of parts", "size"}
    """
    if told.md5:
        return "MD5" if _md5(file) == told.md5 else "size"
    found = _OF_PARTS.fullmatch(told.etag)
    if found is None or told.size is None:
        return "size"
    wanted, number = found[1], int(found[2])
    for length in _lengths(told.size, number):
        if _md5_of_parts(file, length) == wanted:
            return "MD5 of parts"
    return "size"


def _md5(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "md5").hexdigest()


def _lengths(size: int, number: int) -> Iterator[int]:
    """Lengths that would cut so many bytes into so many parts, likeliest first."""
    least = -(-size // number)
    usual = [length * _MIB for length in _USUAL]
    for length in dict.fromkeys([*usual, -(-least // _MIB) * _MIB, least]):
        if length and -(-size // length) == number:
            yield length


def _md5_of_parts(file: Path, length: int) -> str:
    whole = hashlib.md5(usedforsecurity=False)
    with file.open("rb") as stream:
        while True:
            part, left = hashlib.md5(usedforsecurity=False), length
            while left and (data := stream.read(min(left, _MIB))):
                part.update(data)
                left -= len(data)
            if left == length:
                return whole.hexdigest()
            whole.update(part.digest())
