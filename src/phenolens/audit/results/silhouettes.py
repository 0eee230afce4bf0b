"""Silhouettes of treatments, never of clusters."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from phenolens.audit.basis import AuditFinding
from phenolens.audit.results.audit import check, scores_of


@check(60)
def check_silhouettes(pooled: pd.DataFrame) -> Iterable[AuditFinding]:
    """Silhouettes of treatments, never of clusters."""
    chance = scores_of(pooled, "silhouette", "silhouette_p").set_index("representation")["value"]
    for row in scores_of(pooled, "silhouette", "silhouette").to_dict("records"):
        name = row["representation"]
        values = {"value": row["value"], "p": float(chance.get(name, float("nan")))}
        about = {"representation": name}
        yield AuditFinding("clusters-as-labels", "ok", about, values, worded="results-silhouette")
