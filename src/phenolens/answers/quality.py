"""What to watch in wells and plates: treatments that lose cells, plates that were flagged."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from phenolens.answers.tables import Tables

LOST = 0.6  # a share of its controls' cells below which a treatment is marked as losing cells


def lost_cells(rows: pd.DataFrame) -> np.ndarray:
    """Which treatments have clearly fewer cells than their controls, bool of shape (n,)."""
    if "cell_count_ratio" not in rows:
        return np.zeros(len(rows), dtype=bool)
    return (rows["cell_count_ratio"].fillna(1.0) < LOST).to_numpy()


def of_plates(tables: Tables) -> pd.DataFrame | None:
    """Assay quality of the lead representation, and rows that belong to no representation."""
    if tables.assay is None:
        return None
    kinds = tables.assay["representation"].fillna("")
    known = set(tables.representations) - {tables.lead}
    rows = tables.assay[~kinds.isin(known)]
    rows = rows if len(rows) else tables.assay
    rows = rows[rows["value"].notna()]
    return rows if len(rows) else None


def flagged(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Plates that carry a flag: the codes, and the plate's numbers that their words need."""
    found = []
    for plate, part in rows.groupby("Metadata_Plate"):
        codes = " ".join(part.loc[flags(part), "flag"].drop_duplicates())
        if codes:
            numbers = part.drop_duplicates("metric").set_index("metric")["value"].to_dict()
            found.append({"plate": str(plate), "flags": codes, "numbers": numbers})
    return found


def flags(rows: pd.DataFrame) -> pd.Series:
    """Which rows carry a flag."""
    return rows["flag"].fillna("") != ""
