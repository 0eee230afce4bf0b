"""Profiles made elsewhere, read as one table: metadata tidied, features as they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from phenolens.errors import InputError
from phenolens.findings import Finding
from phenolens.io.columns import FILE, mark_blank_samples, plain, refuse_nested, tidy
from phenolens.io.features import UNNAMED, Features, find_families, merge, recognise
from phenolens.io.formats.base import ByColumn, table_format
from phenolens.io.paths import expand, stem
from phenolens.io.tables.text import repeated_names
from phenolens.memory import available

BLOCK_BYTES = 256 * 2**20
LARGE = 2 * 10**7
"""So many values are read by columns where they can be: a table read whole is copied on the way."""
_COPIES = 3  # of some columns: as they are read, in single precision, side by side


def columns_at_once(rows: int) -> int:
    """How many columns of so many rows the bound on memory allows."""
    return max(1, BLOCK_BYTES // (4 * _COPIES * max(rows, 1)))


@dataclass(frozen=True)
class Lying:
    """A file that lies by columns: what describes its rows, and a way to its features.

    Attributes
    ----------
    source : str
    described : DataFrame
        As :func:`described` gives it.
    found : Features
    read : callable
        Gives the named columns of all rows as they are stored.
    """

    source: str
    described: pd.DataFrame
    found: Features
    read: Callable[[Sequence[str]], pd.DataFrame] = field(repr=False)

    def whole(self) -> pd.DataFrame:
        """As :func:`tidied`, without a second copy of the features."""
        names, rows = self.found.names, len(self.described)
        values = np.empty((len(names), rows), dtype=np.float32)
        lost: dict[str, float] = {}
        step = columns_at_once(rows)
        for first in range(0, len(names), step):
            part, more = single_precision(self.read(names[first : first + step]))
            values[first : first + step] = part.to_numpy().T
            lost |= more
        refuse_lost(lost, names, source=self.source)
        held = pd.DataFrame(values.T, columns=names, copy=False)
        return pd.concat([self.described, held], axis=1, copy=False)


def by_column(path: Path, features: str | Sequence[str] | None, *, fewest: int = 1) -> Lying | None:
    """As :func:`read_file`, but that the values of the features stay where they are.

    Parameters
    ----------
    path : Path
    features : str, sequence of str or None
        As in :func:`phenolens.io.features.recognise`.
    fewest : int
        Values that a table holds to be worth it.

    Returns
    -------
    Lying or None
        None where the file does not lie by columns, or where values decide what is a feature, as in
        a table whose names no family knows.
    """
    lying = table_format(path).by_column(path)
    if lying is None or lying.rows * len(lying.columns) < fewest or not lying.rows:
        return None
    columns = [column for column in lying.columns if not UNNAMED.match(column)]
    left = lying.floating & set(columns)
    frame = _with_blanks(lying, columns, left)
    if features is None and not find_families(frame):
        return None
    left &= set(recognise(frame, features=features, source=str(path)).names)
    frame = _with_blanks(lying, columns, left)
    found = recognise(frame, features=features, source=str(path))
    details = frame.drop(columns=[*found.names, FILE], errors="ignore")
    return Lying(str(path), described(details, stem(path)), found, lying.read)


def _with_blanks(lying: ByColumn, columns: Sequence[str], left: frozenset[str]) -> pd.DataFrame:
    """The table with one NaN, which takes no memory, for all values of the columns left out."""
    held = plain(lying.read([column for column in columns if column not in left]))
    blank = np.broadcast_to(np.float32(np.nan), lying.rows)
    parts = {column: blank if column in left else held[column] for column in columns}
    return pd.DataFrame(parts, copy=False)


def read_block(block: Mapping[str, Any], root: Path) -> tuple[pd.DataFrame, list[str], list[str]]:
    """Rows of one ``[[data.profiles]]`` block; see :func:`read_files`.

    A block may hold what was read already, under ``given``, instead of naming files.
    """
    if "given" in block:
        return block["given"]
    paths = expand(block["files"], root)
    frame, found, notes = read_files(
        paths, features=block.get("prefix"), layer=block.get("layer"), obsm=block.get("obsm")
    )
    return frame, found.names, [*found.lines(), *notes]


def read_files(
    paths: Sequence[Path],
    *,
    features: str | Sequence[str] | None = None,
    layer: str | None = None,
    obsm: str | None = None,
) -> tuple[pd.DataFrame, Features, list[str]]:
    """Rows of profile files below one another: metadata tidied, features as they are.

    Parameters
    ----------
    paths : sequence of Path
    features : str, sequence of str or None
        As in :func:`phenolens.io.features.recognise`.
    layer, obsm : str, optional
        Where in an AnnData file the features are; see :func:`phenolens.io.anndata.to_columns`.

    Returns
    -------
    frame : DataFrame
        ``Metadata_*`` columns, ``_file``, then features (float32).
    found : Features
    notes : list of str
        For the ledger.
    """
    paths = once(paths)
    _require_room(paths)
    parts = [read_file(path, features=features, layer=layer, obsm=obsm) for path in paths]
    source = str(paths[0]) if len(paths) == 1 else f"{paths[0]} and {len(paths) - 1} more"
    found = merge([one for _, one, _ in parts], named=features is not None, source=source)
    everywhere = set(found.names).intersection(*(one.names for _, one, _ in parts))
    notes = list(dict.fromkeys(note for _, _, said in parts for note in said))
    if missing := len(found.names) - len(everywhere):
        notes.append(f"{missing} features are not in every file (NaN there)")
    frames = [frame for frame, _, _ in parts]
    frame = frames[0] if len(frames) == 1 else pd.concat(frames, ignore_index=True)
    return frame, found, notes + settle(frame, found.names)


def _require_room(paths: Sequence[Path]) -> None:
    """Raise where memory does not hold the tables, before any is read.

    Only large files are looked at, and only those that say how large their table is.
    """
    room = available()
    large = [path for path in paths if path.is_file()]
    if sum(path.stat().st_size for path in large) < room / 16:
        return
    lying = [held for path in large if (held := table_format(path).by_column(path)) is not None]
    needed = _COPIES * 4 * sum(held.rows * len(held.columns) for held in lying)
    if needed > room:
        values = {"tables": len(lying), "rows": sum(held.rows for held in lying)}
        values |= {"needed": needed, "room": room}
        raise InputError(Finding("tables-too-large", "error", {}, values))


def once(paths: Sequence[Path]) -> list[Path]:
    """Without the files that are read with one before: a run's Nuclei.csv with its Cells.csv."""
    kept, held = [], set[Path]()
    for path in paths:
        if path not in held:
            kept.append(path)
            held |= table_format(path).read_with(path)
    return kept


