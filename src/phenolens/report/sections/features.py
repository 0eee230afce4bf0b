"""Which features moved."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from phenolens.answers.tables import Tables
from phenolens.report.figures import bubbles
from phenolens.report.figures.bubbles import top_treatments
from phenolens.report.sections import Section, register
from phenolens.report.spaces import spaces_of
from phenolens.words.changes import compartment, described, how, stain
from phenolens.words.numbers import fixed, interval, p_value, plural, some

MOST, GROUPS = 8, 6


def view(tables: Tables) -> dict:
    if tables.features is None:
        return {"treatments": None}
    features, groups = tables.features, tables.table("feature_groups")
    moved = [_moved(features, name) for name in top_treatments(tables)]
    return {
        "treatments": moved,
        "spaces": spaces_of(tables.features),
        "groups": [] if groups is None else list(_changed(groups, tables)),
        "clusters": _clusters(tables),
    }


def _changed(groups: pd.DataFrame, tables: Tables) -> Iterator[dict]:
    """What the active treatments changed in words, with the numbers of their largest groups."""
    first = groups[groups["representation"] == groups["representation"].iloc[0]]
    active = [one.name for one in tables.ranked if one.active]
    for name in active or top_treatments(tables):
        rows = first[first["Metadata_Treatment"] == name].sort_values("rank")
        if not len(rows):
            continue
        called = rows[rows["direction"] != ""]
        yield {
            "name": name,
            "said": described(called.to_dict("records"), most=GROUPS),
            "called": f"{len(called)} of {len(rows)}",
            "wells": int(rows["n"].iloc[0]),
            "rows": [_group(row) for row in called.head(GROUPS).itertuples()],
        }


def _group(row: Any) -> dict:
    return {
        "where": compartment(row.compartment),
        "stain": "" if row.stain == "none" else stain(row.stain),
        "family": row.family,
        "how": how(row.property, row.direction),
        "change": fixed(row.change, 1),
        "effect": fixed(row.effect, 1),
        "between": interval(row.low, row.high, of=lambda value: fixed(value, 1)),
        "p": p_value(row.p_adjusted),
    }


def _clusters(tables: Tables) -> list[dict]:
    """What the treatments of each cluster have in common, the largest cluster first."""
    pooled, members = tables.table("feature_groups_clusters"), tables.table("clusters")
    if pooled is None or members is None:
        return []
    name = pooled["representation"].iloc[0]
    own = members[(members["representation"] == name) & (members["method"] == "kmeans-chosen")]
    told = []
    for number, rows in pooled[pooled["representation"] == name].groupby("pool"):
        called = rows[rows["direction"] != ""].sort_values("rank")
        held = own.loc[own["cluster"] == number, "Metadata_Treatment"]
        told.append(
            {
                "number": int(number),
                "treatments": plural(len(held), "treatment"),
                "names": some(held, most=4),
                "said": described(called.to_dict("records"), most=GROUPS),
            }
        )
    return told


def _moved(features: pd.DataFrame, name: str) -> dict:
    rows = features[features["Metadata_Treatment"] == name].nsmallest(MOST, "rank")
    return {
        "name": name,
        "features": [(r.feature, fixed(r.effect, 1), r.effect > 0) for r in rows.itertuples()],
    }


register(
    Section(
        key="features",
        title="What changed",
        order=60,
        view=view,
        template=Path(__file__).with_suffix(".html"),
        figures={"features": bubbles.draw},
    )
)
