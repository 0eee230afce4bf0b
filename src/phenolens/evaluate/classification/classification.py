"""Can a representation tell the classes of held-out wells? Same folds and readouts for all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, clone
from threadpoolctl import threadpool_limits

from phenolens import profiles
from phenolens.errors import DesignError
from phenolens.evaluate.classification.candidate import Candidate
from phenolens.evaluate.classification.scores import METRICS, class_scores, ranks
from phenolens.evaluate.results import result, result_table
from phenolens.findings import Finding
from phenolens.learn.logistic import LogisticPath
from phenolens.learn.nearest import NearestProfile
from phenolens.profiles import WELL_KEY
from phenolens.splits import Folds
from phenolens.stats.intervals import bootstrap_weights, percentile_interval

TASK = "classification"
__all__ = ["TASK", "Candidate", "Classification", "class_table", "classify", "default_heads"]


@dataclass(frozen=True)
class Classification:
    """What classifying gave.

    Attributes
    ----------
    results : DataFrame
        The long result table.
    predictions : DataFrame
        One row per representation, task and tested well: ``representation``, ``task``,
        ``Metadata_Plate``, ``Metadata_Well``, ``fold``, ``label``, ``predicted``, ``correct``,
        ``rank`` (zero-based place of the true class), ``probability`` (of the true class) and
        ``confidence`` (of the predicted one; both NaN for readouts without probabilities),
        ``control``.
    probabilities : dict of (representation, task) to DataFrame
        Held-out probabilities, rows in the order of the predictions, one column per class (0 for a
        class that the fold did not train on); only for readouts that give probabilities.
    chosen : dict of str to list of str
        For a candidate that chooses among models, the one it took in each fold.
    choices : dict of str to list
        For a candidate that keeps a record of its choice (``choice_``), that of each fold.
    """

    results: pd.DataFrame
    predictions: pd.DataFrame
    probabilities: dict[tuple[str, str], pd.DataFrame]
    chosen: dict[str, list[str]]
    choices: dict[str, list[Any]]


def default_heads(*, unit: str | None = None) -> dict[str, BaseEstimator]:
    """The readouts every representation gets: tuned logistic regression and nearest neighbour."""
    return {"logistic": LogisticPath(unit=unit), "nearest": NearestProfile()}


def classify(
    candidates: Sequence[Candidate],
    folds: Folds,
    *,
    seed: int,
    label: str | None = None,
    heads: Mapping[str, BaseEstimator] | None = None,
    n_bootstrap: int = 1000,
) -> Classification:
    """Fit each candidate on each fold's training wells and score the wells held out.

    Parameters
    ----------
    candidates : sequence of Candidate
    folds : Folds
    seed : int
        Of label shuffling and the bootstrap.
    label : str, optional
        The class column; that of the folds by default.
    heads : mapping of str to classifier, optional
        Readouts; :func:`default_heads` by default.
    n_bootstrap : int
        Draws of wells for the intervals.

    Returns
    -------
    Classification
        Tasks are ``classification: HEAD``; metrics those of ``scores.METRICS``, the same with
        ``_without_controls``, ``train_accuracy`` and ``train_test_gap``.

    Raises
    ------
    InputError
        If a table has more than one row per well.
    DesignError
        If a candidate has no well that the folds test.
    """
    heads = default_heads(unit=_inner_unit(folds)) if heads is None else heads
    rows, found = [], []
    shares: dict[tuple[str, str], pd.DataFrame] = {}
    chosen: dict[str, list[str]] = {}
    choices: dict[str, list[Any]] = {}
    for candidate in candidates:
        profiles.require_unique(candidate.table, WELL_KEY)
        ranking = _CrossValidation(candidate, folds, label=label or str(folds.label), seed=seed)
        # Two BLAS threads that share a core make these small products ten times slower; one
        # thread also fixes the order of summation.
        with threadpool_limits(limits=1):
            frame = ranking.predict(heads)
        for _, part in frame.groupby("task", sort=True):
            found.append(part)
            rows += _score_rows(part, split=folds.leave_out, draws=n_bootstrap, seed=seed)
            rows += _gap_rows(part, split=folds.leave_out)
        shares |= ranking.shares()
        if ranking.chosen:
            chosen[candidate.name] = ranking.chosen
        if ranking.choices:
            choices[candidate.name] = ranking.choices
    predictions = pd.concat(found, ignore_index=True).drop(columns="train_accuracy")
    return Classification(result_table(rows), predictions, shares, chosen, choices)


def _inner_unit(folds: Folds) -> str | None:
    return folds.unit if folds.leave_out != "well" else None


@dataclass(frozen=True)
class _FoldWells:
    """One fold of one candidate: training rows, their labels, and held-out rows."""

    fold: int
    seen: pd.DataFrame
    labels: np.ndarray
    held: pd.DataFrame
    truth: np.ndarray


class _CrossValidation:
    """One candidate going through all folds."""

    def __init__(self, candidate: Candidate, folds: Folds, *, label: str, seed: int) -> None:
        self.candidate, self.folds, self.seed = candidate, folds, seed
        self.truth = pd.Series(profiles.column(candidate.table, label)).astype(str).to_numpy()
        self.chosen: list[str] = []
        self.choices: list[Any] = []
        self._shares: dict[str, list[pd.DataFrame]] = {}

    def shares(self) -> dict[tuple[str, str], pd.DataFrame]:
        """Held-out probabilities by representation and task, folds below one another."""
        joined = {task: pd.concat(parts).fillna(0.0) for task, parts in self._shares.items()}
        return {
            (self.candidate.name, task): part.sort_index(axis=1).reset_index(drop=True)
            for task, part in joined.items()
        }

    def predict(self, heads: Mapping[str, BaseEstimator]) -> pd.DataFrame:
        """Predictions for every tested well, with the fold's training accuracy."""
        found = [frame for part in self._parts() for frame in self._fold(part, heads)]
        if not found:
            about = {"representation": self.candidate.name}
            raise DesignError(Finding("no-well-tested", "error", about))
        return pd.concat(found, ignore_index=True).assign(representation=self.candidate.name)

    def _parts(self) -> Iterator[_FoldWells]:
        table = self.candidate.table
        for fold, train, test in self.folds.iterate(table):
            labels = self.truth[train]
            test = test[np.isin(self.truth[test], labels)]
            if self.candidate.shuffle_labels:
                labels = np.random.default_rng([self.seed, fold]).permutation(labels)
            if test.size:
                own = self.candidate.for_fold(fold)
                seen, held = profiles.take(own, train), profiles.take(own, test)
                yield _FoldWells(fold, seen, labels, held, self.truth[test])

    def _fold(self, part: _FoldWells, heads: Mapping[str, BaseEstimator]) -> list[pd.DataFrame]:
        model = clone(self.candidate.pipeline)
        if part.fold in self.candidate.inner:
            model.set_params(inner=self.candidate.inner[part.fold])
        model.fit(part.seen, part.labels)
        if hasattr(model, "chosen_"):
            self.chosen.append(model.chosen_)
        if hasattr(model, "choice_"):
            self.choices.append(model.choice_)
        if hasattr(model, "predict"):
            return [self._predictions_of(model, part, TASK)]
        part = replace(
            part,
            seen=_frame(model.transform(part.seen), part.seen.index),
            held=_frame(model.transform(part.held), part.held.index),
        )
        return [
            self._predictions_of(clone(head).fit(part.seen, part.labels), part, f"{TASK}: {name}")
            for name, head in heads.items()
        ]

    def _predictions_of(self, model: BaseEstimator, part: _FoldWells, task: str) -> pd.DataFrame:
        scores = class_table(model, part.held)
        if hasattr(model, "predict_proba"):
            frame = pd.DataFrame(scores, columns=model.classes_)
            self._shares.setdefault(task, []).append(frame)
        return _predictions_of(model, part, task=task, scores=scores)


