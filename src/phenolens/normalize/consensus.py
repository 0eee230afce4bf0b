"""One profile a group of replicates."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from phenolens import profiles
from phenolens.errors import InputError

HOW = ("median", "mean", "modz")


def consensus(table: pd.DataFrame, by: Sequence[str], *, how: str = "median") -> pd.DataFrame:
    """One profile a group of replicates; ``Metadata_Count`` is their number.

    Parameters
    ----------
    table : DataFrame
        Profile table, one row a well.
    by : sequence of str
        Metadata columns that name a group.
    how : {'median', 'mean', 'modz'}
        ``modz`` is the mean weighted by agreement: a replicate weighs as much as it correlates, on
        average, with the others of its group (Spearman; negative counts as 0, at least 0.01), so
        that one that went wrong counts little. NaN has no weight.

    Returns
    -------
    DataFrame
        Sorted by group; metadata that is constant within every group is kept.

    References
    ----------
    Subramanian et al., A next generation Connectivity Map, Cell 171, 1437 (2017).
    """
    if how not in HOW:
        raise InputError(f"Unknown consensus {how!r}; choose one of {', '.join(HOW)}.")
    if how != "modz":
        return profiles.aggregate(table, by, how=how)
    out = profiles.aggregate(table, by, how="mean")
    codes, keys = profiles.groups(table, by)
    values, merged = table.to_numpy(np.float64), np.empty((len(keys), table.shape[1]))
    for group in range(len(keys)):
        part = values[codes == group]
        known = ~np.isnan(part)
        weight = _agreement(part[:, known.all(axis=0)])[:, None] * known
        total = weight.sum(axis=0)
        merged[group] = (weight * np.where(known, part, 0.0)).sum(axis=0)
        merged[group] /= np.where(total > 0, total, np.nan)
    return pd.DataFrame(merged.astype(np.float32), index=out.index, columns=out.columns)


def _agreement(part: np.ndarray) -> np.ndarray:
    """Mean Spearman correlation of each row with the others: its weight."""
    if len(part) < 3 or part.shape[1] < 2:
        return np.ones(len(part))
    with np.errstate(invalid="ignore", divide="ignore"):  # a row of one value agrees with none
        correlation = np.nan_to_num(np.corrcoef(rankdata(part, axis=1)))
    np.fill_diagonal(correlation, 0.0)
    return np.maximum(correlation.clip(0.0).sum(axis=1) / (len(part) - 1), 0.01)
