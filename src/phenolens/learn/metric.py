"""A metric learned from replicates: what wells of one class differ by counts for less."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from phenolens.errors import InputError
from phenolens.learn.base import TableTransformer
from phenolens.learn.whiten import Whitener

DIRECTIONS = ("all", "between")


class WithinClass(TableTransformer):
    """Whiten by the covariance within classes, learned from labels: fit on training rows only.

    Within-class covariance normalization: ``W = Sw^-1/2`` with `Sw` the covariance of rows about
    the mean of their class, pooled (divided by rows less classes). Distances and cosines after it
    are those of the metric ``Sw^-1``. With the directions between classes only, it is Fisher's
    linear discriminant: of at most one direction less than there are classes.

    Parameters
    ----------
    directions : {'all', 'between'}
        ``all`` keeps every direction under its feature's name; ``between`` those in which the means
        of classes differ, as ``discriminant0001`` and on.
    shrinkage : {'ledoit-wolf', 'fixed'}
        How `Sw` is held back from noise, see :class:`phenolens.learn.whiten.Whitener`.
    regularization : float
        Where shrinkage is fixed.

    Attributes
    ----------
    mean_ : ndarray, shape (n_features,)
        Of all fitting rows.
    metric_ : ndarray, shape (n_features, n_out)
        ``(x - mean_) @ metric_`` is the output.

    References
    ----------
    Hatch, Kajarekar & Stolcke, Interspeech (2006), within-class covariance normalization; Fisher,
    Ann. Eugen. 7, 179 (1936); Ledoit & Wolf, J. Multivar. Anal. 88, 365 (2004).
    """

    def __init__(
        self,
        *,
        directions: str = "all",
        shrinkage: str = "ledoit-wolf",
        regularization: float = 0.1,
    ) -> None:
        self.directions = directions
        self.shrinkage = shrinkage
        self.regularization = regularization

    def fit(self, X: object, y: object = None) -> WithinClass:
        """Learn from training rows and their classes.

        Raises
        ------
        InputError
            Where no class has two rows.
        ValueError
            Without classes.
        """
        if y is None:
            # scikit-learn's contract asks for this error and these words.
            raise ValueError("WithinClass requires y to be passed, but the target y is None.")
        self._labels = np.asarray(y).ravel()
        super().fit(X)
        del self._labels
        return self

    def _fit(self, values: np.ndarray, index: pd.Index | None) -> None:
        if self.directions not in DIRECTIONS:
            raise InputError(
                f"WithinClass(directions={self.directions!r}): it is {' or '.join(DIRECTIONS)}."
            )
        rows = values.astype(np.float64)
        codes = pd.factorize(self._labels, sort=True)[0]
        if len(codes) != len(rows):
            raise InputError(f"WithinClass: {len(rows)} rows, but {len(codes)} classes.")
        counts = np.bincount(codes)
        spare = len(rows) - len(counts)
        if spare < 1:
            raise InputError(
                "WithinClass needs a class with two rows or more: none has replicates."
            )
        means = np.stack([rows[codes == code].mean(axis=0) for code in range(len(counts))])
        self.mean_ = rows.mean(axis=0)
        # Whitener divides by rows less one; the classes' means took as many degrees as there are.
        residuals = (rows - means[codes]) * np.sqrt((len(rows) - 1) / spare)
        whitener = Whitener(
            method="zca", shrinkage=self.shrinkage, regularization=self.regularization
        )
        self.metric_ = whitener.fit(residuals).whitening_
        if self.directions == "between":
            apart = ((means - self.mean_) * np.sqrt(counts)[:, None]) @ self.metric_
            _, sizes, turn = np.linalg.svd(apart, full_matrices=False)
            turn = turn[sizes > 1e-9 * max(sizes.max(initial=0.0), 1e-300)].T
            largest = turn[np.abs(turn).argmax(axis=0), np.arange(turn.shape[1])]
            self.metric_ = self.metric_ @ (turn * np.where(largest < 0, -1.0, 1.0))

    def _transform(self, values: np.ndarray) -> np.ndarray:
        return ((values - self.mean_) @ self.metric_).astype(values.dtype)

    def _names(self, names: np.ndarray) -> np.ndarray:
        if self.directions == "all":
            return names
        n = self.metric_.shape[1]
        return np.array([f"discriminant{i + 1:04d}" for i in range(n)], dtype=object)

    def __sklearn_tags__(self) -> Any:
        tags: Any = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags
