"""Reported scores against what needs no image: majority share, chance, baselines, training."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from phenolens.audit.finding import number_of, percent
from phenolens.learn.nearest import unit_rows
from phenolens.profiles import CONTROL, TREATMENT, WELL_KEY
from phenolens.published.design import Score
from phenolens.published.tables import (
    DATA,
    DECLARATION,
    PREDICTION,
    Declared,
    Evidence,
    feature_values,
    placed_in,
    unchecked,
)
from phenolens.stats.average_precision import expected_average_precision
from phenolens.stats.intervals import bootstrap_mean, exact_interval

ACCURACY = ("accuracy", "test_accuracy")
TRAIN_ACCURACY = ("train_accuracy", "training_accuracy")
MAP = ("map", "mean_map", "mean_average_precision")
BASELINES = ("majority", "cell-count", "intensity", "position", "untrained", "shuffled-labels")
GAP = 0.1
AT_CHANCE = 1.2
LARGEST = 4000


def check_majority(declared: Declared) -> Iterable[Evidence]:
    """Accuracies that always naming the most frequent class would have reached."""
    found = [*_predicted(declared), *_reported(declared)]
    yield from found or [
        unchecked("majority-class", "no accuracy and no predictions are given with labelled rows")
    ]


def _reported(declared: Declared) -> Iterable[Evidence]:
    if declared.rows is None:
        return
    labels = declared.rows[TREATMENT][declared.tested].dropna()
    shares = labels.value_counts(normalize=True)
    if len(shares) < 2:
        return
    for score in declared.design.reported(*ACCURACY, "top5_accuracy", on="test"):
        top = 5 if score.metric.lower().startswith("top5") else 1
        yield _judged(score, share=float(shares.iloc[:top].sum()), labels=labels)


def _judged(score: Score, *, share: float, labels: pd.Series) -> Evidence:
    """A reported accuracy: its binomial interval, every image counted as independent."""
    n = score.n or len(labels)
    low, high = exact_interval(round(score.value * n), n)
    name = "top-5 accuracy" if score.metric.lower().startswith("top5") else "accuracy"
    what = (
        f"{name} of {score.representation}: {percent(score.value)} ({percent(low)} to "
        f"{percent(high)} with {number_of(n, 'image')}); always naming the most frequent "
        f"class{'' if name == 'accuracy' else 'es'} scores {percent(share)}."
    )
    where = score.representation
    if low > share:
        return Evidence("majority-class", "ok", where, what)
    return Evidence(
        "majority-class", "error", where, what,
        "The accuracy cannot be told from an answer that looks at no image; images of one well are "
        "no independent observations, so the honest interval is wider still.",
        "Report balanced accuracy and accuracy without controls beside the majority share, with "
        "wells as the unit.",
    )  # fmt: skip


def _predicted(declared: Declared) -> Iterable[Evidence]:
    """Predictions against the majority answer, paired by row, wells resampled."""
    rows = declared.rows
    if rows is None or PREDICTION not in rows:
        return
    part = rows[declared.tested & rows[PREDICTION].notna() & rows[TREATMENT].notna()]
    if part[TREATMENT].nunique() < 2:
        return
    counts = part[TREATMENT].astype(str).value_counts()
    truth, told = (part[c].astype(str).to_numpy() for c in (TREATMENT, PREDICTION))
    gain = (told == truth).astype(float) - (truth == counts.idxmax())
    well = pd.factorize(pd.MultiIndex.from_frame(part[list(WELL_KEY)]))[0]
    low, high = bootstrap_mean(gain, cluster=well, draws=1000)
    what = (
        f"predictions are right for {percent((told == truth).mean())} of "
        f"{number_of(len(part), 'row')} in {number_of(well.max() + 1, 'well')}, the majority "
        f"answer {counts.idxmax()!r} for {percent((truth == counts.idxmax()).mean())}; difference "
        f"{gain.mean():+.3f} ({low:+.3f} to {high:+.3f}, wells resampled)."
    )
    bad = low <= 0
    yield Evidence(
        "majority-class", "error" if bad else "ok", "predictions", what,
        "The predictions cannot be told from always naming the most frequent class." if bad else "",
        "Weight classes equally, and report balanced accuracy." if bad else "",
    )  # fmt: skip


def check_baselines(declared: Declared) -> Iterable[Evidence]:
    """Scores without what they must beat beside them."""
    if not declared.design.scores:
        yield unchecked("missing-baselines", "no scores are given")
        return
    given = {*declared.design.study.baselines, *(s.representation for s in declared.design.scores)}
    given = {name.lower().replace("_", "-").removeprefix("baseline:") for name in given}
    absent = [name for name in BASELINES if name not in given]
    if not absent:
        what = "Every score stands beside its baselines."
        yield Evidence("missing-baselines", "ok", "", what, basis=DECLARATION)
        return
    yield Evidence(
        "missing-baselines", "warning", ", ".join(absent),
        f"{len(absent)} of {len(BASELINES)} baselines are not reported: {', '.join(absent)}.",
        "A score may come from class sizes, cell number, brightness or position alone.",
        "Print them beside every score, made with the same split.",
        basis=DECLARATION,
    )  # fmt: skip


def check_gap(declared: Declared) -> Iterable[Evidence]:
    """Accuracy on training rows far above that on tested ones."""
    gaps = [*_declared_gaps(declared.design), *_predicted_gap(declared)]
    if not gaps:
        yield unchecked("train-test-gap", "no accuracy on training rows is given")
    for name, train, test, basis in gaps:
        wide = train - test > GAP
        yield Evidence(
            "train-test-gap", "warning" if wide else "ok", name,
            f"{name}: {percent(train)} right on training rows, {percent(test)} on tested ones.",
            "The model knows its training images, not what they have in common." if wide else "",
            "Train with augmentation and early stopping on wells of their own, and choose by "
            "those." if wide else "",
            basis=basis,
        )  # fmt: skip


def _declared_gaps(design: object) -> list[tuple[str, float, float, str]]:
    train = [*design.reported(*ACCURACY, on="train"), *design.reported(*TRAIN_ACCURACY)]
    test = {score.representation: score.value for score in design.reported(*ACCURACY, on="test")}
    return [
        (s.representation, s.value, test[s.representation], DECLARATION)
        for s in train
        if s.representation in test
    ]


def _predicted_gap(declared: Declared) -> list[tuple[str, float, float, str]]:
    rows = declared.rows
    if rows is None or PREDICTION not in rows or not declared.has_folds:
        return []
    right = (rows[PREDICTION].astype(str) == rows[TREATMENT].astype(str))[rows[PREDICTION].notna()]
    shares = right.groupby(declared.sides).mean()
    if not {"train", "test"} <= set(shares.index):
        return []
    return [("predictions", float(shares["train"]), float(shares["test"]), DATA)]


def check_chance_map(declared: Declared) -> Iterable[Evidence]:
    """Mean average precision beside its expectation for class sizes as they are."""
    rows = declared.rows
    if rows is None or not _can_rank(rows[TREATMENT]):
        yield unchecked("label-noise-in-map", "no rows of two labels, one of them repeated")
        return
    chance, plain = expected_map(rows[TREATMENT]), expected_map(rows[TREATMENT][~rows[CONTROL]])
    reported = [(s.representation, s.value, "reported") for s in declared.design.reported(*MAP)]
    reported += [(name, value, "recomputed") for name, value in _recomputed(declared)]
    told = f"A random order scores mAP {chance:.3f}"
    told += f", {plain:.3f} without controls" if np.isfinite(plain) else ""
    if not reported:
        yield _inflated(told, chance, plain)
    for name, value, how in reported:
        yield _map_finding(name, told, value=value, how=how, chance=chance)


def _can_rank(labels: pd.Series) -> bool:
    counts = labels.value_counts()
    return len(counts) > 1 and counts.max() > 1


def _inflated(told: str, chance: float, plain: float) -> Evidence:
    uneven = chance > 2 * plain
    return Evidence(
        "label-noise-in-map", "warning" if uneven else "ok", "", told + ".",
        "One frequent class sets what a raw mAP means." if uneven else "",
        "Report (mAP - chance) / (1 - chance), by treatment and without controls as queries."
        if uneven else "",
    )  # fmt: skip


def _map_finding(name: str, told: str, *, value: float, how: str, chance: float) -> Evidence:
    at_chance = value <= AT_CHANCE * chance
    scale = (value - chance) / (1 - chance)
    return Evidence(
        "label-noise-in-map", "error" if at_chance else "ok", name,
        f"{told}; {name} {how}: {value:.3f}, which is {scale:+.3f} from chance to perfect.",
        "The number is what class sizes give to any order: the labels have nothing to do with it, "
        "or do not belong to these rows." if at_chance else "",
        "Join labels by key, and report mAP beside its expectation." if at_chance else "",
    )  # fmt: skip


def expected_map(labels: pd.Series) -> float:
    """Expected mean average precision of a random order, over rows with a like-labelled other.

    Every row asks for the others of its label among all other labelled rows.
    """
    codes = pd.factorize(labels.dropna())[0]
    if not len(codes):
        return float("nan")
    size = np.bincount(codes)[codes]
    asked = size[size > 1]
    if not len(asked):
        return float("nan")
    total = np.full(len(asked), len(codes) - 1)
    return float(expected_average_precision(asked - 1, total).mean())


def _recomputed(declared: Declared) -> Iterable[tuple[str, float]]:
    for name, table in declared.embeddings.items():
        place = placed_in(declared.rows, table)
        if place is None or (place >= 0).sum() > LARGEST:
            continue
        kept = place >= 0
        labels = declared.rows[TREATMENT].iloc[place[kept]]
        if _can_rank(labels):
            yield name, mean_average_precision(feature_values(table)[kept], labels)


def mean_average_precision(values: np.ndarray, labels: pd.Series) -> float:
    """mAP of ranking all other labelled rows by cosine; rows alone in their label do not ask."""
    known = labels.notna().to_numpy()
    codes = pd.factorize(labels[known])[0]
    unit = unit_rows(values[known])
    order = np.argsort(-(unit @ unit.T), axis=1, kind="stable")
    own = order == np.arange(len(codes))[:, None]
    hit = (codes[order] == codes[:, None])[~own].reshape(len(codes), -1)
    found = np.cumsum(hit, axis=1) * hit / np.arange(1, len(codes))
    positive = hit.sum(axis=1)
    return float((found.sum(axis=1)[positive > 0] / positive[positive > 0]).mean())
