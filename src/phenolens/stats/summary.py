"""What a table of tests says as a whole."""

from __future__ import annotations

import numpy as np
import pandas as pd

from phenolens.stats.average_precision import AveragePrecision
from phenolens.stats.intervals import jackknife, wilson_interval
from phenolens.stats.multiple_testing import (
    needed_at_floor,
    needed_before_one,
)


def means(names: pd.DataFrame, group: np.ndarray, scores: AveragePrecision) -> pd.DataFrame:
    """Mean average precision of each perturbation, with its interval over wells.

    Parameters
    ----------
    names : DataFrame
        Key of each group, by group number.
    group : ndarray of int64, shape (n_queries,)
        Group number of each score.
    scores : AveragePrecision

    Returns
    -------
    DataFrame
        The keys, ``n``, ``map``, ``map_normalized``, ``map_chance`` (mAP of a random order),
        ``low``, ``high``; by group number.
    """
    codes, place = np.unique(group, return_inverse=True)
    columns = {"map": scores.value, "map_normalized": scores.normalized}
    frame = pd.DataFrame(columns | {"map_chance": scores.expected})
    result = names.iloc[codes].reset_index(drop=True)
    result["n"] = np.bincount(place)
    result = pd.concat([result, frame.groupby(place).mean()], axis=1)
    result["low"], result["high"] = jackknife(scores, place)
    return result


def summarize(result: pd.DataFrame, *, alpha: float = 0.05) -> dict[str, object]:
    """What a table of activity says as a whole.

    Returns
    -------
    dict
        ``fraction_retrieved`` (share with q < alpha) with its Wilson interval over
        perturbations, ``fraction_p`` (share with p < alpha), mean mAP, the smallest p that most can
        attain, and whether Benjamini-Hochberg could reject where enough attain their own.
    """
    tested = result[np.isfinite(result["p"])]
    found, n = int((tested["q"] < alpha).sum()), len(tested)
    low, high = wilson_interval(found, n)
    floors = tested["p_attainable"].to_numpy(float)
    needed = needed_before_one(floors, alpha=alpha) if n else 0
    if n and not needed:
        needed = needed_at_floor(floors.max(), n, alpha=alpha)
    return {
        "perturbations": len(result),
        "tested": n,
        "alpha": alpha,
        "fraction_retrieved": found / n if n else float("nan"),
        "fraction_retrieved_low": low,
        "fraction_retrieved_high": high,
        "fraction_p": float((tested["p"] < alpha).mean()) if n else float("nan"),
        "mean_map": float(result["map"].mean()),
        "mean_map_normalized": float(result["map_normalized"].mean()),
        "p_attainable": float(np.median(floors)) if n else float("nan"),
        "tests_needed_at_floor": needed,
        "can_reject": bool(n) and needed <= n,
    }
