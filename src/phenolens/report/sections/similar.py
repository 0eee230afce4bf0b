"""Which treatments are similar: similarities, labels, map and clusters."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from phenolens.answers.reasons import own_spread
from phenolens.answers.refusals import reasons, refusals
from phenolens.answers.tables import Tables
from phenolens.findings import Finding
from phenolens.report.figures import clusters, matching, similarity, umap
from phenolens.report.figures.clusters import METHODS, methods
from phenolens.report.sections import Section, register
from phenolens.report.spaces import spaces_of
from phenolens.words import names
from phenolens.words.numbers import fixed, interval, listed, number, p_value, plural


def view(tables: Tables) -> dict:
    return {
        "spread": own_spread(tables),
        "similar": tables.of_lead(tables.similarity) is not None,
        "umap": tables.umap is not None,
        "unclustered": [why for why, _ in reasons(refusals(tables, "clustering"))],
        "clusters": _clusters(tables.of_lead(tables.clusters)),
        "matched": _matched(tables),
        "spaces": spaces_of(
            next((t for t in (tables.similarity, tables.umap) if t is not None), None)
        ),
    }


MOST_LABELS = 12


def _matched(tables: Tables) -> dict | None:
    """The labels whose treatments find one another, those of the lead that do best."""
    rows = tables.of_lead(tables.matching)
    if rows is None:
        return None
    about = {"representation": tables.lead}
    found = int((rows["q"] < tables.alpha).sum())
    counts = {"found": found, "mechanisms": len(rows), "alpha": tables.alpha}
    best = rows.sort_values(["q", "map_normalized"], ascending=[True, False], kind="stable")
    return {
        "found": Finding("mechanisms-found", "info", about, counts),
        "rows": [_label(row, tables.alpha) for _, row in best.head(MOST_LABELS).iterrows()],
        "rest": max(len(rows) - MOST_LABELS, 0),
        "near": _near(tables),
        "compounds": _compounds(tables),
        "spaces": spaces_of(tables.matching),
    }


def _label(row: pd.Series, alpha: float) -> dict:
    return {
        "label": row["label"],
        "n": number(int(row["n"])),
        "map": fixed(row["map"]),
        "normalized": fixed(row["map_normalized"]),
        "p": p_value(row["p"]),
        "q": p_value(row["q"]),
        "sure": bool(row["q"] < alpha),
    }


def _compounds(tables: Tables) -> bool:
    """Whether compounds are named, so that doses of one are no matches of one another."""
    known = tables.activity
    return known is not None and "Metadata_Compound" in known and known["Metadata_Compound"].any()


def _near(tables: Tables) -> list[str]:
    """How often the nearest treatment of another compound (and batch) shares the label."""
    rows = tables.of_lead(tables.results)
    if rows is None:
        return []
    rows = rows[rows["metric"].isin(["nsc_accuracy", "nscb_accuracy"])]
    return [
        f"{names.metric(row['metric'])}: {fixed(row['value'])} "
        f"({interval(row['low'], row['high'], of=fixed)}; {plural(int(row['n']), 'treatment')})"
        for _, row in rows.iterrows()
    ]


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


register(
    Section(
        key="similar",
        title="What looks similar",
        order=70,
        view=view,
        template=Path(__file__).with_suffix(".html"),
        figures={
            "similarity": similarity.draw,
            "matching": matching.draw,
            "umap": umap.draw,
            "clusters": clusters.draw,
        },
    )
)
