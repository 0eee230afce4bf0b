"""What the number of cells does to a profile: a covariate, fitted on control wells only."""

from __future__ import annotations

import numpy as np
import pandas as pd

from phenolens import profiles
from phenolens.errors import DesignError
from phenolens.profiles import CELL_COUNT, PLATE

# Shares of the fitted slopes that are tried; 0 removes nothing.
TRUST = (0.0, 0.25, 0.5, 0.75, 1.0)
FEWEST = 8


def remove_cell_count(
    table: pd.DataFrame, calibrators: np.ndarray
) -> tuple[pd.DataFrame, dict[str, float | int]]:
    """Subtract what a feature follows the logarithm of the cell count by among control wells.

    A line a feature, through the mean of each plate's calibrating controls. One share of all slopes
    is subtracted, the one that predicts left-out control wells best; none where that is no help.
    A well with fewer or more cells than any control is taken to have as many as the nearest of them
    (within its plate): beyond them the line is a guess, and a treatment that kills has more to show
    than its cell count.

    Parameters
    ----------
    table : DataFrame
        Profile table with ``Metadata_Plate`` and ``Metadata_CellCount``. A missing value of a
        calibrating row counts as the mean of the others of its plate.
    calibrators : ndarray of bool, shape (n_rows,)

    Returns
    -------
    table : DataFrame
        float32, same shape. Wells whose count is not known stay as they are.
    report : dict
        ``n_calibrators``, those with a count; ``trust``, the share of the slopes subtracted;
        ``share``, the part of the calibrating controls' variance within plates that was removed;
        ``beyond``, wells with fewer or more cells than any control; ``unknown``, wells without a
        count.

    Raises
    ------
    DesignError
        If fewer than eight calibrating controls have a cell count.

    References
    ----------
    Chandrasekaran et al., bioRxiv 2024.12.02.626527 (2024), for regression on the cell count.
    """
    counts = cell_counts(table)
    own = np.asarray(calibrators, dtype=bool) & np.isfinite(counts)
    if own.sum() < FEWEST:
        raise DesignError(
            f"The cell count as a covariate needs {FEWEST} calibrating controls with a count; "
            f"there are {int(own.sum())}."
        )
    plate, _ = profiles.groups(table, [PLATE])
    values = table.to_numpy(np.float64)
    dense = counts - _plate_means(counts[:, None], plate, own)[:, 0]
    centred = values[own] - _plate_means(values, plate, own)[own]
    centred[~np.isfinite(centred)] = 0.0
    n_own = np.bincount(plate[own], minlength=plate.max() + 1)[plate[own]]
    slopes, trust = _slopes(dense[own], centred, n_own)
    low, high = dense[own].min(), dense[own].max()
    known = np.isfinite(dense)
    followed = np.where(known, np.clip(dense, low, high), 0.0)[:, None] * slopes
    after = centred - followed[own]
    report = {
        "n_calibrators": int(own.sum()),
        "trust": trust,
        "share": float(1 - after.var() / max(centred.var(), np.finfo(float).tiny)),
        "beyond": int(((dense < low) | (dense > high)).sum()),
        "unknown": int((~known).sum()),
    }
    left = (values - followed).astype(np.float32)
    return pd.DataFrame(left, index=table.index, columns=table.columns), report


def cell_counts(table: pd.DataFrame) -> np.ndarray:
    """Logarithm (base 2) of one more than the count of each row; NaN where it is not known."""
    if CELL_COUNT not in table.index.names:
        return np.full(len(table), np.nan)
    counts = pd.to_numeric(pd.Series(profiles.column(table, CELL_COUNT)), errors="coerce")
    return np.log2(counts.where(counts >= 0).to_numpy(np.float64) + 1)


def _plate_means(values: np.ndarray, plate: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Mean of the calibrating rows of each row's plate; of all plates' where it has none."""
    known = np.isfinite(values) & own[:, None]
    held = np.where(known, values, 0.0)
    overall = held.sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    means = np.tile(overall, (plate.max() + 1, 1))
    for number in np.unique(plate):
        here = plate == number
        n = known[here].sum(axis=0)
        means[number] = np.where(n > 0, held[here].sum(axis=0) / np.maximum(n, 1), overall)
    return means[plate]


def _slopes(dense: np.ndarray, centred: np.ndarray, n_own: np.ndarray) -> tuple[np.ndarray, float]:
    """Slope of each feature, times the share that predicts left-out wells best over all features.

    One share for all: chosen feature by feature, noise would be fitted in those without a slope.
    A well is left out of its plate's mean, of `n_own` wells, too.
    """
    scatter, product = dense @ dense, dense @ centred
    several = n_own > 1  # the only control of its plate is its own centre
    moved = np.where(several, n_own / np.maximum(n_own - 1, 1), 0.0)
    rest = scatter - moved * dense**2
    if rest.min() <= 1e-9 * scatter:  # a line through a single well, or no line at all
        return np.zeros(centred.shape[1]), 0.0
    left_out = (product - (moved * dense)[:, None] * centred) / rest[:, None]
    plain = np.maximum(((moved[:, None] * centred) ** 2).sum(axis=0), np.finfo(float).tiny)
    loss = {}
    for share in TRUST:
        error = moved[:, None] * (centred - share * dense[:, None] * left_out)
        loss[share] = float(((error**2).sum(axis=0) / plain).mean())
    trust = min(loss, key=loss.__getitem__)
    return trust * product / scatter, trust
