"""Representations that do not beat the best baseline."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from phenolens.audit.basis import AuditFinding
from phenolens.audit.results.audit import BASELINE, check, is_baseline, scores_of
from phenolens.words.numbers import portion as percent


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
        bad = row["low"] <= best["value"]
        yield AuditFinding(
            "baseline-not-beaten", "warning" if bad else "ok", row["representation"],
            f"Balanced accuracy of {row['representation']}: {percent(row['value'])} "
            f"({percent(row['low'])} to {percent(row['high'])}); best baseline "
            f"{best['representation'].removeprefix(BASELINE)}: {percent(best['value'])}.",
            "It need not have seen more than that baseline." if bad else "",
            "Call it better only where a paired comparison says so." if bad else "",
        )  # fmt: skip
