"""Parquet tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pandas as pd

from phenolens.errors import InputError
from phenolens.io.formats.base import TableFormat, TableRead, register
from phenolens.profiles import index_as_columns, read_frame


@register
class Parquet(TableFormat):
    """Parquet, as pycytominer, CytoTable and the JUMP consortium write it."""

    name = "parquet"
    describes: ClassVar[str] = "a Parquet table"
    endings = (".parquet", ".pq")
    metadata = True

    def read(self, path: Path, **_: Any) -> TableRead:
        """The whole table."""
        return TableRead(read_frame(path))

    def head(self, path: Path, rows: int) -> pd.DataFrame:
        """The first rows, and no more is read."""
        import pyarrow.parquet as pq

        try:
            first = next(pq.ParquetFile(path).iter_batches(batch_size=rows), None)
        except (OSError, ValueError) as error:
            raise InputError(f"{path} cannot be read as a table: {error}") from None
        return pd.DataFrame() if first is None else index_as_columns(first.to_pandas())

    def values(self, path: Path, column: str) -> pd.Series:
        """One column, and no other is read."""
        return index_as_columns(pd.read_parquet(path, columns=[column]))[column]
