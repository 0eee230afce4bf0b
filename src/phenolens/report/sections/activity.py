"""How far each treatment is from its controls."""

from __future__ import annotations

from phenolens.report import names
from phenolens.report.answers.active import position_safe
from phenolens.report.tables import Tables
from phenolens.report.words import interval, p_value, percent

CALLED = "control_positions_called"


def view(tables: Tables) -> dict:
    rows = tables.activity
    if rows is None:
        return {"rows": None}
    shown = [name for name in names.real(tables) if (rows["representation"] == name).any()]
    return {
        "rows": [_row(name, rows[rows["representation"] == name]) for name in shown],
        "safe": position_safe(rows),
        "calibration": _calibration(tables),
        "alpha": percent(tables.alpha),
    }


def _calibration(tables: Tables) -> list[dict]:
    """How often each test calls groups of controls active, which it should do at alpha."""
    if tables.results is None:
        return []
    rows = tables.results[tables.results["metric"].str.startswith(CALLED)]
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


def _row(name: str, rows: object) -> dict:
    tested = rows[rows["q"].notna()]
    return {
        "representation": name,
        "tested": len(tested),
        "active": str(int(tested["active"].sum())) if len(tested) else "–",
        "untested": len(rows) - len(tested),
        "floor": p_value(tested["p_attainable"].min()) if len(tested) else "–",
    }
