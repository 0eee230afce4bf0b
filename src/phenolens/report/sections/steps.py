"""What each step of normalization did to wells, features and controls."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from phenolens.answers.tables import Tables
from phenolens.report.sections import Section, register
from phenolens.words.normalization import step_taken
from phenolens.words.numbers import fixed, number


def view(tables: Tables) -> dict:
    steps = tables.table("normalization_steps")
    if steps is None:
        return {"representations": []}
    parts = steps.groupby("representation", sort=False)
    return {"representations": [_representation(str(name), part) for name, part in parts]}


def _representation(name: str, steps: pd.DataFrame) -> dict:
    last = steps.iloc[-1]
    return {
        "name": name,
        "steps": [_step(row) for _, row in steps.sort_values("number").iterrows()],
        "controls": number(int(last["controls"])),
        "held_out": bool(last["held_out"]),
    }


def _step(row: pd.Series) -> dict:
    return {
        "what": step_taken(row["step"]),
        "settings": row["settings"],
        "wells": _change(row["rows_before"], row["rows_after"]),
        "features": _change(row["columns_before"], row["columns_after"]),
        "magnitude": _measure(row["magnitude_before"], row["magnitude_after"]),
        "plate_share": _measure(row["plate_share_before"], row["plate_share_after"]),
    }


def _change(before: int, after: int) -> str:
    """``384``, or ``384 → 380`` where some are gone."""
    return number(after) if before == after else f"{number(before)} → {number(after)}"


def _measure(before: float, after: float) -> str:
    """A measure before and after a step; a dash where there is none."""
    told = ["–" if pd.isna(value) else fixed(value) for value in (before, after)]
    return told[1] if told[0] == told[1] else " → ".join(told)


register(
    Section(
        key="steps",
        title="How wells were made comparable",
        short="Normalization",
        order=105,
        view=view,
        template=Path(__file__).with_suffix(".html"),
    )
)
