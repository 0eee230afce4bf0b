"""Mean average precision beside its expectation for class sizes as they are."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from phenolens.audit.basis import AuditFinding, unchecked
from phenolens.learn.nearest import unit_rows
from phenolens.profiles import CONTROL, TREATMENT
from phenolens.published.audit.audit import check
from phenolens.published.audit.declared import (
    Declared,
    feature_values,
    placed_in,
)
from phenolens.stats.average_precision import average_precision, expected_average_precision
from phenolens.stats.wells import Wells

MAP = ("map", "mean_map", "mean_average_precision")
AT_CHANCE = 1.2
LARGEST = 4000


@check(150)
def check_chance_map(declared: Declared) -> Iterable[AuditFinding]:
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


def _inflated(told: str, chance: float, plain: float) -> AuditFinding:
    uneven = chance > 2 * plain
    return AuditFinding(
        "label-noise-in-map", "warning" if uneven else "ok", "", told + ".",
        "One frequent class sets what a raw mAP means." if uneven else "",
        "Report (mAP - chance) / (1 - chance), by treatment and without controls as queries."
        if uneven else "",
    )  # fmt: skip


def _map_finding(name: str, told: str, *, value: float, how: str, chance: float) -> AuditFinding:
    at_chance = value <= AT_CHANCE * chance
    scale = (value - chance) / (1 - chance)
    return AuditFinding(
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
    wells = Wells(pd.DataFrame(), unit_rows(values[known].astype(np.float64)))
    scores = average_precision(wells, codes, reference=np.ones(len(codes), dtype=bool))
    return float(np.nanmean(scores.value))
