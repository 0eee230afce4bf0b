"""The profile table: rows are things, columns are features, metadata is the row index.

A profile table is a :class:`pandas.DataFrame` of float32 features whose row index carries the
metadata (levels ``Metadata_*``). That form goes through a scikit-learn pipeline untouched. All
reading, keying, grouping, joining and slicing of such tables goes through this module, because
each has a trap: pandas drops rows with a null key when grouping, keeps dead index levels when
slicing, and other tools' Parquet files come back without an index.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from gzip import GzipFile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from phenolens.errors import InputError, reasons
from phenolens.files import UNREADABLE, atomic_path
from phenolens.grouping import group_medians
from phenolens.remote import local
from phenolens.spreadsheets import beyond_ascii, marked, unmarked

if TYPE_CHECKING:
    import pyarrow as pa

PREFIX = "Metadata_"
PLATE = "Metadata_Plate"
WELL = "Metadata_Well"
SITE = "Metadata_Site"
OBJECT = "Metadata_ObjectNumber"
BATCH = "Metadata_Batch"
TREATMENT = "Metadata_Treatment"
COMPOUND = "Metadata_Compound"
CONCENTRATION = "Metadata_Concentration"
MECHANISM = "Metadata_Mechanism"
TARGET = "Metadata_Target"
CONTROL = "Metadata_Control"
CELL_COUNT = "Metadata_CellCount"
CELL_LABEL = "Metadata_CellLabel"
KEY = (PLATE, WELL, SITE, OBJECT)
WELL_KEY = (PLATE, WELL)

_ABOUT = b"phenolens"
_BETWEEN = r"\s*[-_:./]?\s*"
_QUOTES = "'\"‘’“”`´"
_WELL = re.compile(
    rf"^(?:WELL{_BETWEEN}[{_QUOTES}]?)?"  # Well B07
    rf"(?:(?P<row>[A-Z]{{1,2}}){_BETWEEN}0*(?P<column>[1-9]\d?)"  # A01, a1, A-1, "A - 1", A001
    rf"|0*(?P<first>[1-9]\d?){_BETWEEN}(?P<letters>[A-Z]{{1,2}})"  # 01A
    rf"|R(?:OW)?\s*0*(?P<nth_row>[1-9]\d?){_BETWEEN}C(?:OL(?:UMN)?)?\s*0*(?P<nth>[1-9]\d?))$",
    re.IGNORECASE | re.ASCII,
)


def well_name(text: object) -> str:
    """Canonical well name: ``a1``, ``A-1``, ``A001``, ``01A`` and ``r1c01`` are all ``A01``.

    The word ``Well`` before it and quotes around it, such as the one that keeps a spreadsheet from
    reading a number, are left away.
    Rows go to ``AF`` and columns to 48, as on a plate of 1,536 wells. A number alone is no well:
    whether the second one is A02 or B01 is not for us to say.

    Raises
    ------
    InputError
        If ``text`` is not a well of a plate with at most 32 rows and 48 columns.

    Examples
    --------
    >>> [well_name(text) for text in ("a1", "B - 7", "r16c24", "01A", "Well AF48")]
    ['A01', 'B07', 'P24', 'A01', 'AF48']
    """
    row, column = _place(text)
    return f"{row_letters(row)}{column + 1:02d}"


def _place(text: object) -> tuple[int, int]:
    """Zero-based row and column of a well name."""
    match = _WELL.match(str(text).strip().strip(_QUOTES).strip())
    if match:
        letters = match["row"] or match["letters"]
        row = row_number(letters.upper()) if letters else int(match["nth_row"]) - 1
        column = int(match["column"] or match["first"] or match["nth"])
        if row < 32 and column <= 48:
            return row, column - 1
    raise InputError(
        f"{text!r} is not a well name; expected a row letter and a column, as in 'B07'."
    )


def row_number(letters: str) -> int:
    """Zero-based plate row of its letters: ``A`` is 0, ``P`` is 15, ``AF`` is 31."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1


def row_letters(row: int) -> str:
    """Letters of a zero-based plate row; the inverse of :func:`row_number`."""
    return chr(65 + row) if row < 26 else "A" + chr(65 + row - 26)


def well_position(wells: Iterable[str]) -> np.ndarray:
    """Zero-based (row, column) of canonical well names, int64 of shape (n, 2)."""
    return np.array([_place(well) for well in wells], dtype=np.int64).reshape(-1, 2)


