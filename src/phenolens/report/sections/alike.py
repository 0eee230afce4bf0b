"""Which treatments look alike: similarities, map and clusters."""

from __future__ import annotations

import pandas as pd

from phenolens.report import names
from phenolens.report.figures.clusters import METHODS, methods
from phenolens.report.reasons import own_spread, refusals
from phenolens.report.tables import Tables
from phenolens.report.words import listed


def view(tables: Tables) -> dict:
    return {
        "spread": own_spread(tables),
        "similar": names.of_lead(tables, tables.similarity) is not None,
        "umap": tables.umap is not None,
        "unclustered": refusals(tables, "clustering"),
        "clusters": _clusters(names.of_lead(tables, tables.clusters)),
    }


def _clusters(rows: pd.DataFrame | None) -> dict | None:
    """What each cluster of the first method holds, the largest first."""
    if rows is None:
        return None
    method = methods(rows)[0]
    held = holdings(rows[rows["method"] == method])
    return {"method": METHODS.get(method, method), "rows": held}


def holdings(rows: pd.DataFrame) -> list[dict]:
    """What each cluster of one method holds, the largest first."""
    parts = [part for _, part in rows.groupby("cluster")]
    parts.sort(key=lambda part: (-len(part), part["cluster"].iloc[0]))
    return [_cluster(part) for part in parts]


def _cluster(part: pd.DataFrame) -> dict:
    return {
        "cluster": int(part["cluster"].iloc[0]),
        "n": len(part),
        "active": int(part["active"].sum()) if "active" in part else None,
        "mechanisms": _mechanisms(part),
        "treatments": listed(sorted(part["Metadata_Treatment"]), 12),
    }


def _mechanisms(part: pd.DataFrame) -> str:
    if "Metadata_Mechanism" not in part:
        return ""
    counts = part["Metadata_Mechanism"].dropna().value_counts()
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{name} ({n})" for name, n in ordered[:4])
