"""Which blocks to fuse, and how loud each: chosen on training rows, else the best block alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from phenolens.errors import InputError
from phenolens.learn.fuse import BlockFusion
from phenolens.learn.logistic import inner_folds

SHARES = (0.2, 0.35, 0.5)
_RIDGES = (0.01, 0.1, 1.0)


class InnerSplit(NamedTuple):
    """Training rows of which some were held out from what made the table.

    Attributes
    ----------
    table : DataFrame, shape (n, n_features)
    labels : ndarray of str, shape (n,)
    held : ndarray of bool, shape (n,)
    """

    table: pd.DataFrame
    labels: np.ndarray
    held: np.ndarray


@dataclass(frozen=True)
class BlockChoice:
    """What was tried on the training rows, and what was taken.

    Attributes
    ----------
    weights : dict of str to float
        Share of each block taken, summing to 1; a block that is left out has none.
    alone : dict of str to float
        Mean reciprocal rank of the true class on held-out training rows, by each block alone.
    tried : tuple of (dict of str to float, float, float)
        Weights, gain over what was best before, and that gain in standard errors.
    """

    weights: dict[str, float]
    alone: dict[str, float]
    tried: tuple[tuple[dict[str, float], float, float], ...]

    @property
    def best(self) -> str:
        """The block that does best alone."""
        return max(self.alone, key=lambda name: (self.alone[name], name))

    @property
    def fell_back(self) -> bool:
        """Whether the best block was left alone."""
        return len(self.weights) == 1


class ChosenFusion(TransformerMixin, BaseEstimator):
    """Blocks side by side, weighed by what they told of held-out training rows.

    Starts from the block that does best alone and adds another, at one of three shares, as long as
    the gain is clear: at least `clear` standard errors over rows (forward selection, Caruana et
    al., ICML 2004, with a threshold). A block of noise, of wild scale or of another width is not
    taken, and what is taken is no worse on the training rows than the best block alone.

    A row is scored by the reciprocal rank of its class, the mean over two readouts of the fused
    kernel, ridge regression on the classes and the nearest row by cosine: what the study reads out
    (:mod:`phenolens.evaluate.classification`), at a hundredth of the cost.

    Parameters
    ----------
    blocks : mapping of str to sequence of str
        Feature names of each block (see :func:`phenolens.learn.fuse.join_blocks`).
    steps : transformer, optional
        Learned on each block before scaling.
    unit : str or None
        Index level whose values inner folds keep together, such as ``Metadata_Plate``.
    n_inner : int
        Number of inner folds.
    clear : float
        Standard errors by which an added block must gain.
    inner : sequence of InnerSplit, optional
        Tables to choose on; the training rows in inner folds by default. Blocks that learned labels
        need tables whose rows held out they have not seen (cross-fitted): on what they have seen
        they look better than they are.

    Attributes
    ----------
    choice_ : BlockChoice
    chosen_ : str
        The blocks taken and their shares, as ``cellprofiler 0.65 + cnn 0.35``.
    """

    def __init__(
        self,
        blocks: Mapping[str, Sequence[str]],
        *,
        steps: object = None,
        unit: str | None = None,
        n_inner: int = 3,
        clear: float = 1.0,
        inner: Sequence[InnerSplit] | None = None,
    ) -> None:
        self.blocks = blocks
        self.steps = steps
        self.unit = unit
        self.n_inner = n_inner
        self.clear = clear
        self.inner = inner

    def fit(self, X: pd.DataFrame, y: object) -> ChosenFusion:
        """Choose on inner folds of the training rows, then learn the blocks taken on all of them.

        Raises
        ------
        InputError
            If there are no labels to choose by.
        """
        if y is None:
            raise InputError("Blocks are chosen by what they tell of classes; give labels.")
        labels = np.asarray(y)
        parts = [self._kernels(*part) for part in self._inner(X, labels)]
        self.choice_ = _forward(list(self.blocks), parts, clear=self.clear)
        weights = self.choice_.weights
        self.chosen_ = " + ".join(f"{name} {share:.2g}" for name, share in weights.items())
        taken = {name: self.blocks[name] for name in weights}
        self.fusion_ = BlockFusion(taken, steps=self.steps, weights=weights).fit(X, labels)
        self.feature_names_in_ = np.asarray(X.columns, dtype=object)
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        """The blocks taken, side by side; columns are named ``BLOCK__FEATURE``."""
        check_is_fitted(self, "fusion_")
        return self.fusion_.transform(X)

    def _inner(self, X: pd.DataFrame, labels: np.ndarray) -> Iterator[InnerSplit]:
        if self.inner is not None:
            yield from self.inner
            return
        folds = inner_folds(X, labels, unit=self.unit, n=self.n_inner)
        for fold in np.unique(folds):
            yield InnerSplit(X, labels, folds == fold)

    def _kernels(self, table: pd.DataFrame, labels: np.ndarray, held: np.ndarray) -> _HeldOut:
        """Each block's similarities, its steps and scale learned without the rows held out."""
        known = np.isin(labels, labels[~held])
        train, test = np.flatnonzero(~held), np.flatnonzero(held & known)
        kernels = {}
        for name, columns in self.blocks.items():
            own = BlockFusion({name: columns}, steps=self.steps)
            own.fit(table.iloc[train], labels[train])
            values = own.transform(table.iloc[np.r_[train, test]]).to_numpy(np.float64)
            kernels[name] = values @ values[: len(train)].T
            norms = np.einsum("ij,ij->i", values, values)
            kernels[name] = np.column_stack([kernels[name], norms])
        classes, codes = np.unique(labels[train], return_inverse=True)
        truth = np.searchsorted(classes, labels[test])
        return _HeldOut(kernels, codes, truth, labels[test])