def _predictions_of(
    model: BaseEstimator, part: _FoldWells, *, task: str, scores: np.ndarray
) -> pd.DataFrame:
    """What one fitted classifier says about the held-out wells."""
    own, best = np.searchsorted(model.classes_, part.truth), scores.argmax(axis=1)
    rows = np.arange(len(scores))
    sure = hasattr(model, "predict_proba")
    return profiles.metadata(part.held)[list(WELL_KEY)].assign(
        task=task,
        fold=part.fold,
        label=part.truth,
        predicted=model.classes_[best],
        correct=own == best,
        rank=ranks(scores, own),
        probability=scores[rows, own].astype(float) if sure else np.nan,
        confidence=scores[rows, best].astype(float) if sure else np.nan,
        control=profiles.is_control(part.held),
        train_accuracy=float(np.mean(model.predict(part.seen) == part.labels)),
    )


def class_table(model: BaseEstimator, table: pd.DataFrame) -> np.ndarray:
    """Scores of shape (n_rows, n_classes): probabilities where the model has them."""
    scorer: Callable = getattr(model, "predict_proba", None) or getattr(
        model, "scores", model.decision_function
    )
    return np.asarray(scorer(table))


def _frame(values: object, index: pd.Index) -> pd.DataFrame:
    """Readouts may need the row index, which plain scikit-learn steps drop."""
    return values if isinstance(values, pd.DataFrame) else pd.DataFrame(values, index=index)


