"""Mean average precision beside chance."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from phenolens.audit.basis import AuditFinding
from phenolens.audit.results.audit import check, scores_of


@check(50)
def check_maps(pooled: pd.DataFrame) -> Iterable[AuditFinding]:
    """Mean average precision beside chance."""
    raw = scores_of(pooled, "activity", "mean_map").set_index("representation")["value"]
    for row in scores_of(pooled, "activity", "mean_map_normalized").to_dict("records"):
        grave = bool(row["low"] <= 0)
        values = {name: row[name] for name in ("value", "low", "high")}
        yield AuditFinding(
            "label-noise-in-map",
            "warning" if grave else "ok",
            {"representation": row["representation"]},
            values | {"raw": raw.get(row["representation"]), "grave": grave},
            worded="results-map",
        )
