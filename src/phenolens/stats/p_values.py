"""p of each group of a ranking under a named null, and the smallest p that it could have had."""

from __future__ import annotations

import numpy as np

from phenolens.stats import copairs_null
from phenolens.stats.average_precision import AveragePrecision
from phenolens.stats.label_permutation import permuted
from phenolens.stats.ranking import Ranking

NULLS = ("label-permutation", "copairs", "copairs-wells", "none")


def p_values(
    ranking: Ranking,
    scores: AveragePrecision,
    mean: np.ndarray,
    *,
    null: str,
    times: int,
    seed: int,
) -> tuple[np.ndarray, np.ndarray]:
    """p of each group's mean average precision.

    Parameters
    ----------
    ranking : Ranking
    scores : AveragePrecision
        Of the ranking's groups.
    mean : ndarray of float64, shape (n_groups,)
        Their mean by group, in the order of ``ranking.groups()``.
    null : {"label-permutation", "copairs", "copairs-wells", "none"}
    times : int
        Labellings or lists drawn.
    seed : int

    Returns
    -------
    p, p_attainable : ndarray of float64, shape (n_groups,)
    """
    if null == "none":
        return np.full(len(mean), np.nan), np.full(len(mean), np.nan)
    if null == "label-permutation":
        return permuted(ranking, mean, permutations=times, seed=seed)
    pairs = np.stack([scores.n_positive, scores.n_total], axis=1)
    _, group = np.unique(ranking.group[scores.query], return_inverse=True)
    floor = np.full(len(mean), 1 / (times + 1))
    if null == "copairs-wells":
        wells = copairs_null.well_p_values(scores.value, pairs, group, size=times, seed=seed)
        return wells, floor
    configurations = [pairs[group == code] for code in range(len(mean))]
    p = copairs_null.p_values(mean, configurations, size=times, seed=seed)
    return p, floor
