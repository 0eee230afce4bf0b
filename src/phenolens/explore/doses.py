"""Effect by dose of each compound that has several, from what the study tested and fitted."""

from __future__ import annotations

import numpy as np
import pandas as pd

from phenolens.explore.screen import Screen
from phenolens.profiles import COMPOUND
from phenolens.words.numbers import number

FEWEST = 2
_FITTED = ("distance_top", "benchmark_dose", "low", "high", "rho", "p", "q", "cell_loss_dose")
_ORDERS = {
    "activity first": "profiles change at doses that leave the cells alive",
    "cells first": "cells are lost before profiles change",
    "together": "profiles change and cells are lost at doses that cannot be told apart",
    "no cell loss": "profiles change and no cells are lost",
    "cells not counted": "cells were not counted",
    "inactive": "no dose reaches three standard deviations of controls",
}


def dose_curves(screen: Screen) -> dict:
    """Compounds with two doses or more: a point a treatment, and what was fitted."""
    known = screen.treatments[~screen.treatments["control"]]
    known = known[known["dose"].notna() & known["compound"].fillna("").ne("")]
    rows = screen.activity(screen.lead)
    compounds = []
    for name, own in known.groupby("compound", sort=True):
        if own["dose"].nunique() < FEWEST:
            continue
        own = own.sort_values("dose", kind="stable")
        compounds.append(
            {
                "compound": str(name),
                "treatments": [int(place) for place in own.index],
                "points": [_point(own.loc[place], rows, int(place)) for place in own.index],
                "by": _fitted(screen, str(name)),
            }
        )
    return {"unit": "µM", "representation": screen.lead, "compounds": compounds}


def has_doses(screen: Screen) -> bool:
    """Whether a compound has two doses."""
    known = screen.treatments[~screen.treatments["control"]]
    return bool((known.groupby("compound")["dose"].nunique() >= FEWEST).any())


def _point(treatment: pd.Series, rows: pd.DataFrame | None, place: int) -> dict:
    tested = {} if rows is None else rows.iloc[place].to_dict()
    active = tested.get("active")
    return {
        "treatment": place,
        "dose": float(treatment["dose"]),
        "n": int(treatment["n_wells"]),
        "effect": tested.get("map_normalized"),
        "low": tested.get("low"),
        "high": tested.get("high"),
        "active": bool(active) if active is not None and not pd.isna(active) else None,
        "cell_count_ratio": treatment["cell_count_ratio"],
    }


def _fitted(screen: Screen, compound: str) -> dict[str, dict]:
    table = screen.tables.dose
    if table is None:
        return {}
    own = table[table[COMPOUND] == compound]
    return {
        str(row["representation"]): {name: row[name] for name in _FITTED if name in row}
        | {"order": row["order"], "words": _words(row)}
        for row in own.to_dict("records")
    }


def _words(row: dict) -> str:
    said = _ORDERS.get(row["order"], row["order"])
    dose = row["benchmark_dose"]
    if dose is None or not np.isfinite(dose):
        return f"{said[:1].upper()}{said[1:]}."
    return f"Three standard deviations of controls are reached at {number(dose)} µM: {said}."
