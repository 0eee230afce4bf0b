"""The nearest training profile by cosine similarity."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from phenolens.errors import DesignError
from phenolens.findings import Finding
from phenolens.learn.base import require_classes
from phenolens.memory import available

_BLOCK_BYTES = 256 * 2**20


class NearestProfile(ClassifierMixin, BaseEstimator):
    """The class of the most similar training row; classes rank by their most similar row.

    Similarity is the cosine after centring on the training mean. A row without direction (all
    zero) is equally similar, 0, to everything.

    Parameters
    ----------
    center : bool
        Subtract the training mean first.
    """

    def __init__(self, *, center: bool = False) -> None:
        self.center = center

    def fit(self, X: Any, y: Any) -> NearestProfile:
        """Keep the training rows, unit length, sorted by class."""
        X, y = validate_data(self, X, y, dtype=(np.float32, np.float64))
        require_classes(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        order = np.argsort(codes, kind="stable")
        self._mean = X.mean(axis=0) if self.center else np.zeros(X.shape[1], dtype=X.dtype)
        self._rows = unit_rows(X[order] - self._mean)
        self._starts = np.searchsorted(codes[order], np.arange(len(self.classes_)))
        return self

    def scores(self, X: Any) -> np.ndarray:
        """Largest similarity to each class, shape (n_rows, n_classes)."""
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=(np.float32, np.float64))
        similar = unit_rows(X - self._mean) @ self._rows.T
        return np.maximum.reduceat(similar, self._starts, axis=1)

    def decision_function(self, X: Any) -> np.ndarray:
        """As :meth:`scores`; for two classes their difference, shape (n_rows,)."""
        scores = self.scores(X)
        return scores[:, 1] - scores[:, 0] if len(self.classes_) == 2 else scores

    def predict(self, X: Any) -> np.ndarray:
        """The class of the most similar training row."""
        best = self.scores(X).argmax(axis=1)
        return self.classes_[best]


def unit_rows(values: np.ndarray) -> np.ndarray:
    """Rows divided by their length; zero rows stay zero."""
    length = np.sqrt(np.einsum("ij,ij->i", values, values))[:, None]
    return values / np.where(length > 0, length, 1)


def require_pairs(n: int, *, of: str, matrices: int = 2) -> None:
    """Raise where a number for every pair of so many rows is more than memory holds.

    Parameters
    ----------
    n : int
    of : {"wells", "treatments"}
    matrices : int
        Numbers a pair, in double precision, at a time.

    Raises
    ------
    DesignError
        Says how much is needed and how much is there.
    """
    needed, room = 8 * matrices * n**2, available()
    if needed > room:
        values = {"n": n, "of": of, "needed": needed, "room": room}
        raise DesignError(Finding("pairs-too-many", "error", {}, values))


def nearest_rows(unit: np.ndarray, *, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The k most similar other rows of each row by cosine, nearest first; ties by row number.

    Parameters
    ----------
    unit : ndarray of float, shape (n, n_features)
        Rows of length one.
    k : int
        Capped at n - 1.

    Returns
    -------
    rows : ndarray of int64, shape (n, k)
    cosine : ndarray of float, shape (n, k)
    """
    k = min(k, len(unit) - 1)
    rows, cosine = np.empty((len(unit), k), np.int64), np.empty((len(unit), k), unit.dtype)
    for here in row_blocks(len(unit)):
        similar = unit[here] @ unit.T
        similar[np.arange(len(similar)), np.arange(len(unit))[here]] = -np.inf
        rows[here] = np.argsort(-similar, axis=1, kind="stable")[:, :k]
        cosine[here] = np.take_along_axis(similar, rows[here], axis=1)
    return rows, cosine


def row_blocks(n: int) -> Iterator[slice]:
    """Rows in blocks, so that a number for each pair with all ``n`` takes bounded memory."""
    step = max(1, _BLOCK_BYTES // (8 * max(n, 1)))
    for first in range(0, n, step):
        yield slice(first, first + step)


def hub_corrected(similar: np.ndarray, *, n_neighbors: int = 10) -> np.ndarray:
    """Similarities less each column's own popularity, so that no row is everyone's neighbour.

    Cross-domain similarity local scaling (CSLS; Conneau et al., ICLR 2018): twice the similarity
    less the mean similarity of either row to its nearest neighbours.

    Parameters
    ----------
    similar : ndarray, shape (n, n)
        Symmetric; the diagonal is not looked at.
    n_neighbors : int
        Capped at n - 1.
    """
    others = np.where(np.eye(len(similar), dtype=bool), -np.inf, similar)
    k = min(n_neighbors, len(similar) - 1)
    crowd = np.sort(others, axis=1)[:, len(similar) - k :].mean(axis=1)
    return 2 * similar - crowd[:, None] - crowd[None, :]
