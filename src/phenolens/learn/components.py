"""Principal components that keep the table."""

from __future__ import annotations

import numpy as np
import pandas as pd

from phenolens.errors import InputError
from phenolens.learn.base import TableTransformer, controls_of
from phenolens.learn.whiten import principal_directions


class Components(TableTransformer):
    """Principal components of the training rows; the row index of a table is kept.

    Parameters
    ----------
    n_components : int or float
        A number of components, or the share of variance they must explain (0 to 1). Capped at
        what the rows allow.
    fit_on : {'all', 'controls', 'treated'}
        ``controls`` and ``treated`` read ``Metadata_Control`` from the row index.
    standardize : bool
        Divide features by their standard deviation among the fitting rows first.

    Attributes
    ----------
    mean_, components_, explained_ : ndarray
        Shapes (n_features,), (n_features, k) and (k,), the last the share of variance.
    """

    def __init__(
        self,
        *,
        n_components: float = 0.95,
        fit_on: str = "all",
        standardize: bool = False,
    ) -> None:
        self.n_components = n_components
        self.fit_on = fit_on
        self.standardize = standardize

    def _fit(self, values: np.ndarray, index: pd.Index | None) -> None:
        part = values[self._rows(index)].astype(np.float64)
        self.mean_ = part.mean(axis=0)
        spread = part.std(axis=0) if self.standardize else np.ones(part.shape[1])
        scale = np.where(spread > 0, spread, 1.0)
        directions, variances = principal_directions((part - self.mean_) / scale)
        self.explained_ = variances / max(variances.sum(), 1e-300)
        k = self._count()
        self.explained_ = self.explained_[:k]
        self.components_ = directions[:, :k] / scale[:, None]

    def _rows(self, index: pd.Index | None) -> np.ndarray | slice:
        if self.fit_on not in ("all", "controls", "treated"):
            raise InputError(f"fit_on is all, controls or treated; got {self.fit_on!r}.")
        if self.fit_on == "all":
            return slice(None)
        controls = controls_of(index)
        return controls if self.fit_on == "controls" else ~controls

    def _count(self) -> int:
        if self.n_components >= 1:
            return min(int(self.n_components), len(self.explained_))
        enough = np.searchsorted(np.cumsum(self.explained_), self.n_components - 1e-12) + 1
        return min(int(enough), len(self.explained_))

    def _transform(self, values: np.ndarray) -> np.ndarray:
        return ((values - self.mean_) @ self.components_).astype(values.dtype)

    def _names(self, names: np.ndarray) -> np.ndarray:
        return np.array([f"pc{i + 1:04d}" for i in range(self.components_.shape[1])], dtype=object)
