"""Accuracy on training wells far above that on tested ones."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from phenolens.audit.basis import AuditFinding
from phenolens.audit.results.audit import check, is_baseline, scores_of

GAP = 0.1


@check(40)
def check_gap(pooled: pd.DataFrame) -> Iterable[AuditFinding]:
    """Accuracy on training wells far above that on tested ones."""
    found = scores_of(pooled, "classification", "train_test_gap")
    for row in found[~is_baseline(found)].to_dict("records"):
        grave = bool(row["value"] > GAP)
        yield AuditFinding(
            "train-test-gap",
            "warning" if grave else "ok",
            {"representation": row["representation"]},
            {"value": row["value"], "grave": grave},
            worded="results-gap",
        )