PLATE_SHAPES = {
    6: (2, 3), 12: (3, 4), 24: (4, 6), 48: (6, 8), 96: (8, 12), 384: (16, 24), 1536: (32, 48),
}  # fmt: skip
"""Rows and columns of the standard plates, by their number of wells."""


def plate_shape(position: np.ndarray, *, fewest: int = 6) -> tuple[int, int]:
    """Rows and columns of the smallest standard plate that holds all positions.

    Parameters
    ----------
    position : ndarray of int64, shape (n, 2)
        Zero-based row and column.
    fewest : int
        Wells of the smallest plate in question.
    """
    last = position.max(axis=0, initial=0)
    return next(s for n, s in PLATE_SHAPES.items() if n >= fewest and (last < s).all())


def from_frame(frame: pd.DataFrame, *, features: Sequence[str] | None = None) -> pd.DataFrame:
    """Turn a plain frame with ``Metadata_*`` columns into a profile table.

    Parameters
    ----------
    frame : DataFrame
        Columns that start with ``Metadata_`` become index levels, in the order found (but for
        those that are named as features).
    features : sequence of str, optional
        The feature columns. By default every column that is not metadata.

    Returns
    -------
    DataFrame
        float32 features, rows in the order given.

    Raises
    ------
    InputError
        If there is no metadata, or a feature column is not numeric.
    """
    known = set() if features is None else set(features)
    keys = [c for c in frame.columns if str(c).startswith(PREFIX) and c not in known]
    if not keys:
        raise InputError(
            f"The table has no column that starts with '{PREFIX}', so rows have no key."
        )
    names = list(features) if features is not None else [c for c in frame.columns if c not in keys]
    _require_numeric(frame[names])
    table = frame[names].astype(np.float32)
    table.index = _index(frame[keys])
    return table


def _require_numeric(frame: pd.DataFrame) -> None:
    strings = [
        str(c) for c, kind in frame.dtypes.items() if not pd.api.types.is_numeric_dtype(kind)
    ]
    if strings:
        shown = ", ".join(strings[:5])
        raise InputError(
            f"{len(strings)} feature column(s) are not numeric: {shown}. "
            f"Rename them to '{PREFIX}...' if they describe rows, or name the features."
        )


def _index(keys: pd.DataFrame) -> pd.MultiIndex:
    return pd.MultiIndex.from_frame(keys.reset_index(drop=True))


def to_frame(table: pd.DataFrame) -> pd.DataFrame:
    """Turn a profile table into a plain frame: metadata columns first, then features."""
    return pd.concat([metadata(table), table.reset_index(drop=True)], axis=1)


