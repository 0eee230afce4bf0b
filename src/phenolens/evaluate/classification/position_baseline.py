"""What the row and column of a well alone can tell: the classes of held-out wells."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.naive_bayes import CategoricalNB
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.validation import check_is_fitted, validate_data

from phenolens.learn.base import require_classes
from phenolens.learn.logistic import inner_folds

NEAREST, LINES, TREE = "nearest position", "row, column and edge", "decision tree"
_DESCRIBED = 18  # columns of the description of a position


class PositionVotes(ClassifierMixin, BaseEstimator):
    """Classes by how often training wells near the same plate position carried them.

    Parameters
    ----------
    reach : float
        In wells: a vote counts ``exp(-(distance / reach)**2)``.
    """

    def __init__(self, *, reach: float = 0.5) -> None:
        self.reach = reach

    def fit(self, X: Any, y: Any) -> PositionVotes:
        """Keep the training wells' positions (columns: plate row, plate column) and classes."""
        self._positions, y = validate_data(self, X, y, dtype=np.float64)
        require_classes(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        self._votes = np.eye(len(self.classes_))[codes]
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Share of the weighted votes, shape (n_rows, n_classes)."""
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=np.float64)
        squared = ((X[:, None, :] - self._positions[None]) ** 2).sum(axis=2)
        nearest = squared.min(axis=1, keepdims=True)
        votes = np.exp(-(squared - nearest) / self.reach**2) @ self._votes
        return votes / votes.sum(axis=1, keepdims=True)

    def predict(self, X: Any) -> np.ndarray:
        """The class with the most votes."""
        best = self.predict_proba(X).argmax(axis=1)
        return self.classes_[best]


class BestPosition(ClassifierMixin, BaseEstimator):
    """The position model that told the classes of inner held-out wells best, fitted on all wells.

    ``nearest position`` (:class:`PositionVotes`) knows layouts that plates share and patches of any
    form; ``row, column and edge`` (naive Bayes of the three, each class alike) knows labels that
    one of them makes more likely; ``decision tree`` knows what row, column, distance to the edge,
    every other well and the order of dispensing determine. The choice sees training wells only, so
    labels without a position pattern score chance.

    Parameters
    ----------
    unit : str or None
        Index level of the table (``Metadata_Plate``) whose values stay together in inner folds;
        see :func:`phenolens.learn.logistic.inner_folds`.
    n_inner : int
        Number of inner folds.

    Attributes
    ----------
    chosen_ : str
        The model taken; the first of equals, in the order above.
    inner_scores_ : dict of str to float
        Balanced accuracy on inner held-out wells of classes that the inner training wells had (NaN
        where there was none), up to the first model that is always right.
    """

    def __init__(self, *, unit: str | None = None, n_inner: int = 3) -> None:
        self.unit = unit
        self.n_inner = n_inner

    def fit(self, X: Any, y: Any) -> BestPosition:
        """Choose on inner folds, then fit (columns: plate row, plate column) on all rows."""
        inner = inner_folds(X, y, unit=self.unit, n=self.n_inner)
        X, y = validate_data(self, X, y, dtype=np.float64)
        self.classes_ = np.unique(y)
        self._area = X.min(axis=0).astype(int), X.max(axis=0).astype(int)
        X, models = self._described(X), self._models()
        self.inner_scores_: dict[str, float] = {}
        with warnings.catch_warnings():  # few wells a class are no sign of a regression here
            warnings.filterwarnings("ignore", "The number of unique classes", UserWarning)
            for name, (model, columns) in models.items():
                self.inner_scores_[name] = _inner_score(model, X[:, :columns], y, inner=inner)
                if self.inner_scores_[name] == 1:  # none can be better
                    break
            scores = {name: np.nan_to_num(score) for name, score in self.inner_scores_.items()}
            self.chosen_ = max(scores, key=scores.__getitem__)
            model, self._columns = models[self.chosen_]
            self._model = model.fit(X[:, : self._columns], y)
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probabilities of the chosen model, shape (n_rows, n_classes)."""
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=np.float64)
        return self._model.predict_proba(self._described(X)[:, : self._columns])

    def predict(self, X: Any) -> np.ndarray:
        """The most probable class."""
        best = self.predict_proba(X).argmax(axis=1)
        return self.classes_[best]

    def _described(self, positions: np.ndarray) -> np.ndarray:
        """Row, column and distance to the edge; every other well; four orders of dispensing.

        Orders run along rows or columns, back and forth or not, and are also counted round by round
        as many treatments as there are classes, with and without one for the controls.
        """
        low, high = self._area
        row, column = (np.clip(positions, low, high).astype(int) - low).T
        rows, columns = high - low + 1
        ring = np.minimum.reduce([row, rows - 1 - row, column, columns - 1 - column])
        found = [row, column, ring, row % 2, column % 2, (row + column) % 2]
        for line, place, length in ((row, column, columns), (column, row, rows)):
            for turning in (False, True):
                back = turning & (line % 2 == 1)
                order = line * length + np.where(back, length - 1 - place, place)
                rounds = [max(len(self.classes_) - less, 1) for less in (0, 1)]
                found += [order, *(order % count for count in rounds)]
        return np.column_stack(found)

    def _models(self) -> dict[str, tuple[BaseEstimator, int]]:
        """Unfitted models, and how many columns of the description each looks at."""
        sizes = self._area[1] - self._area[0] + 1
        lines = CategoricalNB(fit_prior=False, min_categories=[*sizes, int(sizes.min())])
        tree = DecisionTreeClassifier(class_weight="balanced", random_state=0)
        return {NEAREST: (PositionVotes(), 2), LINES: (lines, 3), TREE: (tree, _DESCRIBED)}


def _inner_score(model: BaseEstimator, X: np.ndarray, y: np.ndarray, *, inner: np.ndarray) -> float:
    """Balanced accuracy on inner held-out wells; NaN where none has a class trained on."""
    right = np.full(len(y), np.nan)
    for fold in np.unique(inner):
        seen = inner != fold
        asked = ~seen & np.isin(y, y[seen])
        if asked.any():
            right[asked] = clone(model).fit(X[seen], y[seen]).predict(X[asked]) == y[asked]
    return float(pd.Series(right).groupby(y).mean().mean())
