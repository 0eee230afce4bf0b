"""Classes of cells: what was held out, and how well each representation tells them apart."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from phenolens.answers.cells import pooled_scores
from phenolens.answers.read import read_finding
from phenolens.answers.tables import Tables
from phenolens.findings import worst_first
from phenolens.report.sections import Section, register
from phenolens.report.sections.scores import score_shown
from phenolens.words import names
from phenolens.words.numbers import fixed, number


def view(tables: Tables) -> dict | None:
    """Scores beside baselines, and recall by class; None where cells have no labels."""
    rows = tables.table("cell_scores")
    if rows is None:
        return None
    pooled = pooled_scores(rows).set_index("representation")
    order = names.in_order(pooled.index, first=tables.lead)
    real = [name for name in order if not names.is_baseline(name)]
    recall = rows[rows["metric"] == "recall"]
    classes = tables.table("cell_classes")
    return {
        "split": names.split(str(rows["split"].iloc[0])),
        "over": str(rows["interval_over"].iloc[0] or ""),
        "scores": [score_shown(name, pooled.loc[name]) for name in order],
        "real": real,
        "classes": [] if classes is None else [_class(row, recall, real)
                                               for _, row in classes.iterrows()],
        "findings": [found.text for found in
                     worst_first(map(read_finding, tables.json("cell_findings") or []))],
    }  # fmt: skip


def _class(row: pd.Series, recall: pd.DataFrame, real: list[str]) -> dict:
    own = recall[recall["label"] == row["label"]].set_index("representation")["value"]
    return {
        "label": row["label"],
        "counts": [number(int(row[name])) for name in ("cells", "wells", "plates", "tested")],
        "recall": [fixed(own.get(name), 3) for name in real],
    }


register(
    Section(
        key="cells",
        title="Classes of cells",
        order=55,
        view=view,
        template=Path(__file__).with_suffix(".html"),
    )
)
