"""Which blocks to fuse, and how loud each: chosen on training rows, else the best block alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import norm
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.linear_model import LogisticRegression
from sklearn.utils.validation import check_is_fitted

from phenolens.errors import InputError
from phenolens.learn.fuse import BlockFusion
from phenolens.learn.logistic import inner_folds

SHARES = (0.2, 0.35, 0.5)
# Far enough up that a block of noise is not taken for the shrinkage that it brings.
_RIDGES = (0.01, 0.1, 1.0, 10.0, 100.0)


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
        What each block tells alone of the rows that decide: the mean reciprocal rank of the true
        class of held-out rows, or the mean average precision of replicates.
    tried : tuple of (dict of str to float, float, float)
        Weights, gain over what was best before, and that gain in standard errors.
    gain : (float, float)
        Of what was taken over the best block alone, and that in standard errors; 0 where the best
        block was left alone. It is of the rows that chose, and flatters.
    """

    weights: dict[str, float]
    alone: dict[str, float]
    tried: tuple[tuple[dict[str, float], float, float], ...]
    gain: tuple[float, float] = (0.0, 0.0)

    @property
    def best(self) -> str:
        """The block that does best alone."""
        return max(self.alone, key=lambda name: (self.alone[name], name))

    @property
    def fell_back(self) -> bool:
        """Whether the best block was left alone."""
        return len(self.weights) == 1

    @property
    def words(self) -> str:
        """The blocks taken and their shares, as ``cellprofiler 0.65 + cnn 0.35``."""
        return " + ".join(f"{name} {share:.2g}" for name, share in self.weights.items())


class ChosenFusion(TransformerMixin, BaseEstimator):
    """Blocks side by side, weighed by what they told of held-out training rows.

    Starts from the block that does best alone and adds another, at one of three shares, as long as
    the gain is clear: at least `clear` standard errors over rows (forward selection, Caruana et
    al., ICML 2004, with a threshold). A block of noise, of wild scale or of another width is not
    taken, and what is taken is no worse on the training rows than the best block alone.

    A row is scored by the reciprocal rank of its class, the mean over two readouts of the fused
    kernel, ridge regression on the classes and the nearest row by cosine: what the study reads out
    (:mod:`phenolens.evaluate.classification`), at a hundredth of the cost. The ridge penalty of a
    row is chosen on held-out rows of other classes.

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
        Standard errors by which an added block must gain; more where several could be added.
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
        clear: float = 2.0,
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
        of = np.concatenate([part.labels for part in parts])

        self.choice_ = _forward(
            list(self.blocks), lambda weights: _ranks(parts, weights), labels=of, clear=self.clear
        )
        weights = self.choice_.weights
        self.chosen_ = self.choice_.words
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

    def readouts(self, weights: Mapping[str, float]) -> tuple[np.ndarray, np.ndarray]:
        """Scores of every class for each held-out row, by ridge regression and by similarity.

        Returns
        -------
        ridge : ndarray, shape (n_penalties, n_held, n_classes)
            Of regression on the classes, each class weighing alike.
        nearest : ndarray, shape (n_held, n_classes)
            Cosine with the nearest row of each class.
        """
        classes = int(self.codes.max(initial=-1)) + 1
        if not len(self.truth):
            return np.zeros((len(_RIDGES), 0, classes)), np.zeros((0, classes))
        fused = np.sum([share * self.kernels[name] for name, share in weights.items()], axis=0)
        n = len(self.codes)
        similar, norms = fused[:, :-1], np.sqrt(np.maximum(fused[:, -1], 1e-30))
        cosine = similar[n:] / norms[n:, None] / norms[None, :n]
        order = np.argsort(self.codes, kind="stable")
        starts = np.searchsorted(self.codes[order], np.arange(classes))
        nearest = np.maximum.reduceat(cosine[:, order], starts, axis=1)
        return self._ridge(similar[:n], similar[n:]), nearest

    def _ridge(self, among: np.ndarray, held: np.ndarray) -> np.ndarray:
        n = len(among)
        counts = np.bincount(self.codes)
        root = 1.0 / np.sqrt(counts[self.codes])
        target = np.eye(len(counts))[self.codes] - 1.0 / len(counts)
        values, vectors = np.linalg.eigh(among * root[:, None] * root[None, :])
        projected = vectors.T @ (root[:, None] * target)
        seen = (held * root[None, :]) @ vectors
        scale = max(float(values.clip(0).sum()) / n, 1e-30)
        return np.stack(
            [seen @ (projected / (values.clip(0) + ridge * scale)[:, None]) for ridge in _RIDGES]
        )


def _told(
    parts: Sequence[_HeldOut], weights: Mapping[str, float]
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Of each part, scores of the held-out rows by both readouts.

    The penalty of a row is the one that does best on held-out rows of *other* classes: with one
    chosen on the row itself, whatever has more to choose from looks better than it is.
    """
    both = [part.readouts(weights) for part in parts]
    ranks = np.concatenate(
        [
            np.stack([_reciprocal_rank(scores, part.truth) for scores in ridge])
            for (ridge, _), part in zip(both, parts, strict=True)
        ],
        axis=1,
    )
    labels = np.concatenate([part.labels for part in parts])
    codes = np.unique(labels, return_inverse=True)[1]
    means = pd.DataFrame(ranks.T).groupby(codes).mean().to_numpy().T  # (penalties, classes)
    others = means.sum(axis=1, keepdims=True) - means
    penalty = others.argmax(axis=0)[codes]
    found, first = [], 0
    for (ridge, nearest), part in zip(both, parts, strict=True):
        rows = np.arange(len(part.truth))
        found.append((ridge[penalty[first + rows], rows], nearest))
        first += len(rows)
    return found


