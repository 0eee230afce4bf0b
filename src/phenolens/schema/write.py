"""Tables as they are defined: columns, dtypes and order checked where a table is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from phenolens.schema.kinds import ANY, FLAG, REAL, REAL32, TEXT, WHOLE, Column, Table

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


class SchemaError(Exception):
    """A table is not what its definition says: a fault of the code that made it."""


def write(
    frame: pd.DataFrame,
    table: Table,
    path: str | Path,
    *,
    order: Mapping[str, Sequence[str]] | None = None,
) -> None:
    """Write a table of the study as it is defined.

    Parameters
    ----------
    frame, table, order
        As in :func:`conform`.
    path : path
        Parquet or CSV. Parquet holds the declared types also where all values are missing.

    Raises
    ------
    SchemaError
        See :func:`conform`.
    """
    from phenolens.profiles import write_frame

    frame = conform(frame, table, order=order)
    write_frame(frame, path, schema=arrow_schema(frame, table))


def conform(
    frame: pd.DataFrame,
    table: Table,
    *,
    order: Mapping[str, Sequence[str]] | None = None,
) -> pd.DataFrame:
    """A table with the columns, dtypes and order of rows that its definition says.

    Parameters
    ----------
    frame : DataFrame
        Columns and rows in any order; its index does not count.
    table : Table
        The definition.
    order : mapping of str to sequence of str, optional
        Of columns whose values come *in order*: that order, such as the names of the
        representations. By default that in which they first stand in `frame`.

    Returns
    -------
    DataFrame
        Text as object, int64 (pandas' Int64 where one is missing), float64, float32, and bool
        (pandas' boolean where it is nullable), with a range index.

    Raises
    ------
    SchemaError
        If a column is not declared, lacks, or holds what its definition does not allow; names
        file and column.

    Examples
    --------
    >>> import pandas as pd
    >>> from phenolens.schema import Column, Table, conform
    >>> table = Table("doses.csv", columns=(Column("well", "string", "its name"),
    ...               Column("dose", "float64", "of the compound")), sort=("well",))
    >>> conform(pd.DataFrame({"dose": [3, 1], "well": ["B02", "A01"]}), table)
      well  dose
    0  A01   1.0
    1  B02   3.0
    """
    import numpy as np

    names = [str(name) for name in frame.columns]
    if unknown := [name for name in names if table.column(name) is None]:
        raise SchemaError(f"{table.path} has no column {unknown[0]!r} in its definition.")
    if absent := [name for name in table.required if name not in names]:
        raise SchemaError(f"{table.path} lacks its column {absent[0]!r}.")
    ordered = frame[table.ordered(names)].reset_index(drop=True)
    numbers = {REAL: np.dtype(np.float64), REAL32: np.dtype(np.float32)}
    dtypes = ordered.dtypes.to_dict()

    def conforms(column: Column, name: str) -> bool:
        """Hundreds of features are so already."""
        return column.nullable and column.dtype in numbers and dtypes[name] == numbers[column.dtype]

    cast = {
        name: _cast(ordered[name], column, table.path)
        for name in names
        if (column := table.column(name)) is not None and not conforms(column, name)
    }
    return _sorted(ordered.assign(**cast), table, order=order or {})


def _sorted(
    frame: pd.DataFrame, table: Table, *, order: Mapping[str, Sequence[str]]
) -> pd.DataFrame:
    def ranks(values: pd.Series) -> pd.Series:
        in_order = table.by_name[str(values.name)].in_order
        known = order.get(str(values.name), () if in_order is True else in_order or ())
        if not known and not in_order:
            return values
        found = list(dict.fromkeys(values.dropna()))
        others = [value for value in found if value not in known]
        places = [*known, *(others if in_order is True else sorted(others))]
        return values.map({value: place for place, value in enumerate(places)})

    by = [name for name in table.sort if name in frame]
    if not by:
        return frame
    frame = frame.sort_values(by, kind="stable", key=ranks, ignore_index=True)
    if (repeated := frame.duplicated(by)).any():
        row = frame.loc[repeated.idxmax(), by].to_dict()
        raise SchemaError(f"{table.path} has two rows of {row}, which should name one.")
    return frame


def _cast(values: pd.Series, column: Column, path: str) -> pd.Series:
    """The values in the declared dtype, as pandas holds it."""
    missing = values.isna()
    if column.dtype == ANY:
        return values
    if missing.any() and not column.nullable:
        raise SchemaError(f"{path} misses values of {values.name!r}, which is not nullable.")
    try:
        if column.dtype == TEXT:
            plain = values.astype(object).where(~missing, None)
            return plain.map(_as_text, na_action="ignore")
        if column.dtype == FLAG:
            return values.astype("boolean" if column.nullable else bool)
        if column.dtype == WHOLE:
            return values.astype("Int64") if missing.any() else _whole(values)
        return values.astype(column.dtype)
    except (TypeError, ValueError) as error:
        raise SchemaError(
            f"{path} has values of {values.name!r} that are not {column.dtype}: {error}"
        ) from None


def _as_text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r}")
    return value


def _whole(values: pd.Series) -> pd.Series:
    whole = values.astype(WHOLE)
    if not (whole == values).all():
        raise ValueError("fractions")
    return whole


def arrow_schema(frame: pd.DataFrame, table: Table) -> pa.Schema:
    """Parquet types of a table that conforms, also of columns without a value."""
    import pyarrow as pa

    types = {TEXT: pa.string(), WHOLE: pa.int64(), REAL: pa.float64(), REAL32: pa.float32(),
             FLAG: pa.bool_()}  # fmt: skip
    fields = list(pa.Schema.from_pandas(frame, preserve_index=False))
    for number, field in enumerate(fields):
        column = table.column(field.name)
        if column is not None and column.dtype in types:
            fields[number] = pa.field(field.name, types[column.dtype])
    return pa.schema(fields)
