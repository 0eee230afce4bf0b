"""Scores of a classifier on wells, and their bootstrap over wells, all draws at once."""

from __future__ import annotations

import numpy as np
from scipy import sparse

METRICS = ("accuracy", "balanced_accuracy", "top5_accuracy", "macro_f1")


def class_scores(
    truth: np.ndarray, predicted: np.ndarray, rank: np.ndarray, *, weights: np.ndarray
) -> dict[str, np.ndarray]:
    """Accuracy, balanced accuracy, top-5 accuracy and macro F1 under each row of weights.

    Parameters
    ----------
    truth, predicted : ndarray of str, shape (n,)
    rank : ndarray of int, shape (n,)
        Zero-based place of the true class among the scores.
    weights : ndarray, shape (n_draws, n)
        How often each well counts in each draw; a row of ones gives the plain value.

    Returns
    -------
    dict of ndarray, shape (n_draws,)
        Balanced accuracy is the mean recall over classes present; macro F1 the mean over classes
        that are present or predicted, as in scikit-learn.
    """
    classes, codes = np.unique(np.concatenate([truth, predicted]), return_inverse=True)
    true_codes, predicted_codes = np.split(codes, 2)
    hit = true_codes == predicted_codes
    total = weights.sum(axis=1)
    support = _per_class(true_codes, np.ones(len(truth)), len(classes)) @ weights.T
    hits = _per_class(true_codes, hit, len(classes)) @ weights.T
    found = _per_class(predicted_codes, np.ones(len(truth)), len(classes)) @ weights.T
    with np.errstate(invalid="ignore"):
        return {
            "accuracy": weights @ hit / total,
            "balanced_accuracy": np.nanmean(hits / support, axis=0),
            "top5_accuracy": weights @ (rank < 5) / total,
            "macro_f1": np.nanmean(2 * hits / (support + found), axis=0),
        }


def _per_class(codes: np.ndarray, values: np.ndarray, n_classes: int) -> sparse.csr_array:
    place = (codes, np.arange(len(codes)))
    return sparse.csr_array((values.astype(float), place), shape=(n_classes, len(codes)))


def ranks(scores: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Zero-based place of one column among each row's scores; ties share their expected place."""
    own = scores[np.arange(len(scores)), columns][:, None]
    ahead, level = (scores > own).sum(axis=1), (scores == own).sum(axis=1)
    return ahead + (level - 1) // 2
