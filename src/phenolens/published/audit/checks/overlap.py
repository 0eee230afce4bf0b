"""Tested rows that a representation learned from."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from phenolens.audit.basis import AuditFinding, unchecked
from phenolens.profiles import WELL_KEY
from phenolens.published.audit.audit import check
from phenolens.published.audit.declared import HASH, Declared, feature_frame, key_columns, placed_in

CODE = "test-rows-in-training"
ENOUGH_COLUMNS = 8


@check(70)
def check_overlap(declared: Declared) -> Iterable[AuditFinding]:
    """Tested rows that a representation learned from."""
    if declared.rows is None:
        yield unchecked(CODE, "rows")
        return
    found = [*_learned(declared), *_scored_on_training(declared), *_copies(declared)]
    yield from found or [unchecked(CODE, "trained-rows")]


def _learned(declared: Declared) -> Iterable[AuditFinding]:
    """Representations that learned from tested rows, by their table of keys or as declared."""
    names = {item.name for item in declared.declaration.representations} | {*declared.trained}
    for name in sorted(names):
        rows = declared.trained_rows(name)
        if rows is None:
            continue
        both = int((rows & declared.tested).sum())
        blind = declared.declaration.representation(name).supervised is False
        yield AuditFinding(
            CODE,
            "ok" if not both else "warning" if blind else "error",
            {"representation": name},
            {
                "learned": int(rows.sum()),
                "both": both,
                "tested": int(declared.tested.sum()),
                "blind": blind,
            },
            "data" if name in declared.trained else "declaration",
            "declared-learned-rows",
        )


def _scored_on_training(declared: Declared) -> Iterable[AuditFinding]:
    """Scores over all rows of a representation that learned labels of some."""
    said = declared.declaration
    for name in sorted({score.representation for score in said.scores if score.on == "all"}):
        item, rows = said.representation(name), declared.trained_rows(name)
        if rows is None or not rows.any() or item.supervised is not True:
            continue
        metrics = [s.metric for s in said.scores if s.representation == name and s.on == "all"]
        values = {"metrics": metrics, "learned": int(rows.sum()), "rows": len(rows)}
        about = {"representation": name}
        yield AuditFinding(CODE, "error", about, values, "declaration", "declared-scored-on-all")


def _copies(declared: Declared) -> Iterable[AuditFinding]:
    """The same key, image or embedding in several folds."""
    rows = declared.rows
    if rows is None or not declared.has_folds:
        return
    kinds = {"key": _key_codes(rows), "image": _hash_codes(rows)}
    kinds |= {f"embedding of {n}": _vector_codes(declared, n) for n in sorted(declared.embeddings)}
    for kind, codes in kinds.items():
        if codes is None:
            continue
        shared = _shared(codes, declared.fold_codes)
        if len(shared):
            wells = ["/".join(key) for key in _wells(rows, shared)]
            values = {"kind": kind, "rows": len(shared)}
            yield AuditFinding(CODE, "error", {"well": wells}, values, worded="declared-copies")
        elif kind == "image":
            yield AuditFinding(CODE, "ok", worded="declared-no-copies")


def _key_codes(rows: pd.DataFrame) -> np.ndarray | None:
    names = key_columns(rows)
    return rows.groupby(names, dropna=False).ngroup().to_numpy() if len(names) > 2 else None


def _hash_codes(rows: pd.DataFrame) -> np.ndarray | None:
    return pd.factorize(rows[HASH])[0] if HASH in rows else None


def _vector_codes(declared: Declared, name: str) -> np.ndarray | None:
    """Number of each row's distinct vector, -1 where few columns or one value allow coincidence."""
    rows, table = declared.rows, declared.embeddings[name]
    place = None if rows is None else placed_in(rows, table)
    if rows is None or place is None:
        return None
    values = feature_frame(table).to_numpy(np.float64)
    codes = np.full(len(rows), -1)
    real = (place >= 0) & (np.ptp(np.nan_to_num(values), axis=1) > 0)
    if real.any() and values.shape[1] >= ENOUGH_COLUMNS:
        codes[place[real]] = np.unique(values[real], axis=0, return_inverse=True)[1].ravel()
    return codes


def _shared(codes: np.ndarray, folds: np.ndarray) -> np.ndarray:
    """Rows whose code occurs in several folds."""
    used = np.flatnonzero((codes >= 0) & (folds >= 0))
    several = pd.Series(folds[used]).groupby(codes[used]).transform("nunique").to_numpy() > 1
    return used[several]


def _wells(rows: pd.DataFrame, chosen: np.ndarray) -> list[tuple[str, ...]]:
    part = rows.iloc[chosen][list(WELL_KEY)].drop_duplicates()
    return [tuple(map(str, key)) for key in part.to_numpy()]
