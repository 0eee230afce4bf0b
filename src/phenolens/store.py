"""Same question, same answer, on disk: content-addressed results that make a study resumable.

A result is kept under the hash of everything it depends on (settings, inputs, version of the
code). A file appears under its name only when it is complete, so a killed run leaves nothing
half-written, and the next run finds what was finished.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from phenolens import __version__, profiles
from phenolens.files import plain


class Store:
    """Results under ``folder``, found again by name and the digest of what they depend on.

    Parameters
    ----------
    folder : path
    force : bool
        Make every table anew instead of reading what an earlier run left.
    """

    def __init__(self, folder: str | Path, *, force: bool = False) -> None:
        self.root = Path(folder)
        self.force = force
        self._emptied: set[Path] = set()

    def folder(self, name: str, *question: object) -> Path:
        """The folder of a result that is many files; the same question gives the same folder.

        With ``force`` it is emptied, once.
        """
        folder = self.root / f"{name}-{digest(__version__, name, *question)}"
        if self.force and folder not in self._emptied:
            shutil.rmtree(folder, ignore_errors=True)
            self._emptied.add(folder)
        return folder

    def table(self, name: str, *question: object, make: Callable[[], pd.DataFrame]) -> pd.DataFrame:
        """The profile table that ``make`` gives, read back when it was made before."""
        path = self.folder(name, *question).with_suffix(".parquet")
        if self.force or not path.is_file():
            profiles.write(make(), path)
        return profiles.read(path)

    def frame(self, name: str, *question: object, make: Callable[[], pd.DataFrame]) -> pd.DataFrame:
        """The plain frame that ``make`` gives, read back when it was made before."""
        path = self.folder(name, *question).with_suffix(".parquet")
        if self.force or not path.is_file():
            profiles.write_frame(make(), path)
        return profiles.read_frame(path)


def digest(*parts: object) -> str:
    """16 hexadecimal digits of a SHA-256 over settings, tables and arrays."""
    state = hashlib.sha256()
    for part in parts:
        state.update(_as_bytes(part))
        state.update(b"\x00")
    return state.hexdigest()[:16]


def _as_bytes(part: object) -> bytes:
    if isinstance(part, pd.DataFrame):
        return _frame_bytes(part)
    if isinstance(part, np.ndarray) and part.dtype.kind != "O":
        head = f"{part.dtype.str}{part.shape}".encode()
        return head + np.ascontiguousarray(part).tobytes()
    return json.dumps(plain(part), sort_keys=True, ensure_ascii=False).encode()


def _frame_bytes(frame: pd.DataFrame) -> bytes:
    named = profiles.to_frame(frame) if frame.index.names != [None] else frame
    as_text = {name: str for name, kind in named.dtypes.items() if kind.kind == "O"}
    hashes = pd.util.hash_pandas_object(named.astype(as_text), index=False).to_numpy()
    return json.dumps([str(name) for name in named.columns]).encode() + hashes.tobytes()


def file_digest(path: str | Path) -> str:
    """16 hexadecimal digits of the SHA-256 of a file's bytes."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()[:16]
