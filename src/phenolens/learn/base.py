"""What the estimators share: a table in, a table out, and the controls among its rows."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from phenolens.errors import InputError
from phenolens.profiles import CONTROL


def require_classes(y: Any) -> None:
    """Raise unless ``y`` holds classes.

    Raises
    ------
    ValueError
        If its values are numbers of a continuous scale, or of several outputs.
    """
    with warnings.catch_warnings():  # few wells a class are no sign of a regression here
        warnings.filterwarnings("ignore", "The number of unique classes", UserWarning)
        check_classification_targets(y)


class TableTransformer(TransformerMixin, BaseEstimator):
    """A transformer that gives a DataFrame back for a DataFrame, with the same row index.

    Subclasses write ``_fit(values, index)``, ``_transform(values)`` and ``_names(names)``.
    """

    _allow_nan = False

    def fit(self, X: object, y: object = None) -> TableTransformer:
        """Learn from training rows; metadata is read from the row index where it is needed."""
        values = self._values(X, reset=True)
        names = getattr(self, "feature_names_in_", None)
        self._input_names = np.asarray(
            names if names is not None else [f"x{i}" for i in range(values.shape[1])], dtype=object
        )
        self._fit(values, X.index if isinstance(X, pd.DataFrame) else None)
        return self

    def transform(self, X: Any) -> Any:
        """Apply what was learned; the index of a DataFrame is kept."""
        check_is_fitted(self)
        out = self._transform(self._values(X, reset=False))
        if isinstance(X, pd.DataFrame):
            return pd.DataFrame(out, index=X.index, columns=self.get_feature_names_out())
        return out

    def get_feature_names_out(self, input_features: object = None) -> np.ndarray:
        """Names of the columns that come out."""
        check_is_fitted(self)
        return np.asarray(self._names(self._input_names), dtype=object)

    def _values(self, X: object, *, reset: bool) -> np.ndarray:
        return validate_data(
            self,
            X,
            reset=reset,
            dtype=(np.float32, np.float64),
            ensure_all_finite="allow-nan" if self._allow_nan else True,
            ensure_min_samples=2 if reset else 1,
        )

    def __sklearn_tags__(self) -> object:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = self._allow_nan
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def _names(self, names: np.ndarray) -> np.ndarray:
        return names


def controls_of(index: pd.Index | None) -> np.ndarray:
    """Which rows are negative controls, read from the index level ``Metadata_Control``.

    Raises
    ------
    InputError
        If there is no such level, or fewer than two control rows.
    """
    if index is None or CONTROL not in index.names:
        raise InputError(
            f"Fitting on controls needs a profile table whose index has {CONTROL!r}; "
            "hand in the table itself, not its values, or fit on all rows."
        )
    controls = index.get_level_values(CONTROL).to_series().eq(True).to_numpy(dtype=bool)
    if controls.sum() < 2:
        raise InputError(
            f"Fitting on controls needs at least 2 control rows among the {len(index)} training "
            f"rows; got {int(controls.sum())}. Fit on all rows instead."
        )
    return controls
