"""Can a representation tell the classes of cells whose wells were held out?

Cells of a well are not independent: they share its medium, its place and its picture. What is held
out, and what intervals draw, is therefore whole wells or plates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from phenolens import profiles
from phenolens.errors import DesignError
from phenolens.evaluate.classification.baselines import MAJORITY, POSITION, SHUFFLED
from phenolens.findings import Finding
from phenolens.learn.components import Components
from phenolens.learn.logistic import LogisticPath
from phenolens.learn.select import FeatureSelector
from phenolens.profiles import CELL_LABEL, PLATE, WELL
from phenolens.splits.cells import CellFolds
from phenolens.stats.intervals import bootstrap_weights, percentile_interval

FEWEST_UNITS = 6
"""Fewer wells than this give no interval; nor does a class in fewer than half as many."""
TOGETHER = "Metadata_Together"


@dataclass(frozen=True)
class Interval:
    """What intervals draw.

    Attributes
    ----------
    over : str
        ``plate``, ``well``, ... or nothing where there are too few for any.
    units : int
        How many there are.
    """

    over: str
    units: int


def predict_cells(
    name: str,
    tables: Sequence[pd.DataFrame],
    cells: pd.DataFrame,
    folds: CellFolds,
    *,
    seed: int,
    shuffle: bool = False,
) -> pd.DataFrame:
    """Classify held-out cells by features: tuned logistic regression, every class weighing alike.

    Features are selected, standardized and reduced to 95 % of the variance on the cells that a
    fold learns from; the penalty is tuned on whole wells of those.

    Parameters
    ----------
    name : str
        Of the representation.
    tables : sequence of DataFrame
        Profile tables of the same cells in the same order, by what was fitted for each fold.
    cells : DataFrame
        Plain frame: the key of these rows, and ``Metadata_CellLabel``.
    folds : CellFolds
    seed : int
        Of the shuffling.
    shuffle : bool
        Permute the labels that each fold learns from, among the cells of each plate.

    Returns
    -------
    DataFrame
        One row a tested cell: its key, ``representation``, ``fold``, ``label``, ``predicted``,
        ``correct``, ``probability`` (of the true class) and ``confidence`` (of the predicted one).
    """
    label = cells[CELL_LABEL].to_numpy(dtype=object).astype(str)
    together = (cells[PLATE].astype(str) + "/" + cells[WELL].astype(str)).to_numpy()
    found = []
    for number, train, test in folds.iterate(cells):
        if not len(test):
            continue
        known = label[train]
        if shuffle:
            known = _shuffled(known, cells[PLATE].to_numpy()[train], seed=[seed, number])
        table = profiles.with_metadata(tables[number], {TOGETHER: together})
        seen, held = (profiles.take(table, rows) for rows in (train, test))
        model = make_pipeline(
            StandardScaler().set_output(transform="pandas"),
            FeatureSelector(max_outlier=None),  # what was not scaled on controls has no wild values
            Components(n_components=0.95),
        )
        readout = LogisticPath(unit=TOGETHER, balanced=True)
        # one thread fixes the order of summation, and small products are quicker with it
        with threadpool_limits(limits=1):
            readout.fit(model.fit_transform(seen), known)
            shares = readout.predict_proba(model.transform(held))
        found.append(_told(cells.iloc[test], number, shares, np.asarray(readout.classes_)))
    if not found:
        raise DesignError(Finding("no-cell-tested", "error", {"representation": name}))
    return pd.concat(found, ignore_index=True).assign(representation=name)


def predict_by_majority(cells: pd.DataFrame, folds: CellFolds) -> pd.DataFrame:
    """Always the most frequent class of the cells that a fold learns from."""
    found = []
    for number, train, test in folds.iterate(cells):
        share = cells[CELL_LABEL].iloc[train].value_counts(normalize=True).sort_index()
        shares = np.tile(share.to_numpy(), (len(test), 1))
        found.append(_told(cells.iloc[test], number, shares, share.index.to_numpy(str)))
    return pd.concat(found, ignore_index=True).assign(representation=MAJORITY)


def predict_by_position(cells: pd.DataFrame, folds: CellFolds) -> pd.DataFrame:
    """The class that was most at the same place of other plates, or the nearest one.

    Classes weigh alike, however many cells they have. This is what a score says where a class
    keeps its place on the plate.
    """
    places = profiles.well_position(cells[WELL].astype(str))
    label = cells[CELL_LABEL].to_numpy(dtype=object)
    found = []
    for number, train, test in folds.iterate(cells):
        classes, codes = np.unique(label[train].astype(str), return_inverse=True)
        seen, at = np.unique(places[train], axis=0, return_inverse=True)
        counts = np.zeros((len(seen), len(classes)))
        np.add.at(counts, (at.ravel(), codes), 1.0 / np.bincount(codes)[codes])
        wanted, rows = np.unique(places[test], axis=0, return_inverse=True)
        apart = np.square(wanted[:, None] - seen[None]).sum(axis=2)
        shares = (apart == apart.min(axis=1, keepdims=True)) @ counts
        shares /= shares.sum(axis=1, keepdims=True)
        found.append(_told(cells.iloc[test], number, shares[rows.ravel()], classes))
    return pd.concat(found, ignore_index=True).assign(representation=POSITION)


def shuffled_name(name: str) -> str:
    """What a representation is called that learned from shuffled labels."""
    return f"{SHUFFLED}:{name}"


def interval_of(predictions: pd.DataFrame, folds: CellFolds) -> Interval:
    """What the tested cells allow intervals to draw: what was held out, else wells, else nothing.

    There must be six, and three in which each class was tested.
    """
    of_wells = folds.wells.assign(well=folds.wells[PLATE] + "/" + folds.wells[WELL])
    tested = predictions.merge(of_wells.drop(columns="fold"), on=[PLATE, WELL])
    for over, column in ((folds.leave_out, "unit"), ("well", "well")):
        fewest = tested.groupby("label")[column].nunique().min()
        units = tested[column].nunique()
        if units >= FEWEST_UNITS and fewest >= FEWEST_UNITS // 2:
            return Interval(over, int(units))
    return Interval("", int(tested["well"].nunique()))


def score_cells(
    predictions: pd.DataFrame, folds: CellFolds, over: Interval, *, draws: int, seed: int
) -> pd.DataFrame:
    """Scores of one representation, pooled, by fold and by class.

    Parameters
    ----------
    predictions : DataFrame
        As :func:`predict_cells` gives them.
    folds : CellFolds
    over : Interval
    draws : int
        Of the cluster bootstrap.
    seed : int

    Returns
    -------
    DataFrame
        ``representation``, ``metric`` (``balanced_accuracy``, ``accuracy``, ``macro_f1``, and
        ``recall`` of each ``label``), ``split``, ``fold``, ``value``, ``low``, ``high``,
        ``interval_over``, ``n`` cells, ``n_wells``, ``n_plates``.
    """
    classes, codes = np.unique(
        np.concatenate([predictions["label"], predictions["predicted"]]).astype(str),
        return_inverse=True,
    )
    truth, named = np.split(codes, 2)
    unit = _unit_codes(predictions, folds, over)
    counts = np.zeros((unit.max() + 1, len(classes), len(classes)))
    np.add.at(counts, (unit, truth, named), 1.0)
    n_draws = draws if over.over else 0
    weights = bootstrap_weights(len(counts), n_draws=n_draws, seed=seed)
    pooled = _scores((weights @ counts.reshape(len(counts), -1)).reshape(-1, *counts.shape[1:]))
    rows = []
    for metric, values in pooled.items():
        for place, label in enumerate(classes if metric == "recall" else [""]):
            own = values[:, place] if metric == "recall" else values
            part = predictions if not label else predictions[predictions["label"] == label]
            if not len(part):
                continue
            low, high = percentile_interval(own[1:])
            rows.append(_row(metric, part, value=own[0], label=label, low=low, high=high))
    for fold, part in predictions.groupby("fold"):
        chosen = (predictions["fold"] == fold).to_numpy()
        one = np.zeros((1, len(classes), len(classes)))
        np.add.at(one[0], (truth[chosen], named[chosen]), 1.0)
        value = _scores(one)["balanced_accuracy"][0]
        rows.append(_row("balanced_accuracy", part, value=value, fold=str(fold)))
    name = predictions["representation"].iloc[0]
    return pd.DataFrame(rows).assign(
        representation=name, split=folds.split, interval_over=over.over
    )


def _shuffled(labels: np.ndarray, plates: np.ndarray, *, seed: list[int]) -> np.ndarray:
    rng, out = np.random.default_rng(seed), labels.copy()
    for plate in np.unique(plates.astype(str)):
        own = np.flatnonzero(plates.astype(str) == plate)
        out[own] = labels[rng.permutation(own)]
    return out


def _told(cells: pd.DataFrame, fold: int, shares: np.ndarray, classes: np.ndarray) -> pd.DataFrame:
    """What was said of held-out cells, whose classes are all among those that were learned."""
    truth, rows = cells[CELL_LABEL].to_numpy(dtype=object).astype(str), np.arange(len(cells))
    own, best = np.searchsorted(classes, truth), shares.argmax(axis=1)
    return cells.drop(columns=CELL_LABEL).assign(
        fold=fold,
        label=truth,
        predicted=classes[best],
        correct=own == best,
        probability=shares[rows, own].astype(float),
        confidence=shares[rows, best].astype(float),
    )


def _unit_codes(predictions: pd.DataFrame, folds: CellFolds, over: Interval) -> np.ndarray:
    """A number for each tested cell, the same for those that are drawn together."""
    if over.over in ("", "well"):
        return predictions.groupby([PLATE, WELL], sort=True).ngroup().to_numpy()
    units = predictions[[PLATE, WELL]].merge(folds.wells, on=[PLATE, WELL], how="left")["unit"]
    return pd.factorize(units, sort=True)[0]


def _scores(counts: np.ndarray) -> dict[str, np.ndarray]:
    """Scores of confusion matrices (draws, truth, named); NaN for what a draw does not hold."""
    hits = np.diagonal(counts, axis1=1, axis2=2)
    support, named = counts.sum(axis=2), counts.sum(axis=1)
    there = (support + named) > 0
    with np.errstate(invalid="ignore"):
        recall = hits / support
        f1 = np.where(there, 2 * hits / (support + named), np.nan)
        return {
            "balanced_accuracy": np.nanmean(recall, axis=1),
            "accuracy": hits.sum(axis=1) / support.sum(axis=1),
            "macro_f1": np.nanmean(f1, axis=1),
            "recall": recall,
        }


def _row(
    metric: str,
    part: pd.DataFrame,
    *,
    value: float,
    label: str = "",
    fold: str = "all",
    low: float = np.nan,
    high: float = np.nan,
) -> dict[str, str | float | int]:
    return {
        "metric": metric,
        "label": label,
        "fold": fold,
        "value": float(value),
        "low": float(low),
        "high": float(high),
        "n": len(part),
        "n_wells": int(part.groupby([PLATE, WELL]).ngroups),
        "n_plates": int(part[PLATE].nunique()),
    }
