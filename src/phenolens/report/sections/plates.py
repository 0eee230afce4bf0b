"""Plate maps and the quality of each plate."""

from __future__ import annotations

import pandas as pd

from phenolens.report import names
from phenolens.report.figures.assay import flags, of_plates
from phenolens.report.tables import Tables
from phenolens.report.words import fixed, interval


def view(tables: Tables) -> dict:
    rows = of_plates(tables)
    return {"wells": tables.wells is not None, "assay": None if rows is None else _assay(rows)}


def _assay(rows: pd.DataFrame) -> dict:
    metrics = list(dict.fromkeys(rows["metric"]))
    flagged = flags(rows)
    plates = sorted(rows["Metadata_Plate"].astype(str).unique())
    return {
        "metrics": [names.metric(metric) for metric in metrics],
        "rows": [_plate(p, rows[rows["Metadata_Plate"].astype(str) == p], metrics) for p in plates],
        "flagged": int(flagged.sum()),
    }


def _plate(plate: str, rows: pd.DataFrame, metrics: list[str]) -> dict:
    first = rows.drop_duplicates("metric").set_index("metric")
    cells = [_cell(first.loc[m]) if m in first.index else None for m in metrics]
    why = [str(f) for f in rows["flag"][flags(rows)].drop_duplicates()]
    return {"plate": plate, "cells": cells, "why": "; ".join(why)}


def _cell(row: pd.Series) -> dict:
    return {
        "value": fixed(row["value"]),
        "between": interval(row.get("low"), row.get("high"), of=fixed),
        "flagged": bool(flags(row.to_frame().T).iloc[0]),
    }