def read_file(
    path: Path, *, features: str | Sequence[str] | None, layer: str | None, obsm: str | None
) -> tuple[pd.DataFrame, Features, list[str]]:
    """One profile file: tidy metadata, ``_file``, float32 features; what they are; notes."""
    lying = None if layer or obsm else by_column(path, features, fewest=LARGE)
    if lying is not None:
        return lying.whole(), lying.found, []
    kind = table_format(path)
    if (layer or obsm) and "layer" not in kind.takes:
        where = f"layer {layer!r}" if layer else f"obsm {obsm!r}"
        raise InputError(f"{path} is no AnnData file (.h5ad), so it has no {where}.")
    options = {"layer": layer, "obsm": obsm}
    found = kind.read(path, **{name: options[name] for name in kind.takes if name in options})
    frame, notes = found.frame, found.notes
    if not len(frame):
        raise InputError(f"{path} has a header but no rows.")
    unnamed = [name for name in frame.columns if UNNAMED.match(str(name))]
    frame = frame.drop(columns=unnamed)
    return *tidied(frame, features=features, name=stem(path), source=str(path)), notes


def tidied(
    frame: pd.DataFrame, *, features: str | Sequence[str] | None, name: str, source: str
) -> tuple[pd.DataFrame, Features]:
    """A table as it came, tidied: the one way in for files and for what lies in memory.

    Parameters
    ----------
    frame : DataFrame
        Metadata and features in columns.
    features : str, sequence of str or None
        As in :func:`phenolens.io.features.recognise`.
    name : str
        For the column ``_file``.
    source : str
        What the table is called in errors.

    Returns
    -------
    table : DataFrame
        ``Metadata_*`` columns with clean values, ``_file``, then float32 features; range index.
    found : Features

    Raises
    ------
    InputError
        If it is empty, a name occurs twice, or a column holds lists, dictionaries or arrays.
    """
    if not len(frame) or not len(frame.columns):
        size = f"{len(frame)} rows and {len(frame.columns)} columns"
        raise InputError(
            f"{source} has {size}; hand in a table with one row a well, field or cell."
        )
    frame = frame.set_axis([str(column) for column in frame.columns], axis=1)
    if not frame.columns.is_unique:
        twice = frame.columns[frame.columns.duplicated()].unique()
        raise InputError(repeated_names(list(twice), source))
    frame = plain(frame.reset_index(drop=True))
    objects = frame.columns[frame.dtypes.map(pd.api.types.is_object_dtype)]
    refuse_nested([name for name in objects if _is_nested(frame[name])], source)
    found = recognise(frame, features=features, source=source)
    details = frame.drop(columns=[*found.names, FILE], errors="ignore")
    values, lost = single_precision(frame[found.names])
    refuse_lost(lost, found.names, source=source)
    return pd.concat([described(details, name), values], axis=1), found


