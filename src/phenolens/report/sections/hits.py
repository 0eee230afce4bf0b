"""The table of treatments, best first."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from phenolens import words
from phenolens.answers.quality import LOST
from phenolens.answers.tables import Tables
from phenolens.answers.treatments import Treatment, common_doubts
from phenolens.profiles import TREATMENT
from phenolens.report.sections import Section, register
from phenolens.report.spaces import computed_on
from phenolens.words import names
from phenolens.words.changes import described
from phenolens.words.numbers import NONE, fixed, missing, number, p_value, percent

GROUPS = 3
IN_WORDS = f"Up to {GROUPS} groups of features that changed most are told."
IN_FEATURES = "Up to three features that moved most are shown, in robust z."


@dataclass(frozen=True)
class Hit:
    """One row, with plain values to sort by beside the text to show."""

    treatment: str
    also: str
    mechanism: str
    wells: str
    active: bool
    tested: bool
    map: float | None
    low: float | None
    high: float | None
    q: str
    q_value: float | None
    cells: str
    cells_value: float | None
    lost: bool
    similar: list[tuple[str, str]]
    changed: str
    features: list[tuple[str, str]]
    doubts: str


def view(tables: Tables) -> dict:
    found = tables.ranked
    common = common_doubts(found)
    changed = _changed(tables.table("feature_groups"))
    hits = [_hit(one, common, changed.get(one.name, "")) for one in found]
    moved = any(hit.features or hit.changed for hit in hits)
    return {
        "common": words.noted(" ".join(common), **found[0].row) if common else "",
        "hits": hits,
        "lead": names.inside(tables.lead) if tables.lead else "mAP",
        "shows": {
            "cells": any(hit.cells_value is not None for hit in hits),
            "similar": any(hit.similar for hit in hits),
            "features": (IN_WORDS if changed else IN_FEATURES) if moved else "",
        },
        "alpha": tables.alpha,
        "lost": percent(LOST),
        "space": _spaces(tables),
        "mechanisms": sorted({hit.mechanism for hit in hits} - {NONE}),
    }


def _spaces(tables: Tables) -> str:
    """What mAP and similarities were computed on, and what the effects of features."""
    whose = (
        ("mAP and similarity", tables.of_lead(tables.activity)),
        ("effects of features", tables.features),
    )
    return computed_on(
        (what, rows["space"].iloc[0])
        for what, rows in whose
        if rows is not None and "space" in rows and rows["space"].notna().any()
    )


def _changed(groups: pd.DataFrame | None) -> dict[str, str]:
    """What each treatment changed, in words, by the first representation that tells."""
    if groups is None:
        return {}
    first = groups[groups["representation"] == groups["representation"].iloc[0]]
    called = first[first["direction"] != ""].sort_values("rank")
    return {
        str(name): described(part.to_dict("records"), most=GROUPS)
        for name, part in called.groupby(TREATMENT)
    }


def _hit(one: Treatment, common: list[str], changed: str) -> Hit:
    row = one.row
    kept: Any = row.get("cell_count_ratio")
    mechanism = row.get("Metadata_Mechanism")
    doubts = " ".join(code for code in one.doubts if code not in common)
    return Hit(
        treatment=one.name,
        also=_also(one),
        mechanism=NONE if missing(mechanism) else str(mechanism).replace("|", ", "),
        wells=number(None if missing(row.get("wells")) else int(row["wells"])),
        active=one.active,
        tested=one.tested,
        map=_plain(row["map"]),
        low=_plain(row.get("low")),
        high=_plain(row.get("high")),
        q=p_value(row["q"]),
        q_value=_plain(row["q"]),
        cells=fixed(kept),
        cells_value=_plain(kept),
        lost=not missing(kept) and kept < LOST,
        similar=[(name, fixed(cosine)) for name, cosine in one.neighbours],
        changed=changed,
        features=[(name, f"{effect:+.1f}".replace("-", "−")) for name, effect in one.features],
        doubts=words.noted(doubts, **row),
    )


def _also(one: Treatment) -> str:
    """The compound's name, where the treatment's name does not hold it already."""
    compound = one.row.get("Metadata_Compound")
    return "" if missing(compound) or str(compound) in one.name else str(compound)


def _plain(value: Any) -> float | None:
    return None if missing(value) else float(value)


register(
    Section(
        key="hits",
        title="Treatments",
        order=30,
        view=view,
        template=Path(__file__).with_suffix(".html"),
    )
)
