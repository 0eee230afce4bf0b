"""A Parquet file kept open: of thousands of columns the footer alone takes a tenth of a second."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from threading import Lock

import pyarrow as pa
import pyarrow.parquet as pq


class ParquetColumns:
    """Some columns of a Parquet file, whenever somebody asks for them.

    A file that takes its name later is another one: what was opened is read to the end.

    Parameters
    ----------
    path : Path

    Raises
    ------
    OSError, ValueError
        If it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._file = pq.ParquetFile(path)
        self._lock = Lock()
        self.names: list[str] = list(self._file.schema_arrow.names)
        self.known = frozenset(self.names)
        self.rows = int(self._file.metadata.num_rows)

    def read(self, columns: Sequence[str]) -> pa.Table:
        """These columns, in this order."""
        with self._lock:
            return self._file.read(columns=list(columns))