def index_as_columns(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with the named levels of its row index as ``Metadata_*`` columns in front.

    Levels without a name are dropped. A level that is also a column is taken once.

    Raises
    ------
    InputError
        If a level and a column of one name differ.
    """
    levels = {}
    for number, name in enumerate(frame.index.names):
        if name is None:
            continue
        column = str(name) if PREFIX in str(name) else f"{PREFIX}{name}"
        values = frame.index.get_level_values(number).to_series(index=range(len(frame)))
        if column in levels or (
            column in frame and not _same(values, frame[column].reset_index(drop=True))
        ):
            raise InputError(f"The rows are named by {name!r} twice, with different values.")
        if column not in frame:
            levels[column] = values
    plain = frame.reset_index(drop=True)
    return pd.concat([pd.DataFrame(levels), plain], axis=1) if levels else plain


def feature_names(name: str, n: int, *, channel: str = "all") -> list[str]:
    """Names of learned features: ``<model>__<channel|all>__0001`` and on."""
    return [f"{name}__{channel}__{number:04d}" for number in range(1, n + 1)]


def metadata(table: pd.DataFrame) -> pd.DataFrame:
    """The metadata of a profile table as a plain frame with a range index."""
    return table.index.to_frame(index=False)


def keys(frame: pd.DataFrame, names: Sequence[str]) -> pd.MultiIndex:
    """These columns as text, row by row, to find the rows of one frame in another."""
    return pd.MultiIndex.from_frame(frame[list(names)].astype(str))


def column(table: pd.DataFrame, name: str) -> np.ndarray:
    """One metadata column as an array of length ``len(table)``.

    Raises
    ------
    InputError
        If the table has no such column; names those it has.
    """
    if name not in table.index.names:
        known = ", ".join(map(str, table.index.names))
        raise InputError(f"The table has no metadata column {name!r}; it has {known}.")
    return table.index.get_level_values(name).to_numpy()


def well_names(table: pd.DataFrame) -> list[str]:
    """``plate/well`` of each row."""
    plates, wells = column(table, PLATE), column(table, WELL)
    return [f"{plate}/{well}" for plate, well in zip(plates, wells, strict=True)]


def is_control(table: pd.DataFrame) -> np.ndarray:
    """Which rows are negative controls; a null, or a table without that column, means none."""
    if CONTROL not in table.index.names:
        return np.zeros(len(table), dtype=bool)
    return table.index.get_level_values(CONTROL).to_series().eq(True).to_numpy(dtype=bool)


def with_metadata(table: pd.DataFrame, columns: Mapping[str, object]) -> pd.DataFrame:
    """A copy of the table whose metadata has these columns added or replaced (features shared)."""
    return _reindexed(table, _index(metadata(table).assign(**columns)))


def keep_metadata(table: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """A copy of the table with only these metadata columns, in this order (features shared)."""
    return _reindexed(table, _index(metadata(table)[list(names)]))


def _reindexed(table: pd.DataFrame, index: pd.MultiIndex) -> pd.DataFrame:
    """The table under another row index; its features are not copied."""
    out = table.copy(deep=False)
    out.index = index
    return out


def take(table: pd.DataFrame, rows: np.ndarray) -> pd.DataFrame:
    """Rows by boolean mask or integer positions; levels that no row uses any more are dropped.

    Where they are all rows in their order, features are shared and not copied.
    """
    rows = np.asarray(rows)
    positions = np.flatnonzero(rows) if rows.dtype == bool else rows
    everyone = len(positions) == len(table) and (positions == np.arange(len(table))).all()
    part = table if everyone else table.iloc[positions]
    return _reindexed(part, part.index.remove_unused_levels())


def stack(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Tables below one another; metadata and features by name, absent ones become null or NaN."""
    return from_frame(
        pd.concat([to_frame(table) for table in tables], ignore_index=True),
        features=list(dict.fromkeys(name for table in tables for name in table.columns)),
    )


def require_unique(table: pd.DataFrame, key: Sequence[str]) -> None:
    """Raise :class:`InputError` when two rows share a key, and name the first few."""
    keys = metadata(table)[list(key)]
    repeated = keys[keys.duplicated(keep=False)]
    if len(repeated):
        shown = "; ".join("/".join(map(str, row)) for row in repeated.drop_duplicates().values[:3])
        raise InputError(
            f"{len(repeated)} rows share a key ({', '.join(key)}): {shown}. Keep one row per key."
        )


def groups(table: pd.DataFrame, by: Sequence[str]) -> tuple[np.ndarray, pd.DataFrame]:
    """Group number of each row, and the keys of the groups, sorted; null keys are groups too.

    Without columns to group by, all rows are one group.

    Returns
    -------
    codes : ndarray of int64, shape (n_rows,)
    keys : DataFrame, shape (n_groups, len(by))
    """
    keys = metadata(table)[list(by)]
    if not len(by):
        return np.zeros(len(table), dtype=np.int64), keys.head(1)
    grouped = keys.groupby(list(by), dropna=False, sort=True, observed=True)
    codes = grouped.ngroup().to_numpy()
    _, first = np.unique(codes, return_index=True)
    return codes, keys.iloc[first].reset_index(drop=True)


def aggregate(
    table: pd.DataFrame, by: Sequence[str], *, how: str | Callable = "median"
) -> pd.DataFrame:
    """One row per group: the median (or mean) of each feature, ignoring NaN.

    Metadata columns that are constant within every group are kept; the others are dropped.
    ``Metadata_Count`` holds the number of rows aggregated.
    """
    codes, keys = groups(table, by)
    if how == "median":
        columns = table.to_numpy(np.float32).T
        medians = group_medians(columns, codes, n_groups=len(keys))
        values = pd.DataFrame(medians, columns=table.columns)
    else:
        values = table.reset_index(drop=True).groupby(codes).agg(how).astype(np.float32)
    kept = constant_within(metadata(table), codes)
    first = metadata(table).iloc[_first_rows(codes)].reset_index(drop=True)
    out = pd.concat([keys, first[[c for c in kept if c not in by]]], axis=1)
    out[f"{PREFIX}Count"] = np.bincount(codes)
    values.index = _index(out)
    return values


def _first_rows(codes: np.ndarray) -> np.ndarray:
    return np.unique(codes, return_index=True)[1]


def constant_within(frame: pd.DataFrame, codes: np.ndarray) -> list[str]:
    """Names of the columns that hold one value (null counts as a value) in each group."""
    first = _first_rows(codes)[codes]
    return [name for name in frame if _same(frame[name], frame[name].iloc[first])]


def _same(left: pd.Series, right: pd.Series) -> bool:
    left_codes, right_codes = np.split(pd.factorize(pd.concat([left, right]))[0], 2)
    return bool((left_codes == right_codes).all())


def read_frame(path: str | Path) -> pd.DataFrame:
    """Read a CSV, TSV (also ``.gz``) or Parquet of our own as a plain frame, by its ending.

    A row index that Parquet brings along becomes columns, see :func:`index_as_columns`. Text of
    other programs is read by :func:`phenolens.io.tables.text.read_text`.

    Raises
    ------
    InputError
        If the file is missing, empty, unreadable or of another kind.
    """
    path = local(path)
    name = path.name.lower().removesuffix(".gz")
    if path.is_dir():
        raise InputError(f"{path} is a folder; name the tables in it, such as '{path}/*.parquet'.")
    try:
        if name.endswith((".parquet", ".pq")):
            return index_as_columns(pd.read_parquet(path))
        if name.endswith((".csv", ".tsv")):
            sep = "\t" if name.endswith(".tsv") else ","
            return unmarked(pd.read_csv(path, sep=sep, low_memory=False))
    except FileNotFoundError:
        raise InputError(f"There is no file {path}.") from None
    except UNREADABLE as error:
        raise InputError(f"{path} cannot be read as a table: {reasons([str(error)])}") from None
    raise InputError(f"{path} is no table we read; expected .csv, .tsv (also .gz) or .parquet.")


def write(
    table: pd.DataFrame,
    path: str | Path,
    *,
    about: Mapping[str, object] | None = None,
    schema: pa.Schema | None = None,
) -> None:
    """Write a profile table as Parquet (snappy) with plain ``Metadata_*`` columns, atomically.

    Parameters
    ----------
    table : DataFrame
    path : path
    about : mapping, optional
        Plain values that travel in a Parquet file's own metadata; see :func:`read_about`.
    schema : pyarrow.Schema, optional
        As in :func:`write_frame`.
    """
    if about is None:
        write_frame(to_frame(table), path, schema=schema)
        return
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = pa.Table.from_pandas(to_frame(table), preserve_index=False, schema=schema)
    found = json.dumps(about, sort_keys=True, ensure_ascii=False).encode()
    columns = columns.replace_schema_metadata((columns.schema.metadata or {}) | {_ABOUT: found})
    with atomic_path(Path(path)) as partial:
        pq.write_table(columns, partial)


def read_about(path: str | Path) -> dict | None:
    """What :func:`write` was told about a table; None where the file says nothing of ours."""
    import pyarrow.parquet as pq

    try:
        held = pq.read_schema(local(path)).metadata or {}
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as a table: {reasons([str(error)])}") from None
    return json.loads(held[_ABOUT]) if _ABOUT in held else None


def write_frame(frame: pd.DataFrame, path: str | Path, *, schema: pa.Schema | None = None) -> None:
    """Write a plain frame as CSV, TSV (also ``.gz``) or Parquet by the path's ending, atomically.

    The same frame gives the same bytes, whatever the file's name and the time of day. In a CSV
    text that a spreadsheet would run as a formula is written as text
    (:func:`phenolens.spreadsheets.as_text`), and one that holds more than ASCII begins with the
    mark by which Excel knows UTF-8; a TSV and what is packed do not.

    Parameters
    ----------
    frame : DataFrame
    path : path
    schema : pyarrow.Schema, optional
        Types of a Parquet file's columns; by default those that their values suggest.
    """
    path = Path(path)
    plain = path.name.removesuffix(".gz")
    with atomic_path(path) as partial:
        if not plain.endswith((".csv", ".tsv")):
            frame.to_parquet(partial, index=False, schema=schema)
            return
        frame = marked(frame)
        style = {"index": False, "sep": "\t" if plain.endswith(".tsv") else ","}
        if plain == path.name:
            known = plain.endswith(".tsv") or not beyond_ascii(frame)
            frame.to_csv(partial, encoding="utf-8" if known else "utf-8-sig", **style)
            return
        with partial.open("wb") as file, GzipFile("", "wb", fileobj=file, mtime=0) as packed:
            frame.to_csv(packed, mode="wb", **style)


def read(path: str | Path) -> pd.DataFrame:
    """Read a profile table written by :func:`write` or by another tool of the field."""
    return from_frame(read_frame(path))
