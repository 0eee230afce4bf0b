"""How far each treatment is from its controls."""

from __future__ import annotations

from phenolens.report import names
from phenolens.report.tables import Tables
from phenolens.report.words import p_value


def view(tables: Tables) -> dict:
    rows = tables.activity
    if rows is None:
        return {"rows": None}
    return {
        "rows": [_row(name, rows[rows["representation"] == name]) for name in names.real(tables)]
    }


def _row(name: str, rows: object) -> dict:
    tested = rows[rows["q"].notna()]
    return {
        "representation": name,
        "tested": len(tested),
        "active": int(tested["active"].sum()),
        "untested": len(rows) - len(tested),
        "floor": p_value(tested["p_attainable"].min()) if len(tested) else "–",
    }
