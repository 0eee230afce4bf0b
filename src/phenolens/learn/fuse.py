"""Several blocks of features as one, no block louder than another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.utils.validation import check_is_fitted

from phenolens import profiles
from phenolens.errors import InputError
from phenolens.learn.base import TableTransformer
from phenolens.learn.nearest import unit_rows
from phenolens.profiles import WELL_KEY


class BlockScaler(TableTransformer):
    """Centre a block and divide it by the root of its total variance: energy 1 on training rows.

    Attributes
    ----------
    mean_ : ndarray, shape (n_features,)
    energy_ : float
        The total variance among training rows.
    """

    def _fit(self, values: np.ndarray, index: pd.Index | None) -> None:
        self.mean_ = values.mean(axis=0, dtype=np.float64)
        self.energy_ = float(values.var(axis=0, dtype=np.float64).sum())

    def _transform(self, values: np.ndarray) -> np.ndarray:
        scale = np.sqrt(self.energy_) if self.energy_ > 0 else 1.0
        return ((values - self.mean_) / scale).astype(values.dtype)


class BlockFusion(TransformerMixin, BaseEstimator):
    """Learn each block on its own, scale it, weigh it, and put the blocks side by side.

    With equal energy and unit rows, the cosine of the result is the weighted mean of the blocks'
    kernels, which is what a fused similarity should be.

    Parameters
    ----------
    blocks : mapping of str to sequence of str
        Feature names of each block (see :func:`join_blocks`).
    steps : transformer or mapping of str to transformer, optional
        Learned on each block before scaling (selection, components, whitening).
    scaling : {'energy', 'rows', 'none'}
        Equal total variance on training rows; or every row of every block at unit length.
    weights : mapping of str to float, optional
        Squared share of each block; 1 by default. Choose them on training plates only.

    Attributes
    ----------
    fitted_ : dict of str to list of fitted transformers
    """

    def __init__(
        self,
        blocks: Mapping[str, Sequence[str]],
        *,
        steps: object = None,
        scaling: str = "energy",
        weights: Mapping[str, float] | None = None,
    ) -> None:
        self.blocks = blocks
        self.steps = steps
        self.scaling = scaling
        self.weights = weights

    def fit(self, X: pd.DataFrame, y: object = None) -> BlockFusion:
        """Fit every block on the training rows."""
        self._check(X)
        self.fitted_ = {name: self._fit_block(name, X[list(c)], y) for name, c in self._blocks()}
        self.feature_names_in_ = np.asarray(X.columns, dtype=object)
        return self

    def _blocks(self) -> list[tuple[str, Sequence[str]]]:
        return sorted(self.blocks.items())

    def _check(self, X: object) -> None:
        if not isinstance(X, pd.DataFrame):
            raise InputError("BlockFusion needs a profile table: blocks are known by feature name.")
        if self.scaling not in ("energy", "rows", "none"):
            raise InputError(f"scaling is energy, rows or none; got {self.scaling!r}.")
        absent = [c for columns in self.blocks.values() for c in columns if c not in X.columns]
        if absent:
            raise InputError(f"The table lacks {len(absent)} block feature(s), as {absent[0]!r}.")

    def _fit_block(self, name: str, part: pd.DataFrame, y: object) -> list[BaseEstimator]:
        own = self.steps.get(name) if isinstance(self.steps, Mapping) else self.steps
        learned = [] if own is None else [clone(own).fit(part, y)]
        for step in learned:
            part = _table(step.transform(part), part.index)
        if self.scaling == "energy":
            learned.append(BlockScaler().fit(part))
        return learned

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """Blocks side by side; columns are named ``BLOCK__FEATURE``."""
        check_is_fitted(self, "fitted_")
        self._check(X)
        parts = [self._block(name, X[list(columns)]) for name, columns in self._blocks()]
        return pd.concat(parts, axis=1)

    def _block(self, name: str, part: pd.DataFrame) -> pd.DataFrame:
        for step in self.fitted_[name]:
            part = _table(step.transform(part), part.index)
        values = part.to_numpy()
        if self.scaling == "rows":
            values = unit_rows(values)
        root = np.sqrt((self.weights or {}).get(name, 1.0))
        names = [c if str(c).startswith(f"{name}__") else f"{name}__{c}" for c in part.columns]
        return pd.DataFrame(values * values.dtype.type(root), index=part.index, columns=names)


def _table(values: object, index: pd.Index) -> pd.DataFrame:
    return values if isinstance(values, pd.DataFrame) else pd.DataFrame(values, index=index)


def join_blocks(
    tables: Mapping[str, pd.DataFrame], *, key: Sequence[str] = WELL_KEY
) -> tuple[pd.DataFrame, dict[str, list[str]], dict[str, int]]:
    """Put several tables of the same wells side by side, matched by key, never by order.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Block name to profile table. The first table's metadata is kept.
    key : sequence of str

    Returns
    -------
    table : DataFrame
        Rows that all tables have, in the order of the first; features ``BLOCK__FEATURE``.
    blocks : dict of str to list of str
        For :class:`BlockFusion`.
    unmatched : dict of str to int
        Rows of each table that another one lacks.
    """
    for table in tables.values():
        profiles.require_unique(table, key)
    keys = {name: _key(table, key) for name, table in tables.items()}
    first = next(iter(tables))
    common = keys[first]
    for index in keys.values():
        common = common[common.isin(index)]
    if not len(common):
        raise InputError(f"The blocks {', '.join(tables)} share no {'/'.join(key)}.")
    parts = [
        profiles.take(t, keys[n].get_indexer(common)).add_prefix(f"{n}__")
        for n, t in tables.items()
    ]
    blocks = {n: list(part.columns) for n, part in zip(tables, parts, strict=True)}
    index = parts[0].index
    joined = pd.concat([part.set_axis(index, axis=0) for part in parts], axis=1)
    return joined, blocks, {n: len(t) - len(common) for n, t in tables.items()}


def _key(table: pd.DataFrame, key: Sequence[str]) -> pd.MultiIndex:
    return pd.MultiIndex.from_frame(profiles.metadata(table)[list(key)].astype(str))


def noise_block(table: pd.DataFrame, *, like: str, seed: int) -> pd.DataFrame:
    """The block's width in Gaussian noise: what fusing with it gains is not information.

    Parameters
    ----------
    table : DataFrame
        The block to imitate (its rows and number of features).
    like : str
        Prefix of the new feature names.
    seed : int
    """
    values = np.random.default_rng(seed).standard_normal(table.shape, dtype=np.float32)
    names = [f"{like}_noise{i:04d}" for i in range(table.shape[1])]
    return pd.DataFrame(values, index=table.index, columns=names)
