"""The one long result table that every evaluation yields and the report reads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from phenolens.schema.scores import RESULTS

COLUMNS = {
    name: object if column.dtype == "string" else np.dtype(column.dtype)
    for name, column in RESULTS.by_name.items()
}
POOLED = "all"


def result(
    representation: str,
    task: str,
    metric: str,
    *,
    value: float,
    n: int,
    split: str = "none",
    unit: str = "well",
    fold: int | str = POOLED,
    interval: tuple[float, float] = (np.nan, np.nan),
    space: str = "",
) -> dict[str, str | float | int]:
    """One row of the result table.

    Parameters
    ----------
    representation, task, metric : str
    value : float
    n : int
        Number of units the value rests on.
    split : str
        What was left out (``plate``, ``well``, ...), or ``none``.
    unit : str
        What was counted and resampled: ``well``, ``plate``, ``treatment``, ``compound``.
    fold : int or str
        ``all`` for the value pooled over folds.
    interval : tuple of float
        95 % limits; NaN where none is given.
    space : str
        What the compared values were, in words: ``normalized, selected, whitened``.
    """
    low, high = interval
    row: dict[str, str | float | int] = {
        "representation": representation,
        "task": task,
        "metric": metric,
        "split": split,
    }
    row |= {"unit": unit, "fold": str(fold), "value": float(value)}
    return row | {"low": float(low), "high": float(high), "n": int(n), "note": "", "space": space}


def result_table(rows: Iterable[dict]) -> pd.DataFrame:
    """Rows as a frame with fixed columns, dtypes and order."""
    frame = pd.DataFrame(list(rows), columns=list(COLUMNS)).astype(COLUMNS)
    return frame.sort_values(list(RESULTS.sort), kind="stable", ignore_index=True)


def join_results(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Result tables below one another, in the fixed order."""
    parts = [table[list(COLUMNS)] for table in tables if len(table)]
    if not parts:
        return result_table([])
    return result_table(pd.concat(parts, ignore_index=True).to_dict("records"))
