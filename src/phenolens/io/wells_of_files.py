"""Cells in files become wells, however many there are: some columns of one plate at a time.

What describes the cells of a file is read first and kept as one row a well. Features are read
afterwards, of the files that share a well together, as many columns at once as a bound on memory
allows. A file that is no table by columns (text, a database) is read whole, one after another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from phenolens import profiles
from phenolens.errors import InputError
from phenolens.grouping import group_medians
from phenolens.io.columns import FILE, spelled
from phenolens.io.features import Features, merge
from phenolens.io.profile_files import (
    by_column,
    columns_at_once,
    once,
    read_file,
    refuse_lost,
    settle,
    single_precision,
)


@dataclass(frozen=True)
class _Cells:
    """The rows of a file: what describes them, and a way to their features.

    A file that had to be read whole has its features at hand, and is read again for others.
    """

    path: Path
    described: pd.DataFrame
    found: Features
    read: Callable[[Sequence[str]], pd.DataFrame] = field(repr=False)
    at_hand: pd.DataFrame | None = field(default=None, repr=False)


@dataclass(frozen=True)
class _Reduced:
    """What is kept of a file: a row of each of its groups, and the group of each of its rows.

    ``varying`` are columns that differ within a group; ``own`` the groups' features, shape
    (n_groups, n_features), of a file that was read whole.
    """

    path: Path
    firsts: pd.DataFrame
    varying: set[str]
    codes: np.ndarray
    found: Features
    read: Callable[[Sequence[str]], pd.DataFrame] = field(repr=False)
    own: np.ndarray | None


def wells_of_files(
    paths: Sequence[Path],
    by: str | Sequence[str],
    *,
    how: str,
    name: str,
    features: str | Sequence[str] | None = None,
    layer: str | None = None,
    obsm: str | None = None,
) -> pd.DataFrame:
    """One row of all rows that share a key, as :func:`phenolens.profiles.aggregate` of all rows.

    Parameters
    ----------
    paths : sequence of Path
    by : str or sequence of str
        Metadata columns that name a row of the result.
    how : {"median", "mean"}
    name : str
        What the files are called together, for errors.
    features : str, sequence of str or None
        As in :func:`phenolens.io.features.recognise`.
    layer, obsm : str, optional
        Where in an AnnData file the features are.

    Returns
    -------
    DataFrame
        Profile table, one row a group, sorted by key.

    Raises
    ------
    InputError
        If a file cannot be read, or there is no such column.
    """
    files = once(paths)
    asked = [by] if isinstance(by, str) else list(by)
    waiting: list[_Cells] = []
    reduced: list[_Reduced] = []
    names: list[str] | None = None
    for path in files:
        waiting.append(_opened(path, features=features, layer=layer, obsm=obsm))
        seen = dict.fromkeys(column for cells in waiting for column in cells.described)
        if names is None:
            names = _spelled(list(seen), asked, source=name, last=path == files[-1])
        if names is not None:
            reduced += [_reduced(cells, names, how=how) for cells in waiting]
            waiting = []
    assert names is not None  # else the last file has raised
    source = str(files[0]) if len(files) == 1 else f"{files[0]} and {len(files) - 1} more"
    found = merge([one.found for one in reduced], named=features is not None, source=source)
    firsts = pd.concat([one.firsts for one in reduced], ignore_index=True)
    settle(firsts, [])
    rows = profiles.from_frame(firsts, features=[])
    codes, keys = profiles.groups(rows, names)
    described_rows = profiles.metadata(rows)
    varying = set(names).union(*(one.varying for one in reduced))
    kept = [n for n in profiles.constant_within(described_rows, codes) if n not in varying]
    _, first = np.unique(codes, return_index=True)
    index = pd.concat([keys, described_rows.iloc[first].reset_index(drop=True)[kept]], axis=1)
    sizes = np.concatenate([np.bincount(one.codes) for one in reduced])
    counts = np.bincount(codes, weights=sizes).astype(np.int64)
    values = np.full((len(keys), len(found.names)), np.nan, dtype=np.float32)
    for part, groups in _sharing_groups(reduced, codes):
        _fill(values, part, groups, names=found.names, how=how)
    table = pd.DataFrame(values, columns=found.names)
    table.index = pd.MultiIndex.from_frame(index.assign(**{f"{profiles.PREFIX}Count": counts}))
    return table


def _spelled(
    columns: list[str], asked: Sequence[str], *, source: str, last: bool
) -> list[str] | None:
    """The columns asked for as the files spell them; None where a later file may have them."""
    known = pd.DataFrame(columns=[column for column in columns if column != FILE])
    try:
        return [spelled(known, one, source=source) for one in asked]
    except InputError:
        if last:
            raise
        return None


def _opened(
    path: Path, *, features: str | Sequence[str] | None, layer: str | None, obsm: str | None
) -> _Cells:
    """A file's rows; by columns where it lies by columns and names tell its features."""
    lying = None if layer or obsm else by_column(path, features)
    if lying is not None:
        return _Cells(path, lying.described, lying.found, lying.read)

    def read() -> tuple[pd.DataFrame, Features, list[str]]:
        return read_file(path, features=features, layer=layer, obsm=obsm)

    frame, found, _ = read()
    rest, at_hand = frame.drop(columns=found.names), frame[found.names]
    return _Cells(path, rest, found, lambda names: read()[0][list(names)], at_hand)


