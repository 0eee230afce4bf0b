"""Text tables: comma, tab or semicolon, with a header."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pandas as pd

from phenolens.errors import InputError, reasons
from phenolens.io.formats.base import TableFormat, TableRead, register
from phenolens.profiles import read_frame, text_dialect

SMALL = 20_000_000
"""Bytes up to which a text table is read whole when its head is asked for."""


@register
class Delimited(TableFormat):
    """CSV, TSV and TXT, also gzipped; separator and decimal comma are found in the header."""

    name = "delimited"
    describes: ClassVar[str] = "a text table with a header: comma, tab or semicolon, also gzipped"
    endings = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz")
    metadata = True
    takes = ("sep",)

    def read(self, path: Path, *, sep: str | None = None, **_: Any) -> TableRead:
        """The whole table; `sep` where the file's own header does not tell."""
        if sep is None:
            return TableRead(read_frame(path))
        try:
            return TableRead(pd.read_csv(path, sep=sep, low_memory=False))
        except (OSError, ValueError) as error:
            raise InputError(f"{path} cannot be read as a table: {reasons([str(error)])}") from None

    def head(self, path: Path, rows: int) -> pd.DataFrame:
        """All of a small table, the first rows of a large one."""
        if path.stat().st_size < SMALL:
            return self.read(path).frame
        return pd.read_csv(path, nrows=rows, **text_dialect(path))
