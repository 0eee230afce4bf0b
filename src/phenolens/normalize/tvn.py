"""Typical variation normalization: what controls vary by anyway is evened out, batch by batch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from sklearn.covariance import ledoit_wolf_shrinkage

from phenolens import profiles
from phenolens.errors import DesignError, InputError
from phenolens.profiles import BATCH, PLATE


def batch_column(table: pd.DataFrame) -> str:
    """What is aligned: batches where every well names one, otherwise plates."""
    if BATCH in table.index.names and pd.notna(profiles.column(table, BATCH)).all():
        return BATCH
    return PLATE


def tvn(
    table: pd.DataFrame,
    calibrators: np.ndarray,
    *,
    batch: Sequence[str] = (PLATE,),
    n_components: int = 64,
    shrinkage: float | None = 0.1,
) -> tuple[pd.DataFrame, dict]:
    """Scale on controls, PCA on controls, scale on controls, then CORAL of each batch to them all.

    Only calibrating controls inform it, so it may run before the split.

    Parameters
    ----------
    table : DataFrame
        Profile table, finite, calibrated per plate.
    calibrators : ndarray of bool, shape (n_rows,)
    batch : sequence of str
        Columns of the group whose controls are aligned (Sun & Saenko, ECCV workshops 2016).
    n_components : int
        Capped at the number of calibrating controls less one.
    shrinkage : float
        Share of the identity mixed into each covariance before it is inverted, 0 to 1; None for
        the share of the mean variance that its rows ask for (Ledoit & Wolf, J. Multivar. Anal. 88,
        365, 2004), batch by batch.

    Returns
    -------
    table : DataFrame
        float32, columns ``tvn0001`` and on.
    report : dict
        ``n_components``; ``thin_batches``, those with fewer controls than components, whose
        covariance is mostly shrinkage; ``batches_without_controls``, which are only projected.

    Raises
    ------
    DesignError
        With fewer than three calibrating controls.
    InputError
        If the share of the identity is none.

    References
    ----------
    Ando, McLean & Berndl, bioRxiv 161422 (2017).
    """
    if shrinkage is not None and not 0 <= shrinkage <= 1:
        raise InputError(f"The share of the identity in TVN lies between 0 and 1; got {shrinkage}.")
    calibrators = np.asarray(calibrators, dtype=bool)
    if calibrators.sum() < 3:
        raise DesignError(f"TVN needs 3 or more calibrating controls; got {calibrators.sum()}.")
    values = _project(table.to_numpy(np.float64), calibrators, n_components)
    codes, keys = profiles.groups(table, batch)
    target = _root(_covariance(values[calibrators], shrinkage), 0.5)
    counts = np.bincount(codes[calibrators], minlength=len(keys))
    for number in np.flatnonzero(counts > 1):
        own = codes == number
        own_controls = values[own & calibrators]
        whiten = _root(_covariance(own_controls, shrinkage), -0.5)
        values[own] = (values[own] - own_controls.mean(axis=0)) @ whiten @ target
    names_of = np.array(["/".join(key) for key in keys.astype(str).to_numpy()], dtype=object)
    report = {
        "n_components": values.shape[1],
        "thin_batches": names_of[(counts > 1) & (counts < values.shape[1])].tolist(),
        "batches_without_controls": names_of[counts < 2].tolist(),
    }
    names = [f"tvn{i + 1:04d}" for i in range(values.shape[1])]
    return pd.DataFrame(values.astype(np.float32), index=table.index, columns=names), report


def _project(values: np.ndarray, calibrators: np.ndarray, n_components: int) -> np.ndarray:
    """Scaled on controls, on their leading directions, scaled on controls again."""
    scaled = _standardize(values, calibrators)
    _, _, directions = np.linalg.svd(scaled[calibrators], full_matrices=False)
    k = min(n_components, int(calibrators.sum()) - 1, values.shape[1])
    signs = np.sign(directions[np.arange(k), np.abs(directions[:k]).argmax(axis=1)])
    return _standardize(scaled @ (directions[:k] * signs[:, None]).T, calibrators)


def _standardize(values: np.ndarray, calibrators: np.ndarray) -> np.ndarray:
    part = values[calibrators]
    spread = part.std(axis=0, ddof=1)
    return (values - part.mean(axis=0)) / np.where(spread > 1e-12, spread, np.inf)


def _covariance(values: np.ndarray, shrinkage: float | None) -> np.ndarray:
    own = np.cov(values.T).reshape(values.shape[1], -1)
    level = 1.0
    if shrinkage is None:
        level = float(np.trace(own)) / len(own)
        shrinkage = float(ledoit_wolf_shrinkage(values - values.mean(axis=0), assume_centered=True))
    return (1 - shrinkage) * own + shrinkage * level * np.eye(len(own))


def _root(matrix: np.ndarray, power: float) -> np.ndarray:
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.maximum(values, 1e-12) ** power) @ vectors.T
