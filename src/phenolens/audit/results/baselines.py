"""Baselines that are missing beside the scores."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from phenolens.audit.basis import AuditFinding
from phenolens.audit.results.audit import BASELINE, check, scores_of
from phenolens.findings import Severity

EXPECTED = ("majority", "cell-count", "intensity", "position", "shuffled-labels")


@check(30)
def check_baselines(pooled: pd.DataFrame) -> Iterable[AuditFinding]:
    """Baselines that are missing beside the scores."""
    found = scores_of(pooled, "classification", "accuracy")
    if found.empty:
        return
    given = {name.removeprefix(BASELINE).split(":")[0] for name in found["representation"]}
    absent = [name for name in EXPECTED if name not in given]
    severity: Severity = "ok" if not absent else "warning" if "majority" in absent else "info"
    about = {"baseline": absent}
    yield AuditFinding("missing-baselines", severity, about, worded="results-baselines")
