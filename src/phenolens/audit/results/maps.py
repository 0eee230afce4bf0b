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
        name, chance = row["representation"], row["low"] <= 0
        seen = f", raw mAP {raw[name]:.3f}" if name in raw else ""
        yield AuditFinding(
            "label-noise-in-map", "warning" if chance else "ok", name,
            f"Normalized mAP of {name}: {row['value']:.3f} ({row['low']:.3f} to {row['high']:.3f};"
            f" 0 is chance){seen}.",
            "As a whole, replicates are no nearer to each other than to controls." if chance
            else "",
            "Read it by treatment, with q." if chance else "",
        )  # fmt: skip
