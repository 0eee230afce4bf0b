"""The table of treatments, best first."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from phenolens import words
from phenolens.answers.quality import LOST
from phenolens.answers.tables import Tables
from phenolens.answers.treatments import Treatment, common_doubts
from phenolens.report.sections import Section, register
from phenolens.report.spaces import computed_on
from phenolens.words import names
from phenolens.words.numbers import NONE, fixed, missing, number, p_value, percent


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
    similar: list[str]
    features: list[tuple[str, str]]
    doubts: str


def view(tables: Tables) -> dict:
    found = tables.ranked
    common = common_doubts(found)
    hits = [_hit(one, common) for one in found]
    return {
        "common": words.noted(" ".join(common), **found[0].row) if common else "",
        "hits": hits,
        "lead": names.inside(tables.lead) if tables.lead else "mAP",
        "shows": {
            "cells": any(hit.cells_value is not None for hit in hits),
            "similar": any(hit.similar for hit in hits),
            "features": any(hit.features for hit in hits),
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


def _hit(one: Treatment, common: list[str]) -> Hit:
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
        similar=[f"{name} ({fixed(cosine)})" for name, cosine in one.neighbours],
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
