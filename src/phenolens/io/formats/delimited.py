"""Text tables with a header, whatever program and country they come from."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pandas as pd

from phenolens.io.formats.base import TableFormat, TableRead, register
from phenolens.io.tables.text import read_text

SMALL = 20_000_000
"""Bytes up to which a text table is read whole when its head is asked for."""


@register
class Delimited(TableFormat):
    """CSV, TSV and TXT, also gzipped; see :mod:`phenolens.io.tables.text`."""

    name = "delimited"
    describes: ClassVar[str] = "a text table with a header: comma, tab, semicolon, |, also gzipped"
    endings = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz")
    metadata = True
    takes = ("sep",)

    def read(self, path: Path, *, sep: str | None = None, **_: Any) -> TableRead:
        """The whole table; `sep` where the file itself does not tell."""
        return TableRead(*read_text(path, sep=sep))

    def head(self, path: Path, rows: int) -> pd.DataFrame:
        """All of a small table, the first rows of a large one."""
        if path.stat().st_size < SMALL:
            return self.read(path).frame
        return read_text(path, rows=rows)[0]
