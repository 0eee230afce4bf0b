"""The design audit in full, the gravest findings first."""

from __future__ import annotations

from phenolens.answers.doubts import audited
from phenolens.answers.tables import Tables

SEVERITIES = {"error": "Error", "warning": "Warning", "info": "Note", "ok": "Fine"}


def view(tables: Tables) -> dict:
    found = audited(tables, *SEVERITIES)
    return {
        "audited": tables.audit is not None,
        "labels": SEVERITIES,
        "findings": [one for one in found if one.severity != "ok"],
        "fine": [one for one in found if one.severity == "ok"],
    }
