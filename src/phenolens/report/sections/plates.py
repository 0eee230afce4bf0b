"""Plate maps and the quality of each plate."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from phenolens.answers.quality import flagged, flags, of_plates
from phenolens.answers.refusals import reasons, refusals
from phenolens.answers.tables import Tables
from phenolens.report.figures import assay, plates
from phenolens.report.figures.assay import measured
from phenolens.report.sections import Section, register
from phenolens.report.spaces import spaces_of
from phenolens.words import names, noted
from phenolens.words.numbers import fixed, interval, natural, number


def view(tables: Tables) -> dict:
    rows = of_plates(tables)
    return {
        "wells": tables.wells is not None,
        "assay": None if rows is None else _assay(rows),
        "ungraded": [why for why, _ in reasons(refusals(tables, "assay quality"))],
        "batch": _batch(tables),
        "spaces": spaces_of(rows),
    }


def _batch(tables: Tables) -> dict | None:
    """Batch effect: a line a measure, each representation's score beside what chance gives."""
    if tables.results is None:
        return None
    rows = tables.results[tables.results["task"].str.startswith("batch")]
    rows = rows[rows["fold"].astype(str) == "all"]
    whose = zip(rows["representation"], map(_counterpart, rows["metric"]), strict=True)
    chance = dict(zip(whose, rows["value"], strict=True))
    kept = rows[rows["metric"].map(_counterpart).isna()]
    scores = {(row["representation"], row["metric"]): row for _, row in kept.iterrows()}
    shown = list(dict.fromkeys(kept["representation"]))
    lines = [
        {"metric": by_column(metric), "cells": [_score(scores, chance, (n, metric)) for n in shown]}
        for metric in dict.fromkeys(kept["metric"])
    ]
    found = {"representations": shown, "lines": lines, "spaces": spaces_of(kept)}
    return found if lines else None


def _score(scores: dict, chance: dict, key: tuple[str, str]) -> dict | None:
    if key not in scores:
        return None
    row = scores[key]
    return {
        "value": fixed(row["value"]),
        "between": interval(row["low"], row["high"], of=fixed),
        "chance": fixed(chance[key]) if key in chance else "",
    }


def _counterpart(metric: str) -> str | None:
    """The metric that this one is the chance level of, or None."""
    for mark in ("_chance", "_expected"):
        if mark in metric:
            return metric.replace(mark, "")
    return None


def by_column(metric: str) -> str:
    """``lisi_plate`` as ``LISI (plate)``."""
    name, _, column = metric.rpartition("_")
    if column not in ("plate", "batch", "source") or not name:
        return names.metric(metric)
    label = names.metric(name)
    joined = label.endswith(("same", "due to", "across", "beside"))
    return f"{label} {column}" if joined else f"{label} ({column})"


def _assay(rows: pd.DataFrame) -> dict:
    measures = measured(rows)
    metrics = measures + [m for m in dict.fromkeys(rows["metric"]) if m.startswith("n_")]
    plates = sorted(rows["Metadata_Plate"].astype(str).unique(), key=natural)
    return {
        "metrics": [names.metric(metric) for metric in metrics],
        "rows": [_plate(p, rows[rows["Metadata_Plate"].astype(str) == p], metrics) for p in plates],
    }


def _plate(plate: str, rows: pd.DataFrame, metrics: list[str]) -> dict:
    first = rows.drop_duplicates("metric").set_index("metric")
    whole = flags(rows).all()
    cells = [_cell(first.loc[m], marked=not whole) if m in first.index else None for m in metrics]
    why = "; ".join(noted(one["flags"], **one["numbers"]) for one in flagged(rows))
    return {"plate": plate, "cells": cells, "why": why}


def _cell(row: pd.Series, *, marked: bool) -> dict:
    return {
        "value": number(int(row["value"])) if row.name.startswith("n_") else fixed(row["value"]),
        "between": interval(row.get("low"), row.get("high"), of=fixed),
        "flagged": marked and bool(flags(row.to_frame().T).iloc[0]),
    }


register(
    Section(
        key="plates",
        title="Plates",
        order=100,
        view=view,
        template=Path(__file__).with_suffix(".html"),
        figures={"plates": plates.draw, "assay": assay.draw},
    )
)
