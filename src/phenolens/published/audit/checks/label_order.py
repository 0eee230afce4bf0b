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

from phenolens.audit.basis import DECLARATION, AuditFinding, unchecked
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
from phenolens.words.numbers import plural as number_of
from phenolens.words.numbers import portion as percent

CODE = "label-order"
ENOUGH = 5.0
REMEDY = "Write plate, well and site beside every row when it is made, and join labels by them."


@check(30)
def check_label_order(declared: Declared) -> Iterable[AuditFinding]:
    """Embeddings whose rows are not those of their labels."""
    found = list(_shuffled(declared)) + list(_wells_of_two_labels(declared))
    if declared.rows is not None:
        for name in declared.embeddings:
            found += _of_table(declared, name)
    yield from found or [unchecked(CODE, "no rows and embeddings are given")]


def _shuffled(declared: Declared) -> Iterable[AuditFinding]:
    for item in declared.design.representations:
        if item.shuffled and item.labels_by == "order":
            yield AuditFinding(
                CODE, "error", item.name,
                f"{item.name} comes from a shuffling loader, its labels from the order of files.",
                "Every score against labels is chance.", REMEDY, basis=DECLARATION,
            )  # fmt: skip


def _wells_of_two_labels(declared: Declared) -> Iterable[AuditFinding]:
    """Labels that change within a well belong to other rows."""
    if declared.rows is None:
        return
    labels = declared.rows.dropna(subset=[TREATMENT]).groupby(list(WELL_KEY))[TREATMENT].nunique()
    several = int((labels > 1).sum())
    if several:
        yield AuditFinding(
            CODE, "error", "rows",
            f"{several} of {number_of(len(labels), 'well')} hold rows of several labels.",
            "A well was treated once: labels and rows were joined by order, or wrongly.",
            "Join labels by plate and well.",
        )  # fmt: skip


def _of_table(declared: Declared, name: str) -> list[AuditFinding]:
    rows, table = declared.rows, declared.embeddings[name]
    place = placed_in(rows, table)
    if place is None:
        what = f"{name} has {number_of(len(table), 'row')} without unique keys, for {len(rows):,}."
        return [
            AuditFinding(CODE, "error", name, what, "Which row is which cannot be known.", REMEDY)
        ]
    keyed = set(WELL_KEY) <= set(key_columns(rows, table))
    found = _key_faults(declared, name, place) if keyed else []
    kept = place >= 0
    if any(item.severity == "error" for item in found) or kept.sum() < 4:
        return found
    return found + _asked(declared, name, _Asked(table[kept], place[kept], keyed=keyed))


def _key_faults(declared: Declared, name: str, place: np.ndarray) -> list[AuditFinding]:
    rows, table = declared.rows, declared.embeddings[name]
    lost = int((place < 0).sum())
    absent = len(rows) - len(np.unique(place[place >= 0]))
    twice = int((place >= 0).sum()) - len(np.unique(place[place >= 0]))
    faults = []
    if lost or absent or twice:
        faults.append(_mismatch(name, lost, absent, twice=twice, rows=len(table)))
    if LABEL in table:
        faults += _own_labels(rows, table, place, name=name)
    moved = not np.array_equal(place, np.arange(len(rows)))
    if moved and not (lost or absent) and declared.design.representation(name).labels_by == "order":
        what = f"Rows of {name} are ordered otherwise than the labels, and were joined by order."
        faults.append(AuditFinding(CODE, "error", name, what, "Scores against labels do not hold.",
                               REMEDY))  # fmt: skip
    return faults


def _mismatch(name: str, lost: int, absent: int, *, twice: int, rows: int) -> AuditFinding:
    return AuditFinding(
        CODE, "error" if lost > rows / 2 or twice else "warning", name,
        f"Keys disagree: {lost} of {number_of(rows, 'row')} of {name} are not among the labelled "
        f"rows, {absent} labelled rows are not in {name}, {twice} occur twice.",
        "Scores leave rows out, or count them twice." if lost < rows else "No row has a label.",
        "Export both tables from the same list of images.",
    )  # fmt: skip


def _own_labels(
    rows: pd.DataFrame, table: pd.DataFrame, place: np.ndarray, *, name: str
) -> list[AuditFinding]:
    kept = place >= 0
    own = table[LABEL][kept].astype(str).to_numpy()
    wrong = own != rows[TREATMENT].iloc[place[kept]].astype(str).to_numpy()
    if not wrong.any():
        return []
    what = (
        f"Labels beside {name} differ from those of the same key in {int(wrong.sum()):,} of "
        f"{number_of(len(wrong), 'row')} ({percent(wrong.mean())})."
    )
    consequence = "Scores are against labels of other rows."
    return [AuditFinding(CODE, "error", name, what, consequence, REMEDY)]


@dataclass(frozen=True)
class _Asked:
    """Rows of an embedding, where each stands among the labelled rows, and whether keys say so."""

    table: pd.DataFrame
    place: np.ndarray
    keyed: bool


