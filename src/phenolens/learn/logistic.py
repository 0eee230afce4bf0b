"""Multinomial logistic regression whose L2 penalty is tuned on whole units of the training rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from phenolens.learn.base import require_classes

PENALTIES = (0.1, 0.03, 0.01, 0.003, 0.001, 0.0003, 0.0001)


def inner_folds(X: Any, y: Any, *, unit: str | None, n: int) -> np.ndarray:
    """Inner fold of each training row: whole units where there are two or more, else rows by class.

    Parameters
    ----------
    X : DataFrame or array
        Training rows; units are read from the index of a table.
    y : array, shape (n_rows,)
    unit : str or None
        Index level whose values stay together.
    n : int
        Number of folds.

    Returns
    -------
    ndarray of int64, shape (n_rows,)
    """
    if unit and isinstance(X, pd.DataFrame) and unit in X.index.names:
        codes = pd.factorize(X.index.get_level_values(unit), sort=True)[0]
        if codes.max(initial=0) > 0:
            return codes % n
    y = pd.Series(np.ravel(np.asarray(y)))
    return (y.groupby(y, sort=True).cumcount() % n).to_numpy()


class LogisticPath(ClassifierMixin, BaseEstimator):
    """Softmax regression along a path of penalties, each fit started from the one before.

    Minimises the mean negative log-likelihood plus ``penalty / 2`` times the squared norm of the
    weights (intercepts are free), after dividing the features by one number, the root of their
    mean variance, so that penalties mean the same for every table. The penalty with the least
    log-loss on held-out inner units is refitted on all training rows; the path stops after the
    loss has risen, because weaker penalties are the slow ones.

    Parameters
    ----------
    penalties : sequence of float
        Tried from strong to weak.
    unit : str or None
        Index level of the table (``Metadata_Plate``) whose values stay together in inner folds;
        None, or a table without that level, holds out single rows.
    n_inner : int
        Number of inner folds; inner validation rows of a class that the inner training rows lack
        are left out of the loss.
    balanced : bool
        Weigh every class alike.
    max_iter : int
        L-BFGS iterations for each penalty.
    tol : float
        Relative decrease of the objective at which the final fit stops; fits on inner folds, which
        only rank penalties, stop at ten times that.

    Attributes
    ----------
    classes_ : ndarray
    coef_ : ndarray of float32, shape (n_features, n_classes)
    intercept_ : ndarray of float32, shape (n_classes,)
    penalty_ : float
    inner_losses_ : ndarray, shape (n_tried,)
    n_iter_ : int
        Iterations of the final fit.
    """

    def __init__(
        self,
        *,
        penalties: Sequence[float] = PENALTIES,
        unit: str | None = None,
        n_inner: int = 3,
        balanced: bool = False,
        max_iter: int = 100,
        tol: float = 1e-5,
    ) -> None:
        self.penalties = penalties
        self.unit = unit
        self.n_inner = n_inner
        self.balanced = balanced
        self.max_iter = max_iter
        self.tol = tol

    def fit(self, X: Any, y: Any) -> LogisticPath:
        """Tune the penalty on inner folds, then fit on all rows."""
        inner = inner_folds(X, y, unit=self.unit, n=self.n_inner)
        X, y = validate_data(self, X, y, dtype=(np.float32, np.float64))
        require_classes(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"Only one class ({self.classes_[0]!r}): nothing to tell apart.")
        self._center = X.mean(axis=0)
        self._scale = np.sqrt(max(float(X.var(axis=0).mean()), 1e-30))
        problem = _Problem(self._scaled(X), codes, n_classes=len(self.classes_), rules=self)
        self.penalty_, self.inner_losses_ = self._tune(problem, inner)
        weights, self.n_iter_ = problem.fit(self.penalty_)
        self.coef_, self.intercept_ = weights[:-1], weights[-1]
        return self

    def _scaled(self, X: np.ndarray) -> np.ndarray:
        return ((X - self._center) / self._scale).astype(np.float32)

    def _tune(self, problem: _Problem, inner: np.ndarray) -> tuple[float, np.ndarray]:
        penalties = sorted(self.penalties, reverse=True)
        if len(penalties) == 1 or len(np.unique(inner)) == 1:  # nothing to choose, or to choose on
            return penalties[0], np.array([np.nan])
        parts = [problem.part(inner != fold) for fold in np.unique(inner)]
        starts: list = [None] * len(parts)
        losses: list[float] = []
        for penalty in penalties:
            fits = [p.fit(penalty, s, loose=10.0) for p, s in zip(parts, starts, strict=True)]
            starts = [weights for weights, _ in fits]
            losses.append(problem.validation_loss(starts, parts, inner=inner))
            if losses[-1] > 1.02 * min(losses):
                break
        return penalties[int(np.argmin(losses))], np.array(losses)

    def decision_function(self, X: Any) -> np.ndarray:
        """Scores of shape (n_rows, n_classes), or (n_rows,) for two classes."""
        scores = self._scores(X)
        return scores[:, 1] - scores[:, 0] if len(self.classes_) == 2 else scores

    def _scores(self, X: Any) -> np.ndarray:
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=(np.float32, np.float64))
        return self._scaled(X) @ self.coef_ + self.intercept_

    def predict_proba(self, X: Any) -> np.ndarray:
        """Class probabilities, float32 of shape (n_rows, n_classes)."""
        return _softmax(self._scores(X))

    def predict(self, X: Any) -> np.ndarray:
        """The most probable class of each row."""
        best = self._scores(X).argmax(axis=1)
        return self.classes_[best]


class _Problem:
    """Rows, their classes and weights: what one fit along the path needs."""

    def __init__(
        self, values: np.ndarray, codes: np.ndarray, *, n_classes: int, rules: LogisticPath
    ) -> None:
        self.values = np.column_stack([values, np.ones(len(values), dtype=np.float32)])
        self.codes, self.n_classes, self.rules = codes, n_classes, rules
        counts = np.bincount(codes, minlength=n_classes)
        weights = 1.0 / counts[codes] if rules.balanced else np.ones(len(codes))
        self.weights = (weights / weights.sum()).astype(np.float32)
        self.present = counts > 0
        # Mean curvature of each weight at the start: makes all directions about equally steep.
        self.energy = np.square(self.values, dtype=np.float64).mean(axis=0) / n_classes

    def part(self, rows: np.ndarray) -> _Problem:
        """The same problem on some of its rows; classes keep their numbers."""
        values, codes = self.values[rows, :-1], self.codes[rows]
        return _Problem(values, codes, n_classes=self.n_classes, rules=self.rules)

    def fit(
        self, penalty: float, start: np.ndarray | None = None, *, loose: float = 1.0
    ) -> tuple[np.ndarray, int]:
        """Weights of shape (n_features + 1, n_classes), the intercepts last, and iterations."""
        shape = (self.values.shape[1], self.n_classes)
        ridge = np.append(np.full(shape[0] - 1, penalty), 0.0)
        stretch = (1.0 / np.sqrt(self.energy + ridge))[:, None]
        first = np.zeros(shape) if start is None else start / stretch
        options = {"maxiter": self.rules.max_iter, "ftol": loose * self.rules.tol, "gtol": 1e-6}
        options["maxcor"] = 6
        arguments = (ridge[:, None], stretch)
        found = minimize(
            self.objective, first.ravel(), arguments, "L-BFGS-B", jac=True, options=options
        )
        return (found.x.reshape(shape) * stretch).astype(np.float32), int(found.nit)

    def objective(
        self, flat: np.ndarray, ridge: np.ndarray, stretch: np.ndarray
    ) -> tuple[float, np.ndarray]:
        """Penalised loss and its gradient at stretched weights."""
        weights = (flat.reshape(len(stretch), -1) * stretch).astype(np.float32)
        share = _softmax(self.masked(self.values @ weights))
        rows = np.arange(len(self.codes))
        likely = np.log(share[rows, self.codes], dtype=np.float64)
        share[rows, self.codes] -= 1.0
        share *= self.weights[:, None]
        gradient = (self.values.T @ share) * stretch + ridge * weights * stretch
        size = 0.5 * float((ridge * np.square(weights, dtype=np.float64)).sum())
        return size - float(self.weights.astype(np.float64) @ likely), gradient.ravel()

    def masked(self, scores: np.ndarray) -> np.ndarray:
        """A class without training rows takes no part."""
        if not self.present.all():
            scores[:, ~self.present] = -1e30
        return scores

    def validation_loss(self, fits: list, parts: list[_Problem], *, inner: np.ndarray) -> float:
        """Mean log-loss over the rows each inner fit left out, where it knew their class.

        Rows weigh as they do in the fit: alike, or each class alike.
        """
        losses, weighs = [], []
        for fold, weights, part in zip(np.unique(inner), fits, parts, strict=True):
            rows = (inner == fold) & part.present[self.codes]
            share = _softmax(part.masked(self.values[rows] @ weights))
            losses.append(-np.log(np.maximum(share[np.arange(rows.sum()), self.codes[rows]], 1e-9)))
            weighs.append(self.weights[rows])
        joined, weight = np.concatenate(losses), np.concatenate(weighs)
        return float(np.average(joined, weights=weight)) if joined.size else 0.0


def _softmax(scores: np.ndarray) -> np.ndarray:
    scores = scores - scores.max(axis=1, keepdims=True)
    # Below exp(-60) float32 products become denormal, which makes every step ten times slower.
    np.maximum(scores, -60.0, out=scores)
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=1, keepdims=True)
    return scores
