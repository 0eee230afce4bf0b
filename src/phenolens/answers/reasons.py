"""Why something is not there, as codes and from the tables alone."""

from __future__ import annotations

from typing import Any, Literal

import pandas as pd

from phenolens.answers.tables import Tables
from phenolens.findings import Finding

Cause = Literal["", "unlabelled", "uncontrolled"]


def cause(tables: Tables) -> Cause:
    """What the plate map lacks for a treatment to be compared with controls; empty for nothing."""
    if tables.wells is None:
        return ""
    if not tables.treatments:
        return "unlabelled"
    return "" if tables.controls.any() else "uncontrolled"


def notes(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """The codes that rows carry in ``note``, with the values of their words, and how many do.

    Rows count together where codes and values are the same; the most frequent come first.
    """
    known = [name for name in ("note", "wells", "usable", "control_positions") if name in rows]
    if "note" not in known:
        return []
    marked = rows.loc[rows["note"].fillna("") != "", known]
    counts = (
        marked.groupby(known, sort=False, dropna=False)
        .size()
        .sort_values(ascending=False, kind="stable")
    )
    return counts.rename("carry").reset_index().to_dict("records")


def own_spread(tables: Tables) -> Finding | None:
    """What distances mean where no well of the screen is a control; None where some are."""
    if tables.wells is None or tables.controls.any():
        return None
    return Finding("measured-in-own-spread", "info")
