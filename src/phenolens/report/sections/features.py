"""Which features moved."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from phenolens.answers.tables import Tables
from phenolens.report.figures import bubbles
from phenolens.report.figures.bubbles import top_treatments
from phenolens.report.sections import Section, register
from phenolens.report.spaces import spaces_of
from phenolens.words.numbers import fixed

MOST = 8


def view(tables: Tables) -> dict:
    if tables.features is None:
        return {"treatments": None}
    features = tables.features
    moved = [_moved(features, name) for name in top_treatments(tables)]
    return {"treatments": moved, "spaces": spaces_of(tables.features)}


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