def _asked(declared: Declared, name: str, asked: _Asked) -> list[AuditFinding]:
    """Whether like belongs to like in the order that was assumed, and if not, in which."""
    unit = standardized(feature_frame(asked.table))
    placed = declared.rows.iloc[asked.place].reset_index(drop=True)
    kind, groups = _groups(placed)
    if groups is None or unit.shape[1] == 0:
        return [unchecked(CODE, f"{name} has no two rows of one well or treatment to compare")]
    plate = pd.factorize(placed[PLATE])[0]
    told = likeness(unit, groups, within=plate)
    if told.p <= 0.01:
        wrong = [] if asked.keyed else _wells_exchanged(declared, name, unit)
        return wrong or [_fits(name, kind, told, keyed=asked.keyed)]
    best = _restored(declared, name, unit) if not asked.keyed else None
    if best is not None:
        return [_restored_finding(name, kind, told, best=best)]
    return [_lost(name, kind, told, unit=unit, keyed=asked.keyed)]


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


def _fits(name: str, kind: str, told: Likeness, *, keyed: bool) -> AuditFinding:
    what = (
        f"Rows of {name} of one {kind} are alike (mean cosine {told.value:.3f}, {told.null:.3f} "
        f"when shuffled within plates, p {told.p:.3g})"
    )
    if keyed:
        return AuditFinding(CODE, "ok", name, what + ".")
    return AuditFinding(
        CODE, "info", name, what + "; they carry no keys, but their order fits.",
        "Nothing would show it if a few rows, or wells as a whole, were out of place.", REMEDY,
    )  # fmt: skip


def _wells_exchanged(declared: Declared, name: str, unit: np.ndarray) -> list[AuditFinding]:
    """Rows that moved well by well: a well is like itself all the same, a treatment is not."""
    rows = declared.rows
    told = treatment_likeness(unit, rows)
    if told is None or told.p <= 0.05:
        return []
    found = {
        how: treatment_likeness(unit, rows.iloc[order].reset_index(drop=True))
        for how, order in _orders(declared, name).items()
    }
    best = _beyond_doubt({how: other for how, other in found.items() if other is not None})
    return [] if best is None else [_restored_finding(name, "treatment", told, best=best)]


def _restored(declared: Declared, name: str, unit: np.ndarray) -> tuple[str, Likeness] | None:
    """The order under which rows of one well are most alike, if it is beyond doubt."""
    tried = _orders(declared, name)
    return _beyond_doubt({how: _under(declared.rows, unit, o) for how, o in tried.items()})


def _beyond_doubt(found: Mapping[str, Likeness]) -> tuple[str, Likeness] | None:
    if not found:
        return None
    how = max(found, key=lambda key: found[key].z)
    return (how, found[how]) if found[how].z > ENOUGH else None


def _orders(declared: Declared, name: str) -> dict[str, np.ndarray]:
    """Orders worth trying: by sorting, and by values that a table with keys shares."""
    rows, table = declared.rows, declared.embeddings[name]
    tried = dict(orders(rows, fold=declared.fold_codes if declared.has_folds else None))
    known = {k: t for k, t in declared.embeddings.items() if k != name and _has_keys(rows, t)}
    return tried | aligned_by_values(table, _in_order(rows, known))


def _under(rows: pd.DataFrame, unit: np.ndarray, order: np.ndarray) -> Likeness:
    placed = rows.iloc[order].reset_index(drop=True)
    return likeness(unit, _groups(placed)[1], within=pd.factorize(placed[PLATE])[0], draws=49)


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


def _restored_finding(
    name: str, kind: str, told: Likeness, *, best: tuple[str, Likeness]
) -> AuditFinding:
    how, found = best
    return AuditFinding(
        CODE, "error", name,
        f"In the order of the labels, rows of {name} of one {kind} are no more alike than any "
        f"(mean cosine {told.value:.3f}, p {told.p:.2g}); {how} they are ({found.value:.3f}).",
        "Labels belong to other rows: every score against them is chance.", REMEDY,
    )  # fmt: skip


def _lost(name: str, kind: str, told: Likeness, *, unit: np.ndarray, keyed: bool) -> AuditFinding:
    """No order was found: do the rows fall into groups at all?"""
    real, null = structure(unit)
    grouped = real > max(null) + 3 * np.std(null)
    what = (
        f"Rows of {name} of one {kind} are no more alike than any of their plate (mean cosine "
        f"{told.value:.3f}, p {told.p:.2g})"
    )
    if grouped:
        what += (
            f", though rows do fall into groups (nearest neighbour's cosine {real:.2f}, "
            f"{np.mean(null):.2f} without groups)"
        )
    return AuditFinding(
        CODE, "error" if grouped else "warning", name, what + ".",
        f"The {'keys' if keyed else 'rows'} were shuffled against the embedding." if grouped else
        "The rows were shuffled against their labels, or the embedding holds nothing of the image; "
        "a table cannot tell which.",
        REMEDY,
    )  # fmt: skip
