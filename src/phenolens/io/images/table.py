"""Where the pixels are: one row an image, for each stain a file and a place in it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from phenolens.errors import InputError
from phenolens.io.columns import FILE, FOLDER, find, is_blank, key_text
from phenolens.readers import ENDINGS, ZARR

CANONICAL = ("DNA", "ER", "RNA", "AGP", "Mito", "Brightfield", "Brightfield_H", "Brightfield_L")
FILE_COLUMN = re.compile(r"^(Image_)?(FileName|PathName|URL)_")
IMAGE_KEPT = re.compile(r"^(Image_)?(Metadata_|Count_|TableNumber$|ImageNumber$)")
PLACE = re.compile(r"s?\d+")
DRAWN = re.compile(r"overlay|outlines?|(?:labels?|masks?)$", re.IGNORECASE)
NAMED = re.compile(
    r"^(?:Image_)?(?P<part>FileName|URL)_(?P<orig>Orig[ _]?)?(?P<channel>\w[\w .+-]*)$"
)


@dataclass(frozen=True)
class Located:
    """An image table resolved to recorded paths, before any file is looked for.

    ``paths``, ``index`` and ``illumination`` map a channel to one text a row of ``frame``,
    ``labels`` a compartment (with ``Outlines`` behind it where those are drawn); ``hidden``
    columns of the frame name files and are no metadata; ``notes`` are for the ledger.
    """

    frame: pd.DataFrame
    paths: dict[str, np.ndarray]
    index: dict[str, np.ndarray] = field(default_factory=dict)
    illumination: dict[str, np.ndarray] = field(default_factory=dict)
    hidden: tuple[str, ...] = ()
    labels: dict[str, np.ndarray] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def load_data(frame: pd.DataFrame, *, channels: Sequence[str], source: str) -> Located:
    """CellProfiler LoadData columns: ``FileName_Orig<Stain>`` with path, or ``URL_Orig<Stain>``.

    ``FileName_Illum<Stain>`` gives the stain's illumination function.
    """
    known = load_data_channels(frame)
    if not known:
        shown = ", ".join(map(str, list(frame.columns)[:8]))
        raise InputError(f"{source} has no FileName_Orig or URL_Orig columns; it has {shown}.")
    wanted = list(channels) or list(known)
    absent = [name for name in wanted if name not in known]
    if absent:
        raise InputError(f"{source} has no channel {', '.join(absent)}; it has {', '.join(known)}.")
    paths = {name: recorded_paths(frame, known[name]) for name in wanted}
    used = [str(c) for c in frame.columns if FILE_COLUMN.match(str(c)) or _is_bookkeeping(frame, c)]
    return Located(frame, paths, illumination=_illumination(frame, wanted), hidden=tuple(used))


def _is_bookkeeping(frame: pd.DataFrame, column: str) -> bool:
    """Columns of CellProfiler's Image table that say nothing about the sample."""
    return "ImageNumber" in frame and not IMAGE_KEPT.match(str(column))


def load_data_channels(frame: pd.DataFrame) -> dict[str, str]:
    """Channel name to the column that locates it, canonical stains first, in canonical order."""
    matches = {str(c): NAMED.match(str(c)) for c in frame.columns}
    named = {c: m for c, m in matches.items() if m and not m["channel"].startswith("Illum")}
    named = {c: m for c, m in named.items() if not DRAWN.search(m["channel"])}
    marked = {c: m for c, m in named.items() if m["orig"]}
    marked = marked if 2 * len(marked) >= len(named) else named
    found: dict[str, str] = {}
    for column in sorted(marked, key=lambda c: marked[c]["part"] == "URL"):
        found.setdefault(marked[column]["channel"], column)
    return {name: found[name] for name in channel_order(found)}


def drawn_columns(frame: pd.DataFrame) -> dict[str, str]:
    """What a column is named after that locates no stain but what was drawn of one, and it."""
    matches = {str(c): NAMED.match(str(c)) for c in frame.columns}
    return {m["channel"]: c for c, m in matches.items() if m and DRAWN.search(m["channel"])}


def channel_order(names: Iterable[str]) -> list[str]:
    """Canonical stains in canonical order, then the others as they came."""
    rank = {name: position for position, name in enumerate(CANONICAL)}
    return sorted(names, key=lambda name: rank.get(name, len(rank)))


def recorded_paths(frame: pd.DataFrame, column: str) -> np.ndarray:
    """Paths as a table records them; ``FileName_`` columns have ``PathName_`` beside them."""
    folder = column.replace("FileName_", "PathName_")
    files = key_text(frame[column])
    if folder == column or folder not in frame:
        return files
    return _below(key_text(frame[folder]), files)


def _below(folders: np.ndarray, files: np.ndarray) -> np.ndarray:
    pairs = zip(folders, files, strict=True)
    joined = [f"{folder.rstrip('/')}/{file}" if folder and file else file for folder, file in pairs]
    return np.array(joined, dtype=object)


