"""Representations that do not beat the best baseline."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from phenolens.audit.basis import AuditFinding
from phenolens.audit.results.audit import BASELINE, check, is_baseline, scores_of
from phenolens.findings import Severity


@check(20)
def check_beaten(pooled: pd.DataFrame) -> Iterable[AuditFinding]:
    """Representations that do not beat the best baseline, classes weighing equally."""
    found = scores_of(pooled, "classification", "balanced_accuracy")
    rivals = found[is_baseline(found)].sort_values("value", kind="stable")
    for row in found[~is_baseline(found)].to_dict("records"):
        same = rivals[rivals["split"] == row["split"]]
        if same.empty:
            continue
        best = same.iloc[-1]
        grave = bool(row["low"] <= best["value"])
        values = {name: row[name] for name in ("value", "low", "high")}
        best_of = {
            "baseline": best["representation"].removeprefix(BASELINE),
            "reached": float(best["value"]),
        }
        about = {"representation": row["representation"]}
        severity: Severity = "warning" if grave else "ok"
        yield AuditFinding(
            "baseline-not-beaten", severity, about, values | best_of | {"grave": grave}
        )
