"""Where the network looked, by compartment and stain, and whether measured features agree."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from phenolens.answers.tables import Tables
from phenolens.findings import Finding
from phenolens.report.sections import Section, register
from phenolens.words.changes import compartment, how, stain
from phenolens.words.numbers import fixed, interval, number, p_value

MOST = 3


def view(tables: Tables) -> dict | None:
    """Compartments and stains by treatment; None where no map was made of known cells."""
    looked = tables.table("activation_compartments")
    if looked is None or "withheld_because" in (tables.activation or {"withheld_because": ""}):
        return None
    agreed = tables.table("agreement")
    return {
        "line": _line(tables),
        "treatments": list(_treatments(looked)),
        "compared": [] if agreed is None else [_pair(row) for row in agreed.itertuples()],
        "right": _right(tables.table("activation_compartments_correct")),
    }


def _line(tables: Tables) -> str:
    found = tables.json("agreement")
    if not found:
        return ""
    values = {what: found[what] for what in ("compartment", "stain")}
    return Finding("network-and-features", "info", {}, values).text


def _treatments(looked: pd.DataFrame) -> Iterator[dict]:
    for name, rows in looked.groupby("Metadata_Treatment"):
        for place, row in enumerate(rows.sort_values("rank").head(MOST).itertuples()):
            yield _row(row) | {"treatment": "" if place else name}


def _row(row: Any) -> dict:
    return {
        "where": row.compartment,
        "stain": "" if row.stain == "all" else stain(row.stain),
        "enrichment": fixed(row.enrichment, 2),
        "between": interval(row.low, row.high, of=fixed),
        "over": fixed(row.difference, 2),
        "p": p_value(row.p_adjusted),
        "wells": number(row.n_wells),
    }


def _pair(row: Any) -> dict:
    measured = "" if row.features_stain == "none" else f"{stain(row.features_stain)}, "
    looked = "" if row.network_stain == "all" else f"{stain(row.network_stain)}, "
    return {
        "treatment": row.Metadata_Treatment,
        "network": f"{looked}{row.network_compartment}",
        "features": f"{measured}{compartment(row.features_compartment)}: "
        f"{how(row.features_property, row.features_direction)}",
        "compartment": _same(row.same_compartment),
        "stain": _same(row.same_stain),
    }


def _same(value: Any) -> str:
    return "–" if pd.isna(value) else "yes" if value else "no"


def _right(rows: pd.DataFrame | None) -> list[dict]:
    if rows is None:
        return []
    return [
        {
            "where": row.compartment,
            "stain": "" if row.stain == "all" else stain(row.stain),
            "correct": fixed(row.correct),
            "wrong": fixed(row.wrong),
            "difference": fixed(row.difference),
            "p": p_value(row.p_holm),
            "wells": number(row.n_wells),
        }
        for row in rows.itertuples()
        if row.n_wells
    ]


register(
    Section(
        key="places",
        title="Network and measured features",
        order=92,
        view=view,
        template=Path(__file__).with_suffix(".html"),
    )
)
