"""Files that appear under their name only when they are complete."""

from __future__ import annotations

import hashlib
import io
import json
import os
import stat
import time
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from phenolens.errors import DamagedError, reasons
from phenolens.places import in_words, is_place
from phenolens.remote import local, placed

UNREADABLE = (OSError, EOFError, ValueError, zlib.error)
"""What reading text that may be packed raises where the bytes are damaged."""


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """A temporary path beside ``path``; it takes the name only if the block ends without error."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".partial-{path.name}")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def write_text(path: str | Path, text: str) -> None:
    """Write a UTF-8 text file atomically."""
    with atomic_path(path) as partial:
        partial.write_text(text, encoding="utf-8")


def write_json(path: str | Path, value: object) -> None:
    """Write JSON (sorted keys, two spaces, NaN and infinities as null) atomically."""
    text = json.dumps(plain(value), indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    write_text(path, text + "\n")


def read_json(path: str | Path) -> Any:
    """Read a JSON file."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def write_sealed(path: str | Path, value: object) -> None:
    """Write JSON with a digest of its own, atomically."""
    write_json(path, {"sha256": _digest_of(value), "value": value})


def read_sealed(path: str | Path) -> Any:
    """What :func:`write_sealed` wrote.

    Raises
    ------
    DamagedError
        If a byte of it is another than was written.
    FileNotFoundError
        If there is no such file.
    """
    try:
        held = json.loads(Path(path).read_bytes())
        value, told = held["value"], held["sha256"]
    except (ValueError, KeyError, TypeError):
        raise DamagedError(path, "it cannot be read") from None
    if told != _digest_of(value):
        raise DamagedError(path, "its checksum does not match")
    return value


def _digest_of(value: object) -> str:
    text = json.dumps(plain(value), sort_keys=True, ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def seal(path: str | Path) -> None:
    """Write the digest of a finished file beside it; :func:`require_sealed` compares."""
    write_text(_seal_of(path), f"{file_digest(path)}\n")


def require_sealed(path: str | Path) -> None:
    """Raise unless a file is, byte for byte, as it was when it was sealed.

    Raises
    ------
    DamagedError
        If it or its seal is missing, or the two do not agree.
    """
    try:
        told = _seal_of(path).read_text(encoding="utf-8").strip()
        found = file_digest(path)
    except FileNotFoundError as error:
        raise DamagedError(path, f"{Path(error.filename).name} is missing") from None
    except UnicodeDecodeError:
        raise DamagedError(path, "its checksum cannot be read") from None
    if told != found:
        raise DamagedError(path, "its checksum does not match")


def sealed(path: str | Path) -> bool:
    """Whether a file and its seal are there; whether they agree is seen on reading."""
    return Path(path).is_file() and _seal_of(path).is_file()


def _seal_of(path: str | Path) -> Path:
    return Path(path).with_name(f"{Path(path).name}.sha256")


def read_arrays(path: str | Path, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Arrays of an ``.npz`` archive by name, each compared with the archive's checksum of it.

    Raises
    ------
    DamagedError
        If an array is missing or not as it was written, or there is no such file.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            held = {name: io.BytesIO(archive.read(f"{name}.npy")) for name in names}
        read = np.lib.format.read_array
        return {name: np.asarray(read(held[name], allow_pickle=False)) for name in names}
    except MemoryError:
        raise
    except Exception as error:  # zip, numpy and the file system raise many kinds
        fault = reasons([f"{type(error).__name__}: {error}"]).rstrip(".")
        raise DamagedError(path, fault) from None


def real_path(path: str | Path) -> Path:
    """Absolute and without links, as far as they lead somewhere: a link to itself stays as it is.

    ``Path.resolve`` raises there, of a kind that differs between versions of Python.
    """
    return Path(os.path.realpath(path))


def digest(*parts: object) -> str:
    """16 hexadecimal digits of a SHA-256 over plain values, bytes and arrays."""
    state = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray) and part.dtype.kind != "O":
            state.update(f"{part.dtype.str}{part.shape}".encode())
            state.update(np.ascontiguousarray(part).tobytes())
        elif isinstance(part, bytes):
            state.update(part)
        else:
            text = json.dumps(plain(part), sort_keys=True, ensure_ascii=False)
            state.update(text.encode())
        state.update(b"\x00")
    return state.hexdigest()[:16]


def file_digest(path: str | Path) -> str:
    """16 hexadecimal digits of the SHA-256 of a file's bytes."""
    with local(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()[:16]


def identity(path: str | Path) -> list[int]:
    """Size, times of change of content and of inode (ns), and inode of a file; zeros if absent.

    Of a folder, an image in a Zarr store: sum or latest of all its files. A file whose content was
    replaced has another time of inode change or another inode, even where its size and the time of
    its content were made to look the same. Of what lies elsewhere: size, and time with ETag, the
    same wherever its copy lies.
    """
    try:
        path = placed(path)
        found = [path.stat()]
        if path.is_dir():
            found += [inside.stat() for inside in path.rglob("*")]
    except (OSError, ValueError):
        return [0, 0, 0, 0]
    if is_place(path):
        files = [one for one in found if stat.S_ISREG(one.st_mode)]
        latest = max((one.st_mtime_ns for one in files), default=0)
        return [sum(one.st_size for one in files), latest, latest, 0]
    times = [max(one.st_mtime_ns for one in found), max(one.st_ctime_ns for one in found)]
    return [sum(one.st_size for one in found), *times, found[0].st_ino]


def is_endless(path: str | Path) -> bool:
    """Whether a path leads to a pipe, a device or a socket: no file, and reading may never end."""
    try:
        mode = placed(path).stat().st_mode
    except (OSError, ValueError):
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def settled(known: list[int], *, seconds: float = 2.0) -> list[int]:
    """An :func:`identity` to be kept: none of a file that changed a moment ago.

    Clocks of file systems tick in steps of up to two seconds: a file changed again within a step
    would look the same.
    """
    young = max(known[1:3]) > time.time_ns() - int(seconds * 1e9)
    return [-1, -1, -1, -1] if young else known


def plain(value: Any) -> Any:
    """The value with numpy scalars, arrays, paths and sets turned into what JSON knows.

    What lies elsewhere is called by its URL.
    """
    if isinstance(value, str):
        return in_words(value)
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, set):
        return [plain(item) for item in sorted(value)]
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return in_words(value.as_posix()) if isinstance(value, Path) else value
