"""What a training says while it runs: a table that grows by a line an epoch, and TensorBoard."""

from __future__ import annotations

import importlib
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from phenolens.errors import InputError
from phenolens.files import write_text

CSV = "log.csv"


class Log:
    """Keeps the curves of a training on disk, epoch by epoch.

    Parameters
    ----------
    folder : path, optional
        Gets ``log.csv``: the curves so far.
    tensorboard : path, optional
        Gets event files, one scalar a curve (needs the package ``tensorboard``).

    Raises
    ------
    InputError
        If a folder cannot be written, or TensorBoard is asked for and not installed.
    """

    def __init__(self, folder: Path | None = None, *, tensorboard: Path | None = None) -> None:
        self.folder, self._board = folder, None
        for path in (folder, tensorboard):
            if path is not None:
                with _writable(path):
                    path.mkdir(parents=True, exist_ok=True)
                    (path / ".partial").touch()
                    (path / ".partial").unlink()
        if tensorboard is not None:
            self._board = _writer()(str(tensorboard))

    def tell(self, curves: pd.DataFrame) -> None:
        """Keep the curves, one row an epoch; the last row is new."""
        if curves.empty:
            return
        if self.folder is not None:
            with _writable(self.folder):
                write_text(self.folder / CSV, curves.to_csv(index=False))
        if self._board is not None:
            last = curves.iloc[-1]
            epoch = int(last["epoch"])
            for name in curves.columns.drop("epoch"):
                if math.isfinite(last[name]):
                    self._board.add_scalar(name, float(last[name]), epoch)
            self._board.flush()

    def close(self) -> None:
        """No more is told."""
        if self._board is not None:
            self._board.close()


@contextmanager
def _writable(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(
            f"The training's log cannot be written to {folder} ({error.strerror}). Choose another "
            "folder, or free space."
        ) from None


def _writer() -> Any:
    try:
        return importlib.import_module("torch.utils.tensorboard").SummaryWriter
    except ImportError as error:
        raise InputError(
            f"TensorBoard cannot be imported ({error}). Run: pip install phenolens[tensorboard]; "
            "or leave networks.tensorboard empty: log.csv has the same curves."
        ) from None