def _reduced(cells: _Cells, by: Sequence[str], *, how: str) -> _Reduced:
    """A file's groups; of one that was read whole their features too, before it is let go."""
    rows = cells.described.reindex(columns=list(dict.fromkeys([*cells.described, *by])))
    settle(rows, [])
    table = profiles.from_frame(rows, features=[])
    codes, keys = profiles.groups(table, by)
    said = profiles.metadata(table)
    varying = set(said) - set(profiles.constant_within(said, codes))
    _, first = np.unique(codes, return_index=True)
    own = None
    if cells.at_hand is not None:
        held = _without_infinite(cells.at_hand.to_numpy().T.copy(order="C"))
        own = _grouped(held, codes, n_groups=len(keys), how=how)
    return _Reduced(
        path=cells.path,
        firsts=cells.described.iloc[first],
        varying=varying,
        codes=codes.astype(np.int32),
        found=cells.found,
        read=cells.read,
        own=own,
    )


def _sharing_groups(
    files: Sequence[_Reduced], codes: np.ndarray
) -> Iterator[tuple[list[_Reduced], list[np.ndarray]]]:
    """Files that share groups, together; and which of all groups the groups of each are."""
    edges = np.cumsum([0, *(len(one.firsts) for one in files)])
    of_file = np.repeat(np.arange(len(files)), np.diff(edges))
    nodes = len(files) + int(codes.max()) + 1
    links = coo_array((np.ones(len(codes)), (of_file, len(files) + codes)), shape=(nodes, nodes))
    _, part = connected_components(links, directed=False)
    for number in dict.fromkeys(part[: len(files)].tolist()):
        here = np.flatnonzero(part[: len(files)] == number).tolist()
        yield [files[k] for k in here], [codes[edges[k] : edges[k + 1]] for k in here]


def _fill(
    values: np.ndarray,
    files: Sequence[_Reduced],
    groups: Sequence[np.ndarray],
    *,
    names: Sequence[str],
    how: str,
) -> None:
    """Write the features of the groups of files that share some into ``values``."""
    place = {name: k for k, name in enumerate(names)}
    if len(files) == 1 and files[0].own is not None:
        columns = np.array([place[name] for name in files[0].found.names])
        values[np.ix_(groups[0], columns)] = files[0].own
        return
    here, codes = np.unique(
        np.concatenate([of[one.codes] for one, of in zip(files, groups, strict=True)]),
        return_inverse=True,
    )
    whole = any(one.own is not None for one in files)
    step = len(names) if whole else columns_at_once(len(codes))
    lost: list[dict[str, float]] = [{} for _ in files]
    for first in range(0, len(names), step):
        block = _block(files, names[first : first + step], lost, rows=len(codes))
        found = _grouped(block, codes, n_groups=len(here), how=how)
        values[here, first : first + step] = found
    for one, gone in zip(files, lost, strict=True):
        refuse_lost(gone, one.found.names, source=str(one.path))


def _block(
    files: Sequence[_Reduced], names: Sequence[str], lost: list[dict[str, float]], *, rows: int
) -> np.ndarray:
    """Columns of all rows of the files, float32 of shape (n_columns, n_rows); NaN where absent."""
    block = np.full((len(names), rows), np.nan, dtype=np.float32)
    start = 0
    for one, gone in zip(files, lost, strict=True):
        known = set(one.found.names)
        held = [k for k, name in enumerate(names) if name in known]
        stop = start + len(one.codes)
        if held:
            part, more = single_precision(one.read([names[k] for k in held]))
            block[held, start:stop] = part.to_numpy().T
            gone |= more
        start = stop
    return _without_infinite(block)


def _without_infinite(columns: np.ndarray) -> np.ndarray:
    """Infinite values made NaN, in place."""
    for column in columns:
        column[np.isinf(column)] = np.nan
    return columns


def _grouped(columns: np.ndarray, codes: np.ndarray, *, n_groups: int, how: str) -> np.ndarray:
    """Median or mean of each column over the rows of each group, shape (n_groups, n_columns)."""
    if how == "median":
        return group_medians(columns, codes, n_groups=n_groups)
    means = pd.DataFrame(columns.T, copy=False).groupby(codes).agg(how)
    return means.to_numpy(np.float32)
