"""Montages."""

from __future__ import annotations

from pathlib import Path

from phenolens.answers.tables import Tables
from phenolens.report.figures import montage
from phenolens.report.sections import Section, register


def view(tables: Tables) -> dict:
    return {"present": tables.exemplars is not None and tables.pictures is not None}


register(
    Section(
        key="pictures",
        title="Pictures",
        order=80,
        view=view,
        template=Path(__file__).with_suffix(".html"),
        figures={"montage": montage.draw},
    )
)