def described(details: pd.DataFrame, name: str) -> pd.DataFrame:
    """``Metadata_*`` columns with clean values, and the file's name in ``_file``."""
    rows = tidy(mark_blank_samples(details))
    silent = rows.columns[rows.isna().all()]  # of any type once files are stacked
    return rows.assign(**dict.fromkeys(silent, np.nan), **{FILE: name})


def single_precision(features: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, float]]:
    """The features in float32; those of which it holds nothing but zeros are infinite.

    Returns
    -------
    values : DataFrame of float32
    lost : dict of str to float
        A value of each feature of which nothing is left; see :func:`refuse_lost`.
    """
    if (features.dtypes == np.float32).all():
        return features, {}
    with np.errstate(over="ignore"):  # what float32 cannot hold is infinite, and told
        values = features.astype(np.float32)
    held = values.to_numpy()
    empty = values.columns[~((held != 0) & np.isfinite(held)).any(axis=0)]
    lost: dict[str, float] = {}
    for name in empty:
        given = features[name].to_numpy(dtype=np.float64, na_value=np.nan)
        given = given[np.isfinite(given) & (given != 0)]
        lost |= {name: given[0]} if len(given) else {}
    return values.assign(**dict.fromkeys(lost, np.float32(np.inf))) if lost else values, lost


def refuse_lost(lost: Mapping[str, float], features: Sequence[str], *, source: str) -> None:
    """Raise :class:`InputError` where single precision holds nothing of any feature."""
    if lost and len(lost) == len(features):
        name, number = next(iter(lost.items()))
        raise InputError(
            f"{source}: single precision holds none of its {len(lost)} feature(s) (1e-38 to 3e38), "
            f"such as {name} ({number:.3g}): give them another unit."
        )


def _is_nested(values: pd.Series) -> bool:
    return any(isinstance(value, (list, tuple, dict, set, np.ndarray)) for value in values)


def settle(frame: pd.DataFrame, features: list[str]) -> list[str]:
    """Make infinite features NaN and what text does not say None, in place; a note on the former.

    A column that says nothing at all counts as text, whatever a file's reader took it for.
    """
    for name in frame.columns.drop(features):
        missing = frame[name].isna()
        if missing.all() or (missing.any() and pd.api.types.is_object_dtype(frame[name])):
            frame[name] = frame[name].astype(object).where(~missing, None)
    counts = {name: int(np.isinf(frame[name].to_numpy()).sum()) for name in features}
    where = [name for name, some in counts.items() if some]
    if not where:
        return []
    values, count = frame[where].to_numpy(), sum(counts.values())
    frame[where] = np.where(np.isinf(values), np.float32(np.nan), values)
    more = f" and {len(where) - 3} more" if len(where) > 3 else ""
    return [
        f"{count} infinite values, or too large or small for single precision, taken as missing "
        f"(in {', '.join(where[:3])}{more})"
    ]
