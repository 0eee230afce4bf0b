"""Do the rows of an embedding belong to the labels they are scored against?

Keys that disagree are seen at once. Where there are none, the rows are asked: images of one well
are more alike than images of different wells of the same plate, unless rows and labels were
shuffled against each other. An order that restores the likeness, by sorting or by values shared
with a table that has keys, shows that they were.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from phenolens.audit.basis import AuditFinding, unchecked
from phenolens.findings import Severity
from phenolens.profiles import CONTROL, PLATE, TREATMENT, WELL_KEY
from phenolens.published.audit.audit import check
from phenolens.published.audit.declared import (
    LABEL,
    Declared,
    feature_frame,
    key_columns,
    placed_in,
)
from phenolens.published.audit.likeness import (
    Likeness,
    aligned_by_values,
    likeness,
    orders,
    standardized,
    structure,
    treatment_likeness,
)

CODE = "label-order"
ENOUGH = 5.0


@check(30)
def check_label_order(declared: Declared) -> Iterable[AuditFinding]:
    """Embeddings whose rows are not those of their labels."""
    found = list(_shuffled(declared)) + list(_wells_of_two_labels(declared))
    if declared.rows is not None:
        for name in declared.embeddings:
            found += _of_table(declared, declared.rows, name)
    yield from found or [unchecked(CODE, "rows-and-embeddings")]


def _shuffled(declared: Declared) -> Iterable[AuditFinding]:
    for item in declared.declaration.representations:
        if item.shuffled and item.labels_by == "order":
            about = {"representation": item.name}
            yield AuditFinding(CODE, "error", about, {}, "declaration", "declared-shuffled")


def _wells_of_two_labels(declared: Declared) -> Iterable[AuditFinding]:
    """Labels that change within a well belong to other rows."""
    if declared.rows is None:
        return
    labels = declared.rows.dropna(subset=[TREATMENT]).groupby(list(WELL_KEY))[TREATMENT].nunique()
    several = int((labels > 1).sum())
    if several:
        about, values = {"representation": "rows"}, {"several": several, "wells": len(labels)}
        yield AuditFinding(CODE, "error", about, values, worded="declared-two-labels")


def _of_table(declared: Declared, rows: pd.DataFrame, name: str) -> list[AuditFinding]:
    table = declared.embeddings[name]
    place = placed_in(rows, table)
    if place is None:
        about, values = {"representation": name}, {"table": len(table), "rows": len(rows)}
        return [AuditFinding(CODE, "error", about, values, worded="declared-no-keys")]
    keyed = set(WELL_KEY) <= set(key_columns(rows, table))
    found = _key_faults(declared, rows, name, place=place) if keyed else []
    kept = place >= 0
    if any(item.severity == "error" for item in found) or kept.sum() < 4:
        return found
    return found + _compared(declared, rows, _Embedding(name, table[kept], place[kept], keyed))


def _key_faults(
    declared: Declared, rows: pd.DataFrame, name: str, *, place: np.ndarray
) -> list[AuditFinding]:
    table, about = declared.embeddings[name], {"representation": name}
    known = place[place >= 0]
    lost, absent = int((place < 0).sum()), len(rows) - len(np.unique(known))
    twice = len(known) - len(np.unique(known))
    faults = []
    if lost or absent or twice:
        values = {"lost": lost, "absent": absent, "twice": twice, "table": len(table)}
        severity: Severity = "error" if lost > len(table) / 2 or twice else "warning"
        faults.append(AuditFinding(CODE, severity, about, values, worded="declared-keys-disagree"))
    if LABEL in table:
        own = table[LABEL][place >= 0].astype(str).to_numpy()
        wrong = own != rows[TREATMENT].iloc[known].astype(str).to_numpy()
        if wrong.any():
            values = {"wrong": int(wrong.sum()), "rows": len(wrong)}
            faults.append(
                AuditFinding(CODE, "error", about, values, worded="declared-labels-differ")
            )
    moved = not np.array_equal(place, np.arange(len(rows)))
    by_order = declared.declaration.representation(name).labels_by == "order"
    if moved and by_order and not (lost or absent):
        faults.append(AuditFinding(CODE, "error", about, {}, worded="declared-other-order"))
    return faults


@dataclass(frozen=True)
class _Embedding:
    """Rows of an embedding, where each stands among the labelled rows, and whether keys say so."""

    name: str
    table: pd.DataFrame
    place: np.ndarray
    keyed: bool


def _compared(declared: Declared, rows: pd.DataFrame, embedding: _Embedding) -> list[AuditFinding]:
    """Whether rows of one group are similar in the order assumed, and if not, in which."""
    unit = standardized(feature_frame(embedding.table))
    placed = rows.iloc[embedding.place].reset_index(drop=True)
    kind, groups = _groups(placed)
    if groups is None or unit.shape[1] == 0:
        return [unchecked(CODE, "two-rows-of-a-group", representation=embedding.name)]
    found = likeness(unit, groups, within=pd.factorize(placed[PLATE])[0])
    about = {"representation": embedding.name}
    values = {"group": kind, "keyed": embedding.keyed, **_numbers(found)}
    if found.p <= 0.01:
        wrong = None if embedding.keyed else _wells_exchanged(declared, embedding.name, unit)
        severity: Severity = "ok" if embedding.keyed else "info"
        fits = AuditFinding(CODE, severity, about, values, worded="declared-order-fits")
        return [wrong or fits]
    if not embedding.keyed:
        tried = _orders(declared, embedding.name)
        best = _beyond_doubt({how: _under(rows, unit, order) for how, order in tried.items()})
        if best is not None:
            return [_restored(embedding.name, kind, found, best=best)]
    real, null = structure(unit)
    grouped = bool(real > max(null) + 3 * np.std(null))
    values |= {"grouped": grouped, "nearest": float(real), "ungrouped": float(np.mean(null))}
    severity = "error" if grouped else "warning"
    return [AuditFinding(CODE, severity, about, values, worded="declared-order-lost")]


def _numbers(found: Likeness) -> dict[str, float]:
    return {"cosine": found.value, "shuffled": found.null, "p": found.p}


def _groups(placed: pd.DataFrame) -> tuple[str, np.ndarray | None]:
    """Wells where they hold several rows, otherwise treatments: codes, -1 for rows left out."""
    well = placed.groupby(list(WELL_KEY), dropna=False).ngroup().to_numpy()
    if np.bincount(well).max() > 1:
        return "well", well
    treated = placed[TREATMENT].where(~placed[CONTROL])
    codes = pd.factorize(treated)[0]
    known = codes[codes >= 0]
    repeated = len(known) > 0 and np.bincount(known).max() > 1
    return "treatment", codes if repeated else None


def _wells_exchanged(declared: Declared, name: str, unit: np.ndarray) -> AuditFinding | None:
    """Rows that moved well by well: wells still hold together, treatments do not."""
    rows = declared.rows
    assumed = None if rows is None else treatment_likeness(unit, rows)
    if rows is None or assumed is None or assumed.p <= 0.05:
        return None
    found = {
        how: treatment_likeness(unit, rows.iloc[order].reset_index(drop=True))
        for how, order in _orders(declared, name).items()
    }
    best = _beyond_doubt(found)
    return None if best is None else _restored(name, "treatment", assumed, best=best)


def _beyond_doubt(tried: Mapping[str, Likeness | None]) -> tuple[str, Likeness] | None:
    """The order under which rows of a group are most similar, where that is no chance."""
    found = {how: one for how, one in tried.items() if one is not None}
    if not found:
        return None
    how = max(found, key=lambda key: found[key].z)
    return (how, found[how]) if found[how].z > ENOUGH else None


def _orders(declared: Declared, name: str) -> dict[str, np.ndarray]:
    """Orders worth trying: by sorting, and by values that a table with keys shares."""
    rows, table = declared.rows, declared.embeddings[name]
    if rows is None:
        return {}
    tried = dict(orders(rows, fold=declared.fold_codes if declared.has_folds else None))
    known = {k: t for k, t in declared.embeddings.items() if k != name and _has_keys(rows, t)}
    return tried | aligned_by_values(table, _in_order(rows, known))


def _under(rows: pd.DataFrame, unit: np.ndarray, order: np.ndarray) -> Likeness | None:
    placed = rows.iloc[order].reset_index(drop=True)
    groups = _groups(placed)[1]
    if groups is None:
        return None
    return likeness(unit, groups, within=pd.factorize(placed[PLATE])[0], draws=49)


def _has_keys(rows: pd.DataFrame, table: pd.DataFrame) -> bool:
    return set(WELL_KEY) <= set(key_columns(rows, table))


def _in_order(rows: pd.DataFrame, known: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Tables with keys, in the order of the labelled rows; those that lack one are left out."""
    out = {}
    for name, table in known.items():
        place = placed_in(rows, table)
        if place is not None and np.array_equal(np.sort(place), np.arange(len(rows))):
            out[name] = feature_frame(table).iloc[np.argsort(place)].reset_index(drop=True)
    return out


def _restored(
    name: str, kind: str, assumed: Likeness, *, best: tuple[str, Likeness]
) -> AuditFinding:
    how, found = best
    values = {"group": kind, "order": how, "restored": found.value, **_numbers(assumed)}
    about = {"representation": name}
    return AuditFinding(CODE, "error", about, values, worded="declared-order-restored")
