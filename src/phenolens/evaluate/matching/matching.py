"""Are perturbations of one target or mechanism similar? The nearest of consensus profiles."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from phenolens import profiles
from phenolens.errors import DesignError, InputError
from phenolens.evaluate.found import Found
from phenolens.evaluate.matching import labels
from phenolens.findings import Finding
from phenolens.learn.nearest import hub_corrected
from phenolens.stats.average_precision import TIE
from phenolens.stats.intervals import bootstrap_mean
from phenolens.stats.wells import Wells, as_list, prepare

LIMIT = 20_000


def nearest_neighbour(
    table: pd.DataFrame,
    *,
    label: str,
    not_same: str | Sequence[str],
    similarity: str = "cosine",
    hub_correction: bool = False,
) -> Found:
    """Whether each treatment's nearest other treatment shares its label.

    Parameters
    ----------
    table : DataFrame
        Profile table, one row a treatment.
    label : str
        Column of the target or mechanism; ``A|B`` holds both, and one in common is a match.
    not_same : str or sequence of str
        The neighbour differs in all of these: the compound (NSC), compound and batch (NSCB).
    similarity : {"cosine", "abs_cosine", "correlation"}
    hub_correction : bool
        Choose the nearest by :func:`phenolens.learn.nearest.hub_corrected` similarity, so that no
        treatment is everyone's neighbour.

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
    plain = wells.similarity(everyone, everyone)
    score = np.where(allowed, hub_corrected(plain) if hub_correction else plain, -np.inf)
    best = score.max(axis=1)
    tied = allowed & (score >= best[:, None] - TIE)
    askable = (allowed & match).any(axis=1)
    result = profiles.metadata(wells.table)
    result["neighbour"] = np.where(allowed.any(axis=1), score.argmax(axis=1), -1)
    nearest = plain[everyone, score.argmax(axis=1)]
    result["similarity"] = np.where(np.isfinite(best), nearest, np.nan)
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
