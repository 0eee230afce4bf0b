"""Mean average precision beside its expectation for class sizes as they are."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from phenolens.audit.basis import AuditFinding, unchecked
from phenolens.findings import Severity
from phenolens.learn.nearest import unit_rows
from phenolens.profiles import CONTROL, TREATMENT
from phenolens.published.audit.audit import check
from phenolens.published.audit.declared import Declared, feature_values, placed_in
from phenolens.stats.average_precision import average_precision, expected_average_precision
from phenolens.stats.wells import Wells

CODE = "label-noise-in-map"
MAP = ("map", "mean_map", "mean_average_precision")
AT_CHANCE = 1.2
LARGEST = 4000


@check(150)
def check_chance_map(declared: Declared) -> Iterable[AuditFinding]:
    """Mean average precision beside its expectation for class sizes as they are."""
    rows = declared.rows
    if rows is None or not _can_rank(rows[TREATMENT]):
        yield unchecked(CODE, "repeated-labels")
        return
    chance, plain = expected_map(rows[TREATMENT]), expected_map(rows[TREATMENT][~rows[CONTROL]])
    order = {"chance": chance, "without_controls": plain if np.isfinite(plain) else None}
    found = [(s.representation, s.value, "reported") for s in declared.declaration.reported(*MAP)]
    found += [(name, value, "recomputed") for name, value in _recomputed(declared)]
    if not found:
        uneven = bool(chance > 2 * plain)
        severity: Severity = "warning" if uneven else "ok"
        yield AuditFinding(
            CODE, severity, {}, order | {"grave": uneven}, worded="declared-map-alone"
        )
    for name, value, how in found:
        grave = value <= AT_CHANCE * chance
        values = order | {"value": value, "how": how, "grave": grave}
        about = {"representation": name}
        severity = "error" if grave else "ok"
        yield AuditFinding(CODE, severity, about, values, worded="declared-map")


def _can_rank(labels: pd.Series) -> bool:
    counts = labels.value_counts()
    return len(counts) > 1 and counts.max() > 1


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
    rows = declared.rows
    for name, table in declared.embeddings.items():
        place = None if rows is None else placed_in(rows, table)
        if rows is None or place is None or (place >= 0).sum() > LARGEST:
            continue
        kept = place >= 0
        labels = rows[TREATMENT].iloc[place[kept]]
        if _can_rank(labels):
            yield name, mean_average_precision(feature_values(table)[kept], labels)


def mean_average_precision(values: np.ndarray, labels: pd.Series) -> float:
    """mAP of ranking all other labelled rows by cosine; rows alone in their label do not ask."""
    known = labels.notna().to_numpy()
    codes = pd.factorize(labels[known])[0]
    wells = Wells.of_unit(unit_rows(values[known].astype(np.float64)))
    scores = average_precision(wells, codes, reference=np.ones(len(codes), dtype=bool))
    return float(np.nanmean(scores.value))
