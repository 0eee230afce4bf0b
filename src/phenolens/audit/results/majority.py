"""Accuracy beside that of always naming the most frequent class."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from phenolens.audit.basis import AuditFinding, unchecked
from phenolens.audit.results.audit import BASELINE, check, is_baseline, scores_of


@check(10)
def check_majority(pooled: pd.DataFrame) -> Iterable[AuditFinding]:
    """Accuracy beside that of always naming the most frequent class."""
    found = scores_of(pooled, "classification", "accuracy")
    known = found[found["representation"] == f"{BASELINE}majority"].set_index("split")["value"]
    if known.empty:
        yield unchecked("majority-class", "majority-in-results")
    for row in found[~is_baseline(found)].to_dict("records"):
        if row["split"] not in known:
            continue
        share = float(known[row["split"]])
        values = {name: row[name] for name in ("value", "low", "high", "n", "split")}
        yield AuditFinding(
            "majority-class",
            "warning" if row["low"] <= share else "ok",
            {"representation": row["representation"]},
            values | {"share": share, "grave": bool(row["low"] <= share)},
            worded="results-majority",
        )
