"""Is the class of a cell recognised in wells that were held out?"""

from __future__ import annotations

import pandas as pd

from phenolens.answers.answer import Answer
from phenolens.answers.read import read_finding
from phenolens.answers.tables import Tables
from phenolens.findings import Finding, worst_first
from phenolens.words import names


def answer(tables: Tables) -> Answer | None:
    """The best representation beside the best baseline; None where cells have no labels.

    It is doubtful where no interval lies above the baseline.
    """
    rows = tables.table("cell_scores")
    if rows is None:
        return None
    pooled = pooled_scores(rows)
    is_baseline = pooled["representation"].map(names.is_baseline).to_numpy()
    beside = pooled[is_baseline].sort_values("value", kind="stable").iloc[-1]
    details = tuple(worst_first(map(read_finding, tables.json("cell_findings") or [])))
    real = pooled[~is_baseline].sort_values("value", kind="stable")
    best = real.iloc[-1] if len(real) else beside
    values = {name: float(best[name]) for name in ("value", "low", "high")}
    values |= {"baseline": beside["representation"], "beside": float(beside["value"])}
    sure = bool(best["low"] > beside["value"])
    about = {"representation": best["representation"]}
    found = Finding("cells-recognised", "info" if sure else "warning", about, values)
    return Answer("cells", "answered" if sure else "doubtful", (found,), details, ("cells",))


def pooled_scores(rows: pd.DataFrame) -> pd.DataFrame:
    """Balanced accuracy of each representation and baseline over all tested cells."""
    kept = (rows["metric"] == "balanced_accuracy") & (rows["fold"].astype(str) == "all")
    return rows[kept]
