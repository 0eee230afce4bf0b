"""Can a representation tell the treatments of wells that were held out?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from phenolens import profiles
from phenolens.errors import DesignError
from phenolens.evaluate.classification import classification
from phenolens.evaluate.classification.baselines import (
    CHANCE,
    COUNT,
    INTENSITY,
    MAJORITY,
    POSITION,
    PROJECTION,
    SHUFFLED,
    chance,
    projections,
    shuffled,
)
from phenolens.evaluate.classification.baselines import baselines as baseline_candidates
from phenolens.evaluate.classification.calibration import calibration_results
from phenolens.evaluate.classification.candidate import Candidate
from phenolens.evaluate.classification.dose_order import dose_order
from phenolens.evaluate.results import join_results
from phenolens.findings import Finding
from phenolens.learn.choose_blocks import BlockChoice, ChosenFusion, InnerSplit
from phenolens.learn.components import Components
from phenolens.learn.logistic import LogisticPath
from phenolens.learn.metric import WithinClass
from phenolens.learn.nearest import NearestProfile
from phenolens.learn.select import FeatureSelector
from phenolens.memory import available
from phenolens.profiles import CELL_COUNT
from phenolens.represent.base import Card
from phenolens.schema.spaces import learned_in_folds
from phenolens.settings import LearnedMetric, LeaveOut, yes_or_no
from phenolens.splits import Folds
from phenolens.tools.block import Block, crossed_of
from phenolens.tools.compared import refuse_seen_wells, scale_of
from phenolens.tools.design import NO_TREATMENTS
from phenolens.tools.fusions import BLOCK_COLUMNS, choice_rows
from phenolens.tools.read import read
from phenolens.tools.representation import Profiles
from phenolens.tools.result import Result
from phenolens.tools.training import folds_held_out

if TYPE_CHECKING:
    from anndata import AnnData


def classify(
    data: str | Path | Sequence[str | Path] | pd.DataFrame | AnnData | Profiles,
    *,
    same_by: str | Sequence[str] | None = None,
    controls: str | Sequence[bool] | None = None,
    features: str | Sequence[str] | None = None,
    layer: str | None = None,
    obsm: str | None = None,
    normalized: bool | None = None,
    same_plate: str | Sequence[str] | None = None,
    distinct_plates: str | Sequence[str] | None = None,
    measurement: str | None = None,
    trained_on: str | Sequence[str] | None = None,
    labels_seen: str | Sequence[str] | None = None,
    leave_out: LeaveOut | None = None,
    max_folds: int | None = None,
    learned_metric: LearnedMetric | None = None,
    baselines: bool = True,
    bootstrap: int | None = None,
    seed: int | None = None,
) -> Result:
    """Classify held-out wells, beside every baseline; refused where no honest split exists.

    Folds leave out whole plates where treatments have several, else wells; each treatment that is
    tested is also trained on. Inside each fold features are selected, standardized and reduced to
    95 % of the variance on training wells only; the readouts are tuned logistic regression, every
    class weighing alike, and the nearest training profile.

    Parameters
    ----------
    data : path, list of paths, DataFrame, AnnData or Profiles
        Profiles, one row a well (cells and fields become wells); see :func:`phenolens.read`.
    same_by : str or list of str, optional
        Columns that name a perturbation; found by their usual names by default.
    controls : str or list of bool, optional
        Query for negative controls, or a mask; by convention by default.
    features : str or list of str, optional
        Prefix of the feature columns, or their names; by convention by default.
    layer, obsm : str, optional
        Layer or embedding of an AnnData to take instead of ``X``.
    normalized : bool, optional
        Whether the profiles were scaled on controls already; the values tell by default.
    same_plate, distinct_plates : str or list of str, optional
        Plates that are one, measured again (``"P1=P1_again"``), and plates that are not.
    measurement : str, optional
        Which of several measurements of a well counts: a query, or ``"average"``.
    trained_on, labels_seen : str or list of str, optional
        Wells and labels of this screen that the features learned from; see :func:`phenolens.read`.
    leave_out : str, optional
        What is held out, one of those of :data:`phenolens.settings.LeaveOut` [auto: the plate
        where treatments have several, else the well; or what the study used].
    max_folds : int, optional
        Largest number of folds [5, or what the study used].
    learned_metric : {"none", "within-class", "discriminant"}, optional
        Even out, by each fold's training wells, what wells of one treatment differ by;
        ``discriminant`` keeps the directions between treatments only [none, or what the study
        used].
    baselines : bool
        Score majority, cell count, mean intensity, plate position (by the best of several models)
        and a random projection too.
    bootstrap : int, optional
        Draws of wells behind an interval [1,000, or what the study used].
    seed : int, optional
        Seed of all draws [0, or what the study used].

    Returns
    -------
    Result
        ``table`` (also ``scores``): the long result table, tasks ``classification`` (logistic
        regression) and ``nearest-neighbour``; ``more["predictions"]``: one row a tested well;
        of a fusion ``more["fusion"]``: what each block told in each fold, and its share;
        ``summary``: scores by task, and the best baseline. The ``space`` of the position baseline
        names the models that were taken.

    Raises
    ------
    DesignError
        If no honest split exists, with the nearest design that has one.
    LeakError
        If the profiles were learned from wells that a fold tests.
    InputError
        If the data or a column cannot be used.
    ConfigError
        If a setting has a value it cannot have.

    Examples
    --------
    >>> import phenolens as pl
    >>> screen, truth = pl.simulate_profiles(seed=3)
    >>> found = pl.classify(screen, baselines=False, bootstrap=10)
    >>> found.summary["split"]
    'leave-plate-out'
    """
    baselines = yes_or_no("baselines", baselines)
    item = read(
        data, same_by=same_by, controls=controls, features=features, layer=layer, obsm=obsm,
        normalized=normalized, same_plate=same_plate,
        distinct_plates=distinct_plates, measurement=measurement,
        trained_on=trained_on, labels_seen=labels_seen, seed=seed,
    )  # fmt: skip
    item = item.with_settings(
        leave_out=leave_out, max_folds=max_folds, bootstrap=bootstrap,
        learned_metric=learned_metric,
    )  # fmt: skip
    folds, block, settings = item.design.folds, item.compared, item.settings
    if folds is None:
        item.require_treatments()
        raise DesignError(item.design.refused or NO_TREATMENTS)
    if folds.table.loc[folds.table["fold"] >= 0, "label"].nunique() < 2:
        raise DesignError(Finding("one-class-held-out", "error", {"representation": item.name}))
    _require_room(folds)
    folds = folds_held_out(folds, block)
    refuse_seen_wells(block, folds)
    own = candidate(block, folds, metric=settings.learned_metric)
    asked, findings = [own], []
    if not block.features:
        asked.append(shuffled(own))
    if baselines:
        table, lost = _countable(_finite(block.wells))
        if lost:
            findings.append(Finding("no-cell-count", "info", {}, {"wells": lost}))
        raw = _finite(item.normalized.wells)
        asked += baseline_candidates(table, seed=settings.seed, unit=_unit(folds), raw=raw)
    scored = classification.classify(
        asked, folds, seed=settings.seed, heads=_readouts(folds), n_bootstrap=settings.bootstrap
    )
    sure = calibration_results(
        scored, split=folds.leave_out, seed=settings.seed, n_bootstrap=settings.bootstrap
    )
    ordered = dose_order(scored, block.wells, split=folds.leave_out)
    rows = [scored.results, sure, ordered, *([chance(block.wells, folds)] if baselines else [])]
    scores = join_results(rows)
    split, spaces = f"leave-{folds.leave_out}-out", _spaces(item)
    if block.features:
        spaces[item.name] += f"; blocks: {_models(scored.chosen[item.name])}"
        findings += _blocks_chosen(block, own, scored.chosen[item.name])
    if baselines:
        spaces[POSITION] += f", by {_models(scored.chosen[POSITION])}"
    scores = join_results(
        [
            scores.assign(
                task=scores["task"].replace(_TASKS),
                split=split,
                space=scores["representation"].map(spaces),
            )
        ]
    )
    predictions = scored.predictions.replace({"task": _TASKS})
    predictions["space"] = predictions["representation"].map(spaces)
    return Result(
        question="classify",
        table=scores,
        summary=_summary(scores, item, folds, split=split),
        findings=(
            *item.findings,
            *item.position_findings,
            *findings,
            *_never_tested(folds),
            *item.space_findings(),
        ),
        settings=item.settings_with(baselines=baselines),
        scores=scores,
        more={"predictions": predictions} | _weighed(item, scored.choices.get(item.name, [])),
    )


def _require_room(folds: Folds) -> None:
    """Raise where a probability of each class for each well is more than memory holds."""
    tested = folds.table[folds.table["fold"] >= 0]
    wells, classes = len(tested), int(tested["label"].nunique())
    needed, room = 8 * 3 * wells * classes, available()
    if needed > room:
        values = {"classes": classes, "wells": wells, "needed": needed, "room": room}
        raise DesignError(Finding("classes-too-many", "error", {}, values))


_TASKS = {
    "classification: logistic": "classification",
    "classification: nearest": "nearest-neighbour",
}


def _spaces(item: Profiles) -> dict[str, str]:
    """What the values are that each candidate is judged by, in words."""
    steps = "selected, standardized, 95 % components"
    if item.settings.learned_metric != "none" and not item.compared.features:
        steps += f", {item.settings.learned_metric} metric"
    learned = learned_in_folds(item.space, steps)
    scale = item.space if item.stage == "compared" else scale_of(item.normalized)
    projected = projections(_finite(item.compared.wells))
    return {
        item.name: learned,
        f"{SHUFFLED}:{item.name}": learned,
        MAJORITY: "nothing",
        CHANCE: "nothing",
        POSITION: "row and column",
        COUNT: "cell counts",
        INTENSITY: f"mean intensities, {scale}",
        PROJECTION: f"{projected} random projections of: {item.space}",
    }


_DIRECTIONS = {"within-class": "all", "discriminant": "between"}


def candidate(block: Block, folds: Folds, *, metric: LearnedMetric = "none") -> Candidate:
    """The block with what is learned inside each fold, and its table for each fold."""
    components = PCA(0.95, svd_solver="full", random_state=0)
    learned = [] if metric == "none" else [WithinClass(directions=_DIRECTIONS[metric])]
    pipeline: BaseEstimator = make_pipeline(
        FeatureSelector(), StandardScaler(), components, *learned
    )
    inner = {}
    if block.features:
        steps = make_pipeline(FeatureSelector(), Components(n_components=0.95, standardize=True))
        inner = _cross_fitted(block, folds)
        judged = {
            name: columns
            for name, columns in block.features.items()
            if inner or name not in _learned_labels(block)
        }
        pipeline = ChosenFusion(judged or block.features, steps=steps, unit=_unit(folds))
    by_fold = {int(fold): table for fold, table in block.tables.items() if fold.isdigit()}
    return Candidate(block.name, block.wells, pipeline, by_fold=by_fold, inner=inner)


def _weighed(item: Profiles, choices: list[BlockChoice]) -> dict[str, pd.DataFrame]:
    """Of a fusion, what each block told in each fold, and its share."""
    if not item.block.features:
        return {}
    rows = [
        row
        for fold, choice in enumerate(choices)
        for row in choice_rows(choice, part=f"fold-{fold}", names=list(choice.alone))
    ]
    table = pd.DataFrame(rows).assign(task="classification")
    return {"fusion": table.reindex(columns=list(BLOCK_COLUMNS))}


def _learned_labels(block: Block) -> list[str]:
    """Blocks of a fusion that learned labels of wells that are here, and know these too well.

    Wells that a block made elsewhere learned labels from have been taken out of it: those left are
    strangers to it, training wells as much as tested ones, whatever labels it saw on others. So it
    may be judged on training wells, and takes part.
    """
    here = set(profiles.well_names(block.wells))
    return [
        part.name
        for part in block.made_of
        if any(card.labels_seen and _knows(card, here) for card in part.cards.values())
    ]


def _knows(card: Card, wells: set[str]) -> bool:
    """Whether it was fitted to some of these wells; one of ours that does not say so may have."""
    given = card.preprocessing.get("given")
    return bool(set(card.trained_on) & wells) or not (given or card.trained_on)


def _cross_fitted(block: Block, folds: Folds) -> dict[int, list[InnerSplit]]:
    """By fold, its training wells in tables made without some of them; see :func:`crossed`."""
    found: dict[int, list[InnerSplit]] = {}
    for name, table in block.tables.items():
        pair = crossed_of(name)
        if pair is None:
            continue
        cut = {fold: (train, test) for fold, train, test in folds.iterate(table)}
        train, other = cut[pair[0]][0], cut[pair[1]][1]
        labels = profiles.column(table, str(folds.label)).astype(str)[train]
        part = InnerSplit(profiles.take(table, train), labels, np.isin(train, other))
        found.setdefault(pair[0], []).append(part)
    return found


def _readouts(folds: Folds) -> dict[str, BaseEstimator]:
    """Readouts for every representation; each class weighs alike, or controls would drown all."""
    return {"logistic": LogisticPath(unit=_unit(folds), balanced=True), "nearest": NearestProfile()}


def _unit(folds: Folds) -> str | None:
    """What inner folds hold out whole."""
    return folds.unit if folds.leave_out != "well" else None


def _models(chosen: list[str]) -> str:
    """The models taken, most frequent first, with the number of folds where there are several."""
    counts = Counter(chosen).most_common()
    if len(counts) == 1:
        return counts[0][0]
    return ", ".join(f"{name} ({number} of {len(chosen)} folds)" for name, number in counts)


def _finite(wells: pd.DataFrame) -> pd.DataFrame:
    """Columns without missing values: baselines take no part in imputing.

    Where every column misses some, 0 stands in: the centre of the controls.
    """
    known = wells.notna().all(axis=0).to_numpy()
    return wells.loc[:, known] if known.any() else wells.fillna(0.0)


def _blocks_chosen(block: Block, own: Candidate, chosen: list[str]) -> list[Finding]:
    """Which blocks each fold took, and which could not be judged on its training wells."""
    about = {"representation": block.name}
    values = {"folds": len(chosen), "alone": sum("+" not in one for one in chosen)}
    found = [Finding("blocks-chosen", "info", about, values | {"chosen": chosen})]
    unjudged = [] if own.inner else _learned_labels(block)
    if unjudged:
        found.append(Finding("blocks-not-judged", "warning", about, {"blocks": unjudged}))
    return found


def _countable(wells: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """The wells without their cell counts where some are missing, and how many miss it."""
    if CELL_COUNT not in wells.index.names:
        return wells, 0
    missing = int(pd.isna(profiles.column(wells, CELL_COUNT)).sum())
    if not missing:
        return wells, 0
    kept = [name for name in wells.index.names if name != CELL_COUNT]
    return profiles.keep_metadata(wells, kept), missing


def _summary(scores: pd.DataFrame, item: Profiles, folds: Folds, *, split: str) -> dict[str, Any]:
    pooled = scores[(scores["fold"] == "all") & (scores["metric"] == "balanced_accuracy")]
    found: dict[str, Any] = {
        "representation": item.name,
        "split": split,
        "folds": folds.n_folds,
        "wells_tested": int((folds.table["fold"] >= 0).sum()),
        "classes": int(folds.table.loc[folds.table["fold"] >= 0, "label"].nunique()),
        "space": item.space,
    }
    first = pooled[pooled["task"] == "classification"]
    for row in first[first["representation"] == item.name].itertuples():
        found["balanced_accuracy"] = {"value": row.value, "low": row.low, "high": row.high}
    beside = first[first["representation"] != item.name].sort_values("value", kind="stable")
    for row in beside.tail(1).itertuples():
        found["best_baseline"] = {"value": row.value, "name": row.representation}
    for row in pooled.itertuples():
        name = "balanced_accuracy" if row.representation == item.name else row.representation
        found.setdefault(row.task, {})[name] = row.value
        if name == "balanced_accuracy":
            found[row.task] |= {"low": row.low, "high": row.high}
    return found


def _never_tested(folds: Folds) -> list[Finding]:
    left = folds.excluded()
    if not len(left):
        return []
    reasons = sorted(set(left["reason"].astype(str)))
    values = {"wells": int(left["n"].sum()), "reasons": reasons, "leave_out": folds.leave_out}
    return [Finding("wells-not-tested", "warning", {}, values)]
