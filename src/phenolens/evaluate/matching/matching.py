"""Do perturbations of one target or mechanism look alike? Consensus profiles and matches."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from phenolens import profiles
from phenolens.errors import DesignError, InputError
from phenolens.evaluate.found import Found
from phenolens.evaluate.matching import labels
from phenolens.findings import Finding
from phenolens.stats.average_precision import TIE
from phenolens.stats.intervals import bootstrap_mean
from phenolens.stats.wells import Wells, as_list, prepare

LIMIT = 20_000


def consensus(
    table: pd.DataFrame,
    *,
    same_by: str | Sequence[str],
    active: pd.DataFrame | None = None,
    alpha: float = 0.05,
    how: str = "median",
) -> pd.DataFrame:
    """One profile per perturbation, of the active ones where a table of activity is given.

    Parameters
    ----------
    table : DataFrame
        Profile table of treated wells.
    same_by : str or sequence of str
        Columns that name a perturbation.
    active : DataFrame, optional
        The table that :func:`phenolens.evaluate.activity.activity.activity` found; those with q <
        ``alpha`` stay.
    alpha : float
    how : {"median", "mean"}

    Returns
    -------
    DataFrame
        Profile table; other metadata columns hold a perturbation's distinct values, ``A|B``.

    Raises
    ------
    DesignError
        If no perturbation is active.
    """
    names = as_list(same_by)
    table = profiles.take(table, _named(table, names))
    if active is not None:
        table = profiles.take(table, _is_active(table, names, active, alpha=alpha))
    codes, _ = profiles.groups(table, names)
    values = profiles.aggregate(profiles.keep_metadata(table, names), names, how=how)
    others = profiles.metadata(table).drop(columns=names)
    joined = others.groupby(codes).agg(labels.join)
    return profiles.with_metadata(values, {name: joined[name].to_numpy() for name in joined})


def _named(table: pd.DataFrame, names: list[str]) -> np.ndarray:
    named = ~np.any([pd.isna(profiles.column(table, name)) for name in names], axis=0)
    if not named.any():
        raise InputError(f"No row has a value in {', '.join(names)}.")
    return named


def _is_active(
    table: pd.DataFrame, names: list[str], active: pd.DataFrame, *, alpha: float
) -> np.ndarray:
    found = pd.MultiIndex.from_frame(active.loc[active["q"] < alpha, names])
    rows = pd.MultiIndex.from_frame(profiles.metadata(table)[names])
    mask = np.asarray(rows.isin(found))
    if not mask.any():
        raise DesignError(Finding("none-active", "error", {}, {"alpha": alpha}))
    return mask


def nearest_neighbour(
    table: pd.DataFrame,
    *,
    label: str,
    not_same: str | Sequence[str],
    similarity: str = "cosine",
) -> Found:
    """Whether each treatment's nearest other treatment shares its label.

    Parameters
    ----------
    table : DataFrame
        Profile table, one row a treatment (see :func:`consensus`).
    label : str
        Column of the target or mechanism; ``A|B`` holds both, and one in common is a match.
    not_same : str or sequence of str
        The neighbour differs in all of these: the compound (NSC), compound and batch (NSCB).
    similarity : {"cosine", "abs_cosine", "correlation"}

    Returns
    -------
    Found
        ``table``: all metadata, sorted by name, then ``neighbour`` (row number of the nearest; the
        first of ties), ``similarity``, ``candidates`` (allowed neighbours), ``askable`` (one of
        them shares the label), ``correct`` (share of the tied nearest that match; NaN where not
        askable: such a row cannot be right, whatever the profiles; it is counted, not scored).
        ``summary``: ``excluded``, what was left out and why.

    References
    ----------
    Ljosa et al., J. Biomol. Screen. 18:1321 (2013); Ando et al., bioRxiv 161422 (2017).
    """
    wells, match, allowed = allowed_pairs(table, label, as_list(not_same), similarity=similarity)
    everyone = np.arange(len(match))
    score = np.where(allowed, wells.similarity(everyone, everyone), -np.inf)
    best = score.max(axis=1)
    tied = allowed & (score >= best[:, None] - TIE)
    askable = (allowed & match).any(axis=1)
    result = profiles.metadata(wells.table)
    result["neighbour"] = np.where(allowed.any(axis=1), score.argmax(axis=1), -1)
    result["similarity"] = np.where(np.isfinite(best), best, np.nan)
    result["candidates"] = allowed.sum(axis=1)
    result["askable"] = askable
    right = (tied & match).sum(axis=1) / np.maximum(tied.sum(axis=1), 1)
    result["correct"] = np.where(askable, right, np.nan)
    return Found(result, {"excluded": wells.excluded})


def accuracy(neighbours: Found, *, resamples: int = 2000, seed: int = 0) -> dict[str, object]:
    """Share of treatments whose nearest neighbour matches, with a bootstrap over treatments.

    Parameters
    ----------
    neighbours : Found
        From :func:`nearest_neighbour`.
    resamples : int
    seed : int

    Returns
    -------
    dict
        ``value``, ``low``, ``high``, ``n`` (treatments asked) and ``not_askable``.
    """
    table = neighbours.table
    asked = table.loc[table["askable"], "correct"].to_numpy()
    if not len(asked):
        raise DesignError(Finding("no-neighbour-allowed", "error"))
    low, high = bootstrap_mean(asked, draws=resamples, seed=seed)
    return {
        "value": float(asked.mean()),
        "low": low,
        "high": high,
        "n": len(asked),
        "not_askable": len(table) - len(asked),
    }


def allowed_pairs(
    table: pd.DataFrame, label: str, not_same: list[str], *, similarity: str = "cosine"
) -> tuple[Wells, np.ndarray, np.ndarray]:
    """Usable treatments, which share a label, and which may be compared."""
    keep = ~pd.isna(profiles.column(table, label))
    if keep.sum() < 2:
        rows = {"rows": int(keep.sum())}
        raise InputError(Finding("labels-too-few", "error", {"label": label}, rows))
    if len(table) > LIMIT:
        raise InputError(f"{len(table)} rows are no consensus table; aggregate by treatment first.")
    wells = prepare(table, similarity=similarity, keep=keep)
    match = labels.share(profiles.column(wells.table, label))
    allowed = ~np.eye(len(match), dtype=bool)
    for name in not_same:
        allowed &= ~labels.share(profiles.column(wells.table, name))
    return wells, match & allowed, allowed