def _ranks(parts: Sequence[_HeldOut], weights: Mapping[str, float]) -> np.ndarray:
    """Reciprocal rank of the true class of each held-out row, the mean of two readouts."""
    return np.concatenate(
        [
            0.5 * (_reciprocal_rank(ridge, part.truth) + _reciprocal_rank(nearest, part.truth))
            for (ridge, nearest), part in zip(_told(parts, weights), parts, strict=True)
        ]
    )


def _standard(scores: np.ndarray) -> np.ndarray:
    spread = scores.std(axis=1, keepdims=True)
    return (scores - scores.mean(axis=1, keepdims=True)) / np.where(spread > 0, spread, 1.0)


def _reciprocal_rank(scores: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """One over the place of the true class; ties take the mean place."""
    own = scores[np.arange(len(scores)), truth][:, None]
    above, same = (scores > own).sum(axis=1), (scores == own).sum(axis=1)
    return 1.0 / (1.0 + above + 0.5 * (same - 1))


class Rival(NamedTuple):
    """One way to fuse, as it did on held-out training rows.

    Attributes
    ----------
    name : str
    score : float
        Mean reciprocal rank of the true class, classes alike.
    gain, errors : float
        The score less that of the best block alone, read out in the same way, and the same in
        standard errors over rows.
    """

    name: str
    score: float
    gain: float
    errors: float


def rivals(
    chosen: ChosenFusion, table: pd.DataFrame, labels: Sequence[str] | np.ndarray
) -> list[Rival]:
    """What else could have been done with the blocks, judged on the same held-out rows.

    Each block alone, all side by side at equal energy, those that were chosen; and fusions of what
    the blocks say of the classes: the mean of their scores, the mean of their ranks, and a logistic
    regression on their scores (stacking: Wolpert, Neural Netw. 5:241, 1992), learned on the other
    inner folds. A weighted sum of linear kernels is the weighted blocks side by side, so it is not
    a way of its own.

    Parameters
    ----------
    chosen : ChosenFusion
        Fitted on `table` and `labels`.
    table : DataFrame
    labels : sequence of str, shape (n,)

    Returns
    -------
    list of Rival
        Blocks first, each alone.
    """
    labels = np.asarray(labels)
    parts = [chosen._kernels(*part) for part in chosen._inner(table, labels)]
    parts = [part for part in parts if len(part.truth)]
    of, names = np.concatenate([part.labels for part in parts]), list(chosen.blocks)
    equal = dict.fromkeys(names, 1.0 / len(names))
    alone = {name: _told(parts, {name: 1.0}) for name in names}
    scores = [
        {name: np.mean([_standard(one) for one in told[number]], axis=0)
         for name, told in alone.items()}
        for number in range(len(parts))
    ]  # fmt: skip
    late = {
        "late-scores": [np.mean(list(one.values()), axis=0) for one in scores],
        "late-ranks": [
            np.mean([one.argsort(axis=1).argsort(axis=1) for one in own.values()], axis=0)
            for own in scores
        ],
        "stacking": _stacked(parts, scores),
    }
    sides = {name: {name: 1.0} for name in names}
    sides |= {"equal-energy": equal, "chosen": chosen.choice_.weights}
    found = {name: _ranks(parts, weights) for name, weights in sides.items()}
    found |= {
        name: np.concatenate(
            [_reciprocal_rank(one, part.truth) for one, part in zip(told, parts, strict=True)]
        )
        for name, told in late.items()
    }
    # what adds two readouts up is held against the best block's two readouts added up
    best = chosen.choice_.best
    added = [
        _reciprocal_rank(own[best], part.truth) for own, part in zip(scores, parts, strict=True)
    ]
    beside = dict.fromkeys(sides, found[best]) | dict.fromkeys(late, np.concatenate(added))
    return [
        Rival(name, _class_mean(ranks, of), *_gain(ranks - beside[name], of))
        for name, ranks in found.items()
    ]


def _stacked(parts: list[_HeldOut], scores: list[dict[str, np.ndarray]]) -> list[np.ndarray]:
    """Class scores by a logistic regression on those of the blocks, learned on other folds."""
    if len(parts) < 2:
        return [np.mean(list(own.values()), axis=0) for own in scores]
    stacks = [np.stack(list(own.values()), axis=-1) for own in scores]
    found = []
    for number, stack in enumerate(stacks):
        rest = [one for other, one in enumerate(stacks) if other != number]
        truths = [part.truth for other, part in enumerate(parts) if other != number]
        right = np.concatenate(
            [
                (np.arange(one.shape[1]) == truth[:, None]).ravel()
                for one, truth in zip(rest, truths, strict=True)
            ]
        )
        pairs = np.concatenate([one.reshape(-1, one.shape[-1]) for one in rest])
        model = LogisticRegression(class_weight="balanced").fit(pairs, right)
        found.append(stack @ model.coef_[0])
    return found


class Replicates(NamedTuple):
    """Similarities among wells that a choice may look at.

    Attributes
    ----------
    kernels : dict of str to ndarray, shape (n, n)
        Inner products of the wells in each block, blocks of equal energy.
    labels : ndarray of str, shape (n,)
        Their treatments.
    """

    kernels: Mapping[str, np.ndarray]
    labels: np.ndarray

    def without(self, names: Sequence[str]) -> Replicates:
        """The wells of other treatments only."""
        rows = np.flatnonzero(~np.isin(self.labels, list(names)))
        kernels = {name: one[np.ix_(rows, rows)] for name, one in self.kernels.items()}
        return Replicates(kernels, self.labels[rows])

    def precision(self, weights: Mapping[str, float]) -> np.ndarray:
        """Average precision of each well's replicates among all others, ties at their mean place.

        Returns
        -------
        ndarray, shape (n,)
            NaN for a well without a replicate.
        """
        fused = np.sum([share * self.kernels[name] for name, share in weights.items()], axis=0)
        norms = np.sqrt(np.maximum(np.diag(fused), 1e-30))
        cosine = fused / norms[:, None] / norms[None, :]
        np.fill_diagonal(cosine, -np.inf)
        codes = np.unique(self.labels, return_inverse=True)[1]
        found = np.full(len(codes), np.nan)
        for row, code in enumerate(codes):
            own = np.flatnonzero(codes == code)
            near = cosine[row, own[own != row]]
            if len(near):
                ordered = np.sort(cosine[row])
                above = len(codes) - np.searchsorted(ordered, near, side="right")
                reached = len(codes) - np.searchsorted(ordered, near, side="left")
                places = np.sort(0.5 * (above + 1 + reached))
                found[row] = np.mean(np.arange(1, len(near) + 1) / places)
        return found


def choose_by_replicates(parts: Sequence[Replicates], *, clear: float = 2.0) -> BlockChoice | None:
    """Blocks and shares by how well replicates find each other: forward selection, as elsewhere.

    Parameters
    ----------
    parts : sequence of Replicates
        Wells are compared within a part only. None of them may be scored with these shares by
        which treatment it has; their mechanisms have no say, and may be.
    clear : float
        Standard errors, over treatments, by which an added block must gain; there are fewer
        treatments than wells.

    Returns
    -------
    BlockChoice or None
        None where fewer than two treatments have replicates.
    """
    names = list(parts[0].kernels) if parts else []
    told: dict[tuple[tuple[str, float], ...], pd.Series] = {}

    def by_treatment(weights: Mapping[str, float]) -> pd.Series:
        key = tuple(sorted(weights.items()))
        if key not in told:
            found = [pd.Series(one.precision(weights)).groupby(one.labels).mean() for one in parts]
            told[key] = pd.concat(found).dropna()
        return told[key]

    if not names or len(by_treatment({names[0]: 1.0})) < 2:
        return None
    labels = by_treatment({names[0]: 1.0}).index.to_numpy()
    return _forward(names, lambda w: by_treatment(w).to_numpy(), labels=labels, clear=clear)


def _forward(
    names: list[str],
    ranks: Callable[[Mapping[str, float]], np.ndarray],
    *,
    labels: np.ndarray,
    clear: float,
) -> BlockChoice:
    """From the best block alone, add blocks as long as that is clearly better."""
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
        # as rarely by chance as with one block to add (Šidák)
        needed = norm.ppf(norm.cdf(clear) ** (1 / len(left)))
        if gain <= 0 or errors < needed:
            break
        weights, now = new, there
    total = _gain(now - alone[first], labels) if len(weights) > 1 else (0.0, 0.0)
    return BlockChoice(weights, means, tuple(tried), total)


def _class_mean(values: np.ndarray, labels: np.ndarray) -> float:
    return float(pd.Series(values).groupby(labels).mean().mean()) if len(values) else 0.0


def _gain(difference: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Mean difference, classes alike, and the same in standard errors over rows."""
    mean = _class_mean(difference, labels)
    if len(difference) < 2:
        return mean, 0.0
    spread = float(difference.std(ddof=1)) / np.sqrt(len(difference))
    return mean, float(mean / spread) if spread > 0 else 0.0