def _score_rows(predictions: pd.DataFrame, *, split: str, draws: int, seed: int) -> list[dict]:
    """Pooled scores with intervals, and scores by fold, with and without the control wells."""
    rows = []
    subsets = {
        "": np.ones(len(predictions), dtype=bool),
        "_without_controls": ~predictions["control"].to_numpy(),
    }
    for suffix, chosen in subsets.items():
        part = predictions[chosen]
        if len(part):
            weights = bootstrap_weights(len(part), n_draws=draws, seed=seed)
            rows += _rows(part, weights, suffix=suffix, split=split, fold="all")
        for fold, one in part.groupby("fold"):
            rows += _rows(one, np.ones((1, len(one))), suffix=suffix, split=split, fold=int(fold))
    return rows


def _rows(
    predictions: pd.DataFrame, weights: np.ndarray, *, suffix: str, split: str, fold: int | str
) -> list[dict]:
    name, task = predictions["representation"].iloc[0], predictions["task"].iloc[0]
    values = _scores(predictions, weights)
    return [
        result(
            name,
            task,
            metric + suffix,
            value=values[metric][0],
            n=len(predictions),
            split=split,
            fold=fold,
            interval=percentile_interval(values[metric][1:]),
        )
        for metric in METRICS
    ]


def _scores(predictions: pd.DataFrame, weights: np.ndarray) -> dict[str, np.ndarray]:
    truth, predicted = (predictions[c].to_numpy(str) for c in ("label", "predicted"))
    return class_scores(truth, predicted, predictions["rank"].to_numpy(), weights=weights)


def _gap_rows(predictions: pd.DataFrame, *, split: str) -> list[dict]:
    """Training accuracy and its distance to the test accuracy, by fold and on average."""
    name, task = predictions["representation"].iloc[0], predictions["task"].iloc[0]
    by_fold = predictions.groupby("fold").agg(
        train=("train_accuracy", "first"), test=("correct", "mean")
    )
    by_fold["n"] = predictions.groupby("fold").size()
    parts = [(fold, row["train"], row["test"], row["n"]) for fold, row in by_fold.iterrows()]
    parts.append(("all", by_fold["train"].mean(), predictions["correct"].mean(), len(predictions)))
    rows = []
    for fold, train, test, n in parts:
        common = {"n": n, "split": split, "fold": fold}
        rows.append(result(name, task, "train_accuracy", value=train, **common))
        rows.append(result(name, task, "train_test_gap", value=train - test, **common))
    return rows
