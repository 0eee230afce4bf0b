"""Parquet tables."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd

from phenolens.errors import InputError, reasons
from phenolens.files import UNREADABLE
from phenolens.io.columns import refuse_nested
from phenolens.io.formats.base import ByColumn, TableFormat, TableRead, register
from phenolens.io.tables.text import repeated_names
from phenolens.profiles import index_as_columns, read_frame
from phenolens.remote import local


@register
class Parquet(TableFormat):
    """Parquet, as pycytominer, CytoTable and the JUMP consortium write it."""

    name = "parquet"
    describes: ClassVar[str] = "a Parquet table"
    endings = (".parquet", ".pq")
    metadata = True

    def read(self, path: Path, **_: Any) -> TableRead:
        """The whole table."""
        _require_plain_columns(path)
        return TableRead(read_frame(path))

    def by_column(self, path: Path) -> ByColumn | None:
        """The table as it lies; None where pandas left a row index in it, which is read whole."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        _require_plain_columns(path)
        with pq.ParquetFile(local(path)) as file:
            schema, rows = file.schema_arrow, file.metadata.num_rows
        about = json.loads((schema.metadata or {}).get(b"pandas", b"{}"))
        if any(isinstance(level, str) for level in about.get("index_columns", ())):
            return None

        def read(names: Sequence[str]) -> pd.DataFrame:
            try:  # opened anew each time: thousands of open files are more than a process may have
                with pq.ParquetFile(local(path)) as file:
                    frame = file.read(columns=list(names)).to_pandas()[list(names)]
            except UNREADABLE as error:
                why = reasons([str(error)])
                raise InputError(f"{path} cannot be read as a table: {why}") from None
            pa.default_memory_pool().release_unused()  # it keeps some 300 MiB for the next time
            return frame

        floating = frozenset(one.name for one in schema if pa.types.is_floating(one.type))
        return ByColumn(rows, tuple(schema.names), floating, read)

    def head(self, path: Path, rows: int) -> pd.DataFrame:
        """The first rows, and no more is read."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        _require_plain_columns(path)
        try:
            first = next(pq.ParquetFile(local(path)).iter_batches(batch_size=rows), None)
        except (OSError, ValueError, pa.ArrowException) as error:
            raise InputError(f"{path} cannot be read as a table: {error}") from None
        return pd.DataFrame() if first is None else index_as_columns(first.to_pandas())

    def values(self, path: Path, column: str) -> pd.Series:
        """One column, and no other is read."""
        return index_as_columns(pd.read_parquet(local(path), columns=[column]))[column]


def _require_plain_columns(path: Path) -> None:
    """Raise where a name occurs twice, or cells hold several values: nothing joins by it."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        schema = pq.read_schema(local(path))
    except FileNotFoundError:
        raise InputError(f"There is no file {path}.") from None
    except (OSError, ValueError, pa.ArrowException) as error:
        raise InputError(f"{path} cannot be read as a table: {reasons([str(error)])}") from None
    if twice := [name for name, times in Counter(schema.names).items() if times > 1]:
        raise InputError(repeated_names(twice, str(path)))
    refuse_nested([column.name for column in schema if pa.types.is_nested(column.type)], str(path))
