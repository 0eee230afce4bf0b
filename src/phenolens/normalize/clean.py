"""Values that are not numbers, and features that hold none."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from phenolens import profiles
from phenolens.profiles import PLATE


def clean_features(table: pd.DataFrame) -> tuple[pd.DataFrame, dict]:
    """Drop features without a single finite value; make infinities NaN; count both.

    Nothing is filled in: see :func:`fill_missing` (controls only, before the split) and
    :class:`phenolens.learn.select.FeatureSelector` (inside the fold).

    Parameters
    ----------
    table : DataFrame
        A profile table.

    Returns
    -------
    table : DataFrame
        float32, every feature with at least one finite value.
    ledger : dict
        ``dropped`` (feature names), ``n_infinite``, ``n_missing`` (NaN, the infinite included),
        ``n_rows_missing`` (rows with any NaN), ``features_missing`` (name: count).
    """
    values = np.array(table.to_numpy(np.float32), order="C")  # rows together, as plates are scaled
    infinite = np.isinf(values)
    values[infinite] = np.nan
    n_infinite = int(infinite.sum())
    missing = np.isnan(values, out=infinite)
    empty = missing.all(axis=0) if len(table) else np.zeros(values.shape[1], dtype=bool)
    kept = missing[:, ~empty] if empty.any() else missing
    names = table.columns[~empty]
    counts = pd.Series(kept.sum(axis=0), index=names)
    ledger = {
        "dropped": list(table.columns[empty]),
        "n_infinite": n_infinite,
        "n_missing": int(kept.sum()),
        "n_rows_missing": int(kept.any(axis=1).sum()),
        "features_missing": counts[counts > 0].to_dict(),
    }
    values = values[:, ~empty] if empty.any() else values
    return pd.DataFrame(values, index=table.index, columns=names), ledger


def fill_missing(
    table: pd.DataFrame, controls: np.ndarray, *, by: Sequence[str] = (PLATE,)
) -> tuple[pd.DataFrame, int]:
    """Replace NaN by the median of the same plate's controls: no effect where nothing was measured.

    Parameters
    ----------
    table : DataFrame
    controls : ndarray of bool, shape (n_rows,)
    by : sequence of str

    Returns
    -------
    table : DataFrame
        NaN remains where a plate's controls hold no value either.
    filled : int
        The number of values replaced.
    """
    values = table.to_numpy(np.float32, copy=True)
    missing = np.isnan(values)
    codes, keys = profiles.groups(table, by)
    columns = np.flatnonzero(missing.any(axis=0))
    for group in range(len(keys)):
        rows = codes == group
        middle = _median(values[rows & controls][:, columns])
        part = values[np.ix_(rows, columns)]
        values[np.ix_(rows, columns)] = np.where(np.isnan(part), middle, part)
    filled = int(missing.sum() - np.isnan(values).sum())
    return pd.DataFrame(values, index=table.index, columns=table.columns), filled


def _median(values: np.ndarray) -> np.ndarray:
    """Median of each column ignoring NaN; NaN, without a warning, where there is nothing."""
    out = np.full(values.shape[1], np.nan, dtype=np.float32)
    some = ~np.isnan(values).all(axis=0) if len(values) else np.zeros(values.shape[1], bool)
    out[some] = np.nanmedian(values[:, some], axis=0) if some.any() else np.nan
    return out