@dataclass(frozen=True)
class _HeldOut:
    """One inner fold: similarities to its training rows, and in the last column to oneself."""

    kernels: dict[str, np.ndarray]
    codes: np.ndarray
    truth: np.ndarray
    labels: np.ndarray

    def reciprocal_ranks(self, weights: Mapping[str, float]) -> np.ndarray:
        """Of the true class of each held-out row, the mean of two readouts."""
        if not len(self.truth):
            return np.zeros(0)
        fused = np.sum([share * self.kernels[name] for name, share in weights.items()], axis=0)
        n = len(self.codes)
        similar, norms = fused[:, :-1], np.sqrt(np.maximum(fused[:, -1], 1e-30))
        ridge = self._ridge(similar[:n], similar[n:])
        cosine = similar[n:] / norms[n:, None] / norms[None, :n]
        order = np.argsort(self.codes, kind="stable")
        starts = np.searchsorted(self.codes[order], np.arange(self.codes.max() + 1))
        nearest = np.maximum.reduceat(cosine[:, order], starts, axis=1)
        return 0.5 * (ridge + _reciprocal_rank(nearest, self.truth))

    def _ridge(self, among: np.ndarray, held: np.ndarray) -> np.ndarray:
        """By ridge regression on the classes, each class weighing alike, at the best penalty."""
        n = len(among)
        counts = np.bincount(self.codes)
        root = 1.0 / np.sqrt(counts[self.codes])
        target = np.eye(len(counts))[self.codes] - 1.0 / len(counts)
        values, vectors = np.linalg.eigh(among * root[:, None] * root[None, :])
        projected = vectors.T @ (root[:, None] * target)
        seen = (held * root[None, :]) @ vectors
        scale = max(float(values.clip(0).sum()) / n, 1e-30)
        found = [
            _reciprocal_rank(
                seen @ (projected / (values.clip(0) + ridge * scale)[:, None]), self.truth
            )
            for ridge in _RIDGES
        ]
        return found[int(np.argmax([ranks.mean() for ranks in found]))]


def _reciprocal_rank(scores: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """One over the place of the true class; ties take the mean place."""
    own = scores[np.arange(len(scores)), truth][:, None]
    above, same = (scores > own).sum(axis=1), (scores == own).sum(axis=1)
    return 1.0 / (1.0 + above + 0.5 * (same - 1))


def _forward(names: list[str], parts: list[_HeldOut], *, clear: float) -> BlockChoice:
    """From the best block alone, add blocks as long as that is clearly better."""
    labels = np.concatenate([part.labels for part in parts])

    def ranks(weights: Mapping[str, float]) -> np.ndarray:
        return np.concatenate([part.reciprocal_ranks(weights) for part in parts])

    alone = {name: ranks({name: 1.0}) for name in names}
    means = {name: _class_mean(found, labels) for name, found in alone.items()}
    first = max(names, key=lambda name: (means[name], name))
    weights, now = {first: 1.0}, alone[first]
    tried = []
    while left := [name for name in names if name not in weights]:
        found = []
        for name, share in product(left, SHARES):
            kept = {known: part * (1 - share) for known, part in weights.items()}
            new = kept | {name: share}
            there = ranks(new)
            gain, errors = _gain(there - now, labels)
            tried.append((new, gain, errors))
            found.append((gain, errors, new, there))
        gain, errors, new, there = max(found, key=lambda one: one[0])
        if gain <= 0 or errors < clear:
            break
        weights, now = new, there
    return BlockChoice(weights, means, tuple(tried))


def _class_mean(values: np.ndarray, labels: np.ndarray) -> float:
    return float(pd.Series(values).groupby(labels).mean().mean()) if len(values) else 0.0


def _gain(difference: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Mean difference, classes alike, and the same in standard errors over rows."""
    mean = _class_mean(difference, labels)
    if len(difference) < 2:
        return mean, 0.0
    spread = float(difference.std(ddof=1)) / np.sqrt(len(difference))
    return mean, mean / spread if spread > 0 else 0.0
