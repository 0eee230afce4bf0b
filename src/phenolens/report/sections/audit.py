"""The design audit in full, the gravest findings first."""

from __future__ import annotations

from pathlib import Path

from phenolens.answers.doubts import audited
from phenolens.answers.tables import Tables
from phenolens.report.figures import segmentation
from phenolens.report.sections import Section, register

SEVERITIES = {"error": "Error", "warning": "Warning", "info": "Note", "ok": "Fine"}


def view(tables: Tables) -> dict:
    found = audited(tables, *SEVERITIES)
    return {
        "audited": tables.audit is not None,
        "labels": SEVERITIES,
        "findings": [one for one in found if one.severity != "ok"],
        "fine": [one for one in found if one.severity == "ok"],
    }


register(
    Section(
        key="audit",
        title="Design audit",
        order=110,
        view=view,
        template=Path(__file__).with_suffix(".html"),
        figures={"segmentation": segmentation.draw},
    )
)
