"""Same question, same answer, on disk: content-addressed results, atomic files, resume.

A result is kept under the hash of everything it depends on (settings, inputs, code version). A
file appears under its name only when it is complete, so a killed run leaves nothing half-written
and the next run finds what was finished.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd

from phenolens.files import plain


def digest(*parts: object) -> str:
    """16 hexadecimal digits of a SHA-256 over settings, tables, arrays and paths' contents."""
    state = hashlib.sha256()
    for part in parts:
        state.update(_as_bytes(part))
        state.update(b"\x00")
    return state.hexdigest()[:16]


def _as_bytes(part: object) -> bytes:
    if isinstance(part, pd.DataFrame):
        return _frame_bytes(part)
    if isinstance(part, np.ndarray):
        head = f"{part.dtype.str}{part.shape}".encode()
        return head + np.ascontiguousarray(part).tobytes()
    return json.dumps(plain(part), sort_keys=True, ensure_ascii=False).encode()


def _frame_bytes(frame: pd.DataFrame) -> bytes:
    named = frame.reset_index() if frame.index.names != [None] else frame
    hashes = pd.util.hash_pandas_object(named.astype(_hashable(named)), index=False).to_numpy()
    return json.dumps([str(c) for c in named.columns]).encode() + hashes.tobytes()


def _hashable(frame: pd.DataFrame) -> dict:
    return {name: str for name, kind in frame.dtypes.items() if kind.kind == "O"}


def file_digest(path: str | Path) -> str:
    """16 hexadecimal digits of the SHA-256 of a file's bytes."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()[:16]
