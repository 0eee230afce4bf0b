"""Whitening on controls or on all training rows (the field calls it sphering)."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.covariance import ledoit_wolf_shrinkage

from phenolens.errors import InputError
from phenolens.learn.base import TableTransformer, controls_of

METHODS = ("zca", "zca-cor", "pca", "pca-cor")
SHRINKAGES = ("fixed", "ledoit-wolf")
_ROWS = 16_384


class Whitener(TableTransformer):
    """Centre and whiten: directions in which controls vary anyway count for less.

    With ``S = U L U'`` the covariance (``-cor``: correlation) of the fitting rows and `r` the
    regularization, ZCA is ``W = U (L + r I)^-1/2 U'`` and PCA is ``U (L + r I)^-1/2``. The rows it
    was fitted on come out with covariance ``L / (L + r)`` in the eigenbasis. With Ledoit and Wolf's
    shrinkage ``L + r`` is ``(1 - d) L + d m`` instead: `m` the mean variance of a feature, `d` the
    share that the fitting rows themselves ask for.

    Parameters
    ----------
    method : {'zca-cor', 'zca', 'pca-cor', 'pca'}
    fit_on : {'all', 'controls'}
        ``controls`` reads ``Metadata_Control`` from the index of the table it is fitted on.
    regularization : float
        `r`, in units of a feature's variance (after ``-cor``: of 1). Must be positive when there
        are fewer fitting rows than features, because some directions then have no variance.
    n_components : int or None
        For PCA methods: how many leading directions to keep.
    shrinkage : {'fixed', 'ledoit-wolf'}
        ``fixed`` adds `regularization` to every eigenvalue; ``ledoit-wolf`` estimates how far they
        are drawn to their mean, and reads no `regularization`.

    Attributes
    ----------
    mean_ : ndarray, shape (n_features,)
    whitening_ : ndarray, shape (n_features, n_out)
        ``(x - mean_) @ whitening_`` is the output.
    eigenvalues_ : ndarray
        `L`, descending, of length min(n_fitting_rows - 1, n_features).
    shrunk_ : float
        `d` of Ledoit and Wolf, 0 to 1; 0 where shrinkage is fixed.

    References
    ----------
    Kessy, Lewin & Strimmer, Am. Stat. 72, 309 (2018); Ando, McLean & Berndl, bioRxiv 161422 (2017);
    Ledoit & Wolf, J. Multivar. Anal. 88, 365 (2004).
    """

    def __init__(
        self,
        *,
        method: str = "zca-cor",
        fit_on: str = "all",
        regularization: float = 1e-2,
        n_components: int | None = None,
        shrinkage: str = "fixed",
    ) -> None:
        self.method = method
        self.fit_on = fit_on
        self.regularization = regularization
        self.n_components = n_components
        self.shrinkage = shrinkage

    def _fit(self, values: np.ndarray, index: pd.Index | None) -> None:
        self._check()
        rows = controls_of(index) if self.fit_on == "controls" else slice(None)
        part = values[rows].astype(np.float64)
        self.mean_ = part.mean(axis=0)
        spread = part.std(axis=0, ddof=1) if self.method.endswith("cor") else 1.0
        scale = np.broadcast_to(np.where(spread > 0, spread, 1.0), self.mean_.shape)
        standard = (part - self.mean_) / scale
        directions, self.eigenvalues_ = principal_directions(standard)
        self.shrunk_, floor = 0.0, float(self.regularization)
        if self.shrinkage == "ledoit-wolf":
            self.shrunk_ = float(ledoit_wolf_shrinkage(standard, assume_centered=True))
            floor = self.shrunk_ * self.eigenvalues_.sum() / values.shape[1]
        rank = np.sum(self.eigenvalues_ > 1e-12 * self.eigenvalues_.max(initial=0.0))
        if floor == 0 and rank < values.shape[1]:
            raise InputError(
                f"Whitening {values.shape[1]} features on {len(part)} rows (rank {rank}) needs a "
                "regularization above 0, or fewer features."
            )
        self.whitening_ = self._matrix(directions, floor) / scale[:, None]

    def _check(self) -> None:
        if self.method not in METHODS or self.fit_on not in ("all", "controls"):
            raise InputError(
                f"Whitener(method={self.method!r}, fit_on={self.fit_on!r}): method is one of "
                f"{', '.join(METHODS)}; fit_on is all or controls."
            )
        if self.shrinkage not in SHRINKAGES:
            raise InputError(
                f"Whitener(shrinkage={self.shrinkage!r}): it is {' or '.join(SHRINKAGES)}."
            )

    def _matrix(self, directions: np.ndarray, floor: float) -> np.ndarray:
        evened = (1 - self.shrunk_) * self.eigenvalues_ + floor
        shrink = 1.0 / np.sqrt(np.maximum(evened, 1e-300))
        if self.method.startswith("pca"):
            return (directions * shrink)[:, : self.n_components]
        if floor == 0:
            return (directions * shrink) @ directions.T
        # Directions without variance are scaled by 1/sqrt(r) too; the rest by less than that.
        rest = 1.0 / np.sqrt(floor)
        return (directions * (shrink - rest)) @ directions.T + rest * np.eye(len(directions))

    def _transform(self, values: np.ndarray) -> np.ndarray:
        out = np.empty((len(values), self.whitening_.shape[1]), dtype=values.dtype)
        for first in range(0, len(values), _ROWS):  # in double precision, which is for some only
            here = slice(first, first + _ROWS)
            out[here] = (values[here] - self.mean_) @ self.whitening_
        return out

    def _names(self, names: np.ndarray) -> np.ndarray:
        if self.method.startswith("zca"):
            return names
        return np.array([f"whitened{i:04d}" for i in range(self.whitening_.shape[1])], dtype=object)


def principal_directions(centred: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvectors (n_features, k) and eigenvalues (k,) of a centred table's covariance.

    Descending; k is the smaller of n_features and n_rows - 1. Each vector's largest entry is
    positive, so that signs do not depend on the linear algebra library. Works on the smaller of
    covariance and Gram matrix.
    """
    n, p = centred.shape
    k = min(n - 1, p)
    if n > p:
        values, vectors = np.linalg.eigh(centred.T @ centred)
        values, vectors = values[::-1][:k], vectors[:, ::-1][:, :k]
    else:
        values, left = np.linalg.eigh(centred @ centred.T)
        values, left = values[::-1][:k], left[:, ::-1][:, :k]
        vectors = centred.T @ left
        length = np.linalg.norm(vectors, axis=0)
        vectors = vectors / np.where(length > 0, length, 1.0)
    largest = vectors[np.abs(vectors).argmax(axis=0), np.arange(k)]
    return vectors * np.where(largest < 0, -1.0, 1.0), np.maximum(values, 0.0) / (n - 1)
