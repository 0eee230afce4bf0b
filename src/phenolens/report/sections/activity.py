"""How far each treatment is from its controls, whether that holds elsewhere, and at what dose."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from phenolens.answers.active import position_safe, share_of
from phenolens.answers.tables import Tables
from phenolens.evaluate.activity.control_check import FEWEST_GROUPS, certifies
from phenolens.findings import Finding
from phenolens.profiles import COMPOUND
from phenolens.report.figures import activity, doses, elsewhere
from phenolens.report.figures.doses import MOST
from phenolens.report.sections import Section, register
from phenolens.report.spaces import spaces_of
from phenolens.words import names, noted
from phenolens.words.activity import shape_in_words
from phenolens.words.numbers import (
    NONE,
    fixed,
    interval,
    missing,
    number,
    p_value,
    percent,
)

# What the control check does not say: the smoothed tail, and rings of the plate.
CALLED = [
    f"control_positions_called_{what}"
    for what in ("at_smooth_tail", "at_smooth_tail_0.01", "outer_rings", "interior")
]
TESTS = {"position-safe": "Against control positions", "label-permutation": "By permuting wells"}
OUTCOMES = {
    "calibrated": "holds its level, but not where the treatments lie",
    "calls-controls": "calls controls",
    "too-few-groups": f"under {FEWEST_GROUPS} groups: cannot certify 5 %",
}


def view(tables: Tables) -> dict:
    rest = {"elsewhere": _elsewhere(tables), "doses": _doses(tables)}
    rows = tables.activity
    if rows is None:
        return {"rows": None} | rest
    shown = [name for name in tables.real if (rows["representation"] == name).any()]
    return {
        "rows": [_row(name, rows[rows["representation"] == name]) for name in shown],
        "safe": position_safe(rows),
        "checks": _checks(tables),
        "calibration": _calibration(tables),
        "no_hit": _no_hit(tables),
        "spaces": spaces_of(rows),
    } | rest


def _checks(tables: Tables) -> list[dict]:
    """How often each test calls groups of controls, and whether that certifies it."""
    rows = tables.control_check
    if rows is None:
        return []
    return [
        {
            "representation": row["representation"],
            "test": TESTS.get(row["test"], row["test"]),
            "shape": f"{row['wells']} {shape_in_words(row['shape'])}" if row["groups"] else NONE,
            "called": f"{row['called']} of {row['groups']}" if row["groups"] else NONE,
            "between": interval(row["low"], row["high"], of=percent),
            "treatments": f"{row['treatments_called']} of {row['treatments']}",
            "floor": p_value(row["p_attainable"]),
            "cover": f"{row['rows']} of {row['rows_used']} rows, {row['columns']} of "
            f"{row['columns_used']} columns",
            "outcome": _outcome(row),
            "bad": row["outcome"] == "calls-controls",
        }
        for row in rows.to_dict("records")
    ]


def _outcome(row: dict) -> str:
    if certifies(row):
        return "✓ holds its level"
    return OUTCOMES.get(row["outcome"], f"not possible: {noted(row['why'], **row)}")


def _no_hit(tables: Tables) -> list[dict]:
    """Why no single hit can be named, and how many treatments are active all the same."""
    if tables.share_active is None:
        return []
    return [
        {
            "representation": row["representation"],
            "said": share_of(row, alpha=tables.alpha).said,
        }
        for row in tables.share_active.to_dict("records")
    ]


def _calibration(tables: Tables) -> list[dict]:
    """How often the smoothed tail, and rings of the plate, call positions of controls."""
    if tables.results is None:
        return []
    rows = tables.results[tables.results["metric"].isin(CALLED)]
    return [
        {
            "representation": row["representation"],
            "test": names.metric(row["metric"]),
            "value": percent(row["value"]),
            "between": interval(row["low"], row["high"], of=percent),
            "n": int(row["n"]),
        }
        for _, row in rows.iterrows()
    ]


def _elsewhere(tables: Tables) -> dict | None:
    """Retrieval with all matches, and with those of another position, plate or batch only."""
    if tables.retrieval is None or tables.results is None:
        return None
    scores = tables.results[tables.results["task"] == "retrieval"]
    scores = scores.set_index(["representation", "metric"])
    asked = tables.retrieval
    pairs = [
        (name, across)
        for across in dict.fromkeys(asked["across"])
        for name in tables.real
        if (name, f"drop_{names.place(across)}") in scores.index
    ]
    return {
        "rows": [_place(scores.loc[name], name, names.place(across)) for name, across in pairs],
        "spaces": spaces_of(asked),
        "lead": names.inside(str(tables.lead)),
    }


def _place(scores: pd.DataFrame, name: str, place: str) -> dict:
    def cell(metric: str) -> dict:
        row = scores.loc[f"{metric}_{place}"]
        between = interval(row["low"], row["high"], of=fixed)
        return {"value": fixed(row["value"]), "between": between}

    drop = scores.loc[f"drop_{place}"]
    columns = ("map_normalized", "map_across_normalized", "drop", "nearest_across")
    return {
        "representation": name,
        "place": place,
        "n": number(int(drop["n"])),
        "sure": bool(drop["low"] > 0),
        "cells": [cell(metric) for metric in columns],
    }


def _doses(tables: Tables) -> dict | None:
    """Benchmark doses of the lead representation, the lowest first."""
    rows = tables.of_lead(tables.dose)
    if rows is None:
        return None
    reached, rises = np.isfinite(rows["benchmark_dose"]), rows["q"] < tables.alpha
    counts = {"reached": int(reached.sum()), "compounds": len(rows), "rising": int(rises.sum())}
    about = {"representation": tables.lead}
    ordered = rows.sort_values(["benchmark_dose", "p"], kind="stable")
    return {
        "found": Finding("doses-reached", "info", about, counts | {"alpha": tables.alpha}),
        "rows": [_dosed(row) for _, row in ordered.iterrows()],
        "many": len(rows) > MOST,
        "spaces": spaces_of(tables.dose),
    }


def _dosed(row: pd.Series) -> dict:
    return {
        "compound": row[COMPOUND],
        "wells": number(int(row["n"])),
        "doses": number(int(row["doses"])),
        "top": fixed(row["distance_top"], 1),
        "dose": _amount(row["benchmark_dose"]),
        "between": _between(row["low"], row["high"]),
        "q": p_value(row["q"]),
        "lost": _amount(row["cell_loss_dose"]),
        "order": row["order"],
    }


def _between(low: float, high: float) -> str:
    """The interval of a benchmark dose, which may have no upper end."""
    if not np.isfinite(low):
        return NONE
    return f"{number(low)} to {number(high)}" if np.isfinite(high) else f"{number(low)} or more"


def _amount(dose: Any) -> str:
    if missing(dose):
        return NONE
    return number(dose) if np.isfinite(dose) else "not reached"


def _row(name: str, rows: pd.DataFrame) -> dict:
    tested = rows[rows["q"].notna()]
    return {
        "representation": name,
        "tested": len(tested),
        "active": str(int(tested["active"].sum())) if len(tested) else "–",
        "untested": len(rows) - len(tested),
        "floor": p_value(tested["p_attainable"].min()) if len(tested) else "–",
    }


register(
    Section(
        key="activity",
        title="Activity",
        order=40,
        view=view,
        template=Path(__file__).with_suffix(".html"),
        figures={"activity": activity.draw, "elsewhere": elsewhere.draw, "doses": doses.draw},
    )
)
