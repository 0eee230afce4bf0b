"""Features by rank: the inverse normal transform, fitted on training rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import ndtri

from phenolens.learn.base import TableTransformer


class RankGaussian(TableTransformer):
    """Replace values by normal quantiles of their rank among the training rows (INT).

    ``Phi^-1((r - c) / (n - 2 c + 1))`` with Blom's c = 3/8; tied values share their mean rank, and
    a new value between two training values takes the rank between theirs.

    Attributes
    ----------
    sorted_ : ndarray, shape (n_training_rows, n_features)

    References
    ----------
    Blom, Statistical estimates and transformed beta-variables (1958); Beasley, Erickson & Allison,
    Behav. Genet. 39, 580 (2009).
    """

    def _fit(self, values: np.ndarray, index: pd.Index | None) -> None:
        self.sorted_ = np.sort(values, axis=0)

    def _transform(self, values: np.ndarray) -> np.ndarray:
        out = np.empty(values.shape, dtype=values.dtype)
        n = len(self.sorted_)
        for feature in range(values.shape[1]):
            known, own = self.sorted_[:, feature], values[:, feature]
            below = np.searchsorted(known, own, side="left")
            rank = (below + np.searchsorted(known, own, side="right") + 1) / 2
            out[:, feature] = ndtri((rank - 0.375) / (n + 0.25))
        return out
