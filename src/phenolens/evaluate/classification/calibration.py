"""Does a classifier know what it does not know? Calibration error and conformal prediction sets."""

from __future__ import annotations

import numpy as np
import pandas as pd

from phenolens.evaluate.classification.classification import Classification
from phenolens.evaluate.results import result, result_table
from phenolens.stats.intervals import bootstrap_weights, percentile_interval


def calibration_error(confidence: np.ndarray, correct: np.ndarray, *, n_bins: int = 15) -> float:
    """Expected calibration error: mean distance of confidence and accuracy over confidence bins.

    Parameters
    ----------
    confidence : ndarray of float, shape (n,)
        Probability of the predicted class.
    correct : ndarray of bool, shape (n,)
    n_bins : int
        Bins of equal width on 0 to 1 (Guo et al., ICML 2017).
    """
    bins = np.minimum((np.asarray(confidence) * n_bins).astype(int), n_bins - 1)
    gap = np.bincount(bins, weights=np.asarray(correct, float) - confidence, minlength=n_bins)
    return float(np.abs(gap).sum() / max(len(bins), 1))


def conformal_sets(
    probabilities: pd.DataFrame, labels: np.ndarray, *, folds: np.ndarray, alpha: float = 0.1
) -> pd.DataFrame:
    """Sets of classes that should hold the true one with probability 1 - alpha.

    The threshold for a fold comes from the held-out probabilities of the other folds (cross
    conformal; Vovk, Ann. Math. Artif. Intell. 74, 9, 2015): no well sets its own threshold. The
    guarantee rests on folds being exchangeable, so the coverage reached is reported, not assumed.

    Parameters
    ----------
    probabilities : DataFrame, shape (n_wells, n_classes)
        Held-out probabilities, columns named by class.
    labels : ndarray of str, shape (n_wells,)
    folds : ndarray of int, shape (n_wells,)
    alpha : float
        Share of wells whose set may miss the truth.

    Returns
    -------
    DataFrame
        ``size`` (classes in the set), ``covered`` (it holds the truth), ``threshold``. A set of
        several classes, or of none, is the classifier's way to decline.
    """
    values = probabilities.to_numpy(np.float64)
    own = values[np.arange(len(values)), probabilities.columns.get_indexer(labels)]
    threshold = np.zeros(len(values))
    for fold in np.unique(folds):
        threshold[folds == fold] = _threshold(own[folds != fold], alpha)
    inside = values >= threshold[:, None]
    return pd.DataFrame(
        {"size": inside.sum(axis=1), "covered": own >= threshold, "threshold": threshold}
    )


def _threshold(own: np.ndarray, alpha: float) -> float:
    """The probability a class needs; 0 (every class) with too few wells to promise anything."""
    allowed = int(np.floor(alpha * (len(own) + 1)))
    return float(np.sort(own)[allowed - 1]) if allowed >= 1 else 0.0


def calibration_results(
    given: Classification, *, split: str, seed: int, alpha: float = 0.1, n_bootstrap: int = 1000
) -> pd.DataFrame:
    """Calibration error and prediction sets of every classification with probabilities.

    Returns
    -------
    DataFrame
        The result table: ``expected_calibration_error``, ``conformal_coverage``,
        ``conformal_set_size``, ``conformal_single_share`` (wells with one class in the set) and
        ``conformal_single_accuracy`` (among those), with intervals over wells.
    """
    rows = []
    groups = dict(list(given.predictions.groupby(["representation", "task"])))
    for (name, task), probabilities in sorted(given.probabilities.items()):
        found = groups[name, task]
        labels, folds = found["label"].to_numpy(), found["fold"].to_numpy()
        sets = conformal_sets(probabilities, labels, folds=folds, alpha=alpha)
        draws = bootstrap_weights(len(found), n_draws=n_bootstrap, seed=seed)
        for metric, (value, interval) in _measures(found, sets, draws).items():
            common = {"n": len(found), "split": split, "interval": interval}
            rows.append(result(name, task, metric, value=value, **common))
    return result_table(rows)


def _measures(predictions: pd.DataFrame, sets: pd.DataFrame, weights: np.ndarray) -> dict:
    sure, correct = predictions["confidence"].to_numpy(), predictions["correct"].to_numpy(bool)
    single = sets["size"].to_numpy() == 1
    covered = sets["covered"].to_numpy()
    total = weights.sum(axis=1)
    alone = weights @ single
    with np.errstate(invalid="ignore", divide="ignore"):
        means = {
            "conformal_coverage": weights @ covered / total,
            "conformal_set_size": weights @ sets["size"].to_numpy() / total,
            "conformal_single_share": alone / total,
            "conformal_single_accuracy": weights @ (single & covered) / alone,
        }
    out = {name: (draws[0], percentile_interval(draws[1:])) for name, draws in means.items()}
    error = calibration_error(sure, correct)
    return {"expected_calibration_error": (error, (np.nan, np.nan))} | out
