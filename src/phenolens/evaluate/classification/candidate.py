"""What is put to the ranking: a representation's wells and what to learn from them in each fold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd
from sklearn.base import BaseEstimator

from phenolens import profiles
from phenolens.errors import InputError
from phenolens.learn.choose_blocks import InnerSplit
from phenolens.profiles import WELL_KEY


@dataclass(frozen=True)
class Candidate:
    """A representation to examine: a name, its wells, and what to learn inside each fold.

    Attributes
    ----------
    name : str
    table : DataFrame
        Profile table with one row per well.
    pipeline : estimator
        Unfitted scikit-learn transformer (features in, features out), to which the common readouts
        are added; or a classifier of its own.
    shuffle_labels : bool
        Permute the labels among the training wells of each fold: what remains is chance.
    by_fold : mapping of int to DataFrame
        For a representation that learns: the same wells, by the model fitted on that fold's
        training wells. Folds without one use ``table``.
    inner : mapping of int to sequence of InnerSplit
        By fold, training wells on which the pipeline may choose (its parameter ``inner``).
    """

    name: str
    table: pd.DataFrame
    pipeline: BaseEstimator
    shuffle_labels: bool = False
    by_fold: Mapping[int, pd.DataFrame] = field(default_factory=dict)
    inner: Mapping[int, Sequence[InnerSplit]] = field(default_factory=dict)

    def for_fold(self, fold: int) -> pd.DataFrame:
        """The wells as this fold may see them, matched by key to the rows of ``table``."""
        if fold not in self.by_fold:
            return self.table
        rows = _keys(self.by_fold[fold]).get_indexer(_keys(self.table))
        if (rows < 0).any():
            raise InputError(
                f"{self.name!r}: the block of fold {fold} lacks {int((rows < 0).sum())} of the "
                f"{len(rows)} wells. Extract every well with every fold's model."
            )
        return profiles.take(self.by_fold[fold], rows)


def _keys(table: pd.DataFrame) -> pd.MultiIndex:
    return pd.MultiIndex.from_frame(profiles.metadata(table)[list(WELL_KEY)].astype(str))
