"""Tested rows that a representation learned from."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from phenolens.audit.basis import DATA, DECLARATION, AuditFinding, unchecked
from phenolens.profiles import WELL_KEY
from phenolens.published.audit.audit import check
from phenolens.published.audit.declared import (
    HASH,
    Declared,
    feature_frame,
    key_columns,
    placed_in,
)
from phenolens.words.numbers import plural as number_of
from phenolens.words.numbers import some as listed

ENOUGH_COLUMNS = 8


@check(70)
def check_overlap(declared: Declared) -> Iterable[AuditFinding]:
    """Tested rows that a representation learned from."""
    if declared.rows is None:
        yield unchecked("test-rows-in-training", "there is no table of rows")
        return
    found = [*_learned(declared), *_scored_on_training(declared), *_copies(declared)]
    yield from found or [
        unchecked("test-rows-in-training", "nothing says which rows were trained on")
    ]


def _learned(declared: Declared) -> Iterable[AuditFinding]:
    names = {item.name for item in declared.design.representations} | {*declared.trained}
    for name in sorted(names):
        rows = declared.trained_rows(name)
        if rows is None:
            continue
        basis = DATA if name in declared.trained else DECLARATION
        both = int((rows & declared.tested).sum())
        if both:
            yield _overlap(declared, name, both=both, basis=basis)
        else:
            what = f"{name} learned from {number_of(int(rows.sum()), 'row')}, none of them tested."
            yield AuditFinding("test-rows-in-training", "ok", name, what, basis=basis)


def _overlap(declared: Declared, name: str, *, both: int, basis: str) -> AuditFinding:
    blind = declared.design.representation(name).supervised is False
    return AuditFinding(
        "test-rows-in-training", "warning" if blind else "error", name,
        f"{name} learned from {number_of(both, 'row')} of {int(declared.tested.sum()):,} tested.",
        "It saw the tested images, though no label: how it does on new images is not known."
        if blind else "It was tested on images whose labels it was trained on.",
        "Fit it once per fold, on that fold's training rows only.",
        basis=basis,
    )  # fmt: skip


def _scored_on_training(declared: Declared) -> Iterable[AuditFinding]:
    """Scores over all rows of a representation that learned labels of some."""
    design = declared.design
    for name in sorted({score.representation for score in design.scores if score.on == "all"}):
        item, rows = design.representation(name), declared.trained_rows(name)
        if rows is None or not rows.any() or item.supervised is not True:
            continue
        metrics = [s.metric for s in design.scores if s.representation == name and s.on == "all"]
        yield AuditFinding(
            "test-rows-in-training", "error", name,
            f"{', '.join(metrics)} of {name} over all rows; {int(rows.sum()):,} of {len(rows):,} "
            "were trained on with their labels.",
            "Rows of one label lie together because the network was told to put them there.",
            "Score held-out rows, or labels that no network of the fold has seen.",
            basis=DECLARATION,
        )  # fmt: skip


def _copies(declared: Declared) -> Iterable[AuditFinding]:
    """The same key, image or embedding in several folds."""
    if not declared.has_folds:
        return
    rows, what = declared.rows, "test-rows-in-training"
    kinds = {"key": _key_codes(rows), "image": _hash_codes(rows)}
    kinds |= {f"embedding of {n}": _vector_codes(declared, n) for n in sorted(declared.embeddings)}
    for kind, codes in kinds.items():
        if codes is None:
            continue
        shared = _shared(codes, declared.fold_codes)
        text = f"{number_of(len(shared), 'row')} share their {kind} with a row of another fold."
        if len(shared):
            yield AuditFinding(
                what, "error", listed("/".join(k) for k in _names(rows, shared)), text,
                "The same image is on both sides of the split.",
                "Keep one row an image, and split afterwards.",
            )  # fmt: skip
        elif kind == "image":
            yield AuditFinding(what, "ok", "", "No image is in several folds, by its hash.")


def _key_codes(rows: pd.DataFrame) -> np.ndarray | None:
    names = key_columns(rows)
    return rows.groupby(names, dropna=False).ngroup().to_numpy() if len(names) > 2 else None


def _hash_codes(rows: pd.DataFrame) -> np.ndarray | None:
    return pd.factorize(rows[HASH])[0] if HASH in rows else None


def _vector_codes(declared: Declared, name: str) -> np.ndarray | None:
    """Number of each row's distinct vector, -1 where few columns or one value allow coincidence."""
    table = declared.embeddings[name]
    place = placed_in(declared.rows, table)
    if place is None:
        return None
    values = feature_frame(table).to_numpy(np.float64)
    codes = np.full(len(declared.rows), -1)
    real = (place >= 0) & (np.ptp(np.nan_to_num(values), axis=1) > 0)
    if real.any() and values.shape[1] >= ENOUGH_COLUMNS:
        codes[place[real]] = np.unique(values[real], axis=0, return_inverse=True)[1].ravel()
    return codes


def _shared(codes: np.ndarray, folds: np.ndarray) -> np.ndarray:
    """Rows whose code occurs in several folds."""
    used = np.flatnonzero((codes >= 0) & (folds >= 0))
    several = pd.Series(folds[used]).groupby(codes[used]).transform("nunique").to_numpy() > 1
    return used[several]


def _names(rows: pd.DataFrame, chosen: np.ndarray) -> list[tuple[str, ...]]:
    part = rows.iloc[chosen][list(WELL_KEY)].drop_duplicates()
    return [tuple(map(str, key)) for key in part.to_numpy()]