def _illumination(frame: pd.DataFrame, channels: Sequence[str]) -> dict[str, np.ndarray]:
    columns = {name: f"FileName_Illum{name}" for name in channels}
    return {
        name: recorded_paths(frame, column) for name, column in columns.items() if column in frame
    }


def image_table(frame: pd.DataFrame, images: Mapping[str, Any], *, source: str) -> Located:
    """A table with one column a stain (``files``) or one file for all stains (``file``)."""
    if images["files"]:
        return _file_a_stain(frame, images, source=source)
    if images["file"]:
        return _one_file(frame, images, source=source)
    raise InputError(
        f"{source}: say which column names the image files: 'file' (one file with all stains) "
        "or 'files' (one column a stain)."
    )


def _file_a_stain(frame: pd.DataFrame, images: Mapping[str, Any], *, source: str) -> Located:
    columns = {name: find(frame, c, source=source) for name, c in images["files"].items()}
    wanted = list(images["channels"]) or list(columns)
    unknown = [name for name in wanted if name not in columns]
    if unknown:
        raise InputError(f"'channels' names {', '.join(unknown)}, but 'files' has no such stain.")
    paths = {name: key_text(frame[columns[name]]) for name in wanted}
    index = _index_text(frame, images["index"], source=source)
    return Located(
        frame,
        paths,
        index={} if index is None else dict.fromkeys(wanted, index),
        hidden=(*columns.values(), *_index_column(frame, images["index"])),
    )


def _one_file(frame: pd.DataFrame, images: Mapping[str, Any], *, source: str) -> Located:
    column = find(frame, str(images["file"]), source=source)
    index = _index_text(frame, images["index"], source=source)
    names = list(images["channels"]) or ["channel1"]
    files = key_text(frame[column])
    hidden = (column, *_index_column(frame, images["index"]))
    stacked = frame.assign(_stack=files, _index="" if index is None else index)
    return Located(stacked, dict.fromkeys(names, files), hidden=hidden)


def _index_column(frame: pd.DataFrame, name: str | None) -> list[str]:
    return [] if name is None else [find(frame, name, source="the image table")]


def _index_text(frame: pd.DataFrame, name: str | None, *, source: str) -> np.ndarray | None:
    if name is None:
        return None
    column = find(frame, name, source=source)
    texts = [text.removesuffix(":") for text in key_text(frame[column])]
    wrong = [row for row, text in enumerate(texts) if not PLACE.fullmatch(text)]
    if wrong:
        raise InputError(
            f"{source}: column {column} must hold positions counted from 0, or images of a file "
            f"(s0, s1, ...); row {wrong[0] + 1} holds {frame[column].iloc[wrong[0]]!r}."
        )
    places = [f"{text}:" if text[0] == "s" else str(int(text)) for text in texts]
    return np.array(places, dtype=object)


def plane_index(shape: tuple[int, ...], *, channel: int, n_channels: int, position: str) -> str:
    """Index text of one stain in a file of this shape; ``position`` is the stack index or ''.

    Known forms: (Y, X); (C, Y, X); (N, Y, X); (N, C, Y, X); (C, N, Y, X); (1, C, Y, X).

    Raises
    ------
    InputError
        If the shape fits none of them.
    """
    if shape[-1] in (3, 4) and len(shape) == 3:
        raise InputError(f"colour picture of shape {shape}; give grey images, one plane a stain")
    leading = shape[:-2]
    if len(leading) == 0 and n_channels == 1 and position in ("", "0"):
        return ""
    if len(leading) == 1:
        return _one_axis(leading[0], channel=channel, n_channels=n_channels, position=position)
    if len(leading) == 2:
        return _two_axes(leading, channel=channel, n_channels=n_channels, position=position)
    raise InputError(f"shape {shape} does not hold {n_channels} stain(s) a position")


def _one_axis(size: int, *, channel: int, n_channels: int, position: str) -> str:
    if position != "" and n_channels == 1:
        return position
    if position in ("", "0") and size == n_channels:
        return str(channel)
    raise InputError(
        f"a stack of {size} planes where {n_channels} stain(s) are named"
        + ("" if position else " and no 'index' column says which plane")
    )


def _two_axes(sizes: tuple[int, int], *, channel: int, n_channels: int, position: str) -> str:
    if sizes[0] == 1 and position == "":
        position = "0"
    if position == "":
        raise InputError("a stack of several images; an 'index' column must say which")
    if sizes[1] == n_channels:
        return f"{position},{channel}"
    if sizes[0] == n_channels:
        return f"{channel},{position}"
    raise InputError(
        f"a stack of {sizes[0]} x {sizes[1]} planes where {n_channels} stain(s) are named"
    )


def is_image_name(value: object) -> bool:
    """Whether a text ends like an image file or a Zarr store, or names an image in a store."""
    text = "" if is_blank(value) else str(value).lower().replace("\\", "/")
    return text.endswith((*ENDINGS, *ZARR)) or any(f"{ending}/" in text for ending in ZARR)


STACK = ("_stack", "_index", "_origin", "_series", "_fault")
HELPERS = (FILE, FOLDER, *STACK)
