"""One profile per treatment, and quality flags: marked, never silently dropped."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from phenolens import profiles
from phenolens.profiles import CELL_COUNT, PLATE

FEW_CELLS = "Metadata_QC_FewCells"
OUTLIER = "Metadata_QC_Outlier"


def consensus(table: pd.DataFrame, by: Sequence[str], *, how: str = "median") -> pd.DataFrame:
    """Median (or mean) profile over replicate wells; ``Metadata_Count`` is their number."""
    return profiles.aggregate(table, by, how=how)


def flag_wells(
    table: pd.DataFrame, controls: np.ndarray, *, min_share: float = 0.1, max_spread: float = 8.0
) -> pd.DataFrame:
    """Add quality flags as metadata, judged against the controls of each well's own plate.

    Parameters
    ----------
    table : DataFrame
        Well profiles, scaled on controls for the outlier flag to mean anything.
    controls : ndarray of bool, shape (n_rows,)
    min_share : float
        ``Metadata_QC_FewCells``: fewer cells than this share of the plate's median control well
        (false where cells are not counted or the plate has no controls).
    max_spread : float
        ``Metadata_QC_Outlier``: among controls only, a mean absolute feature value more than this
        many MADs above the median of the plate's controls. Treated wells may be far out: that is
        what they are screened for.
    """
    codes, keys = profiles.groups(table, (PLATE,))
    few = np.zeros(len(table), dtype=bool)
    out = np.zeros(len(table), dtype=bool)
    size = np.nanmean(np.abs(table.to_numpy(np.float32)), axis=1)
    counted = CELL_COUNT in table.index.names
    cells = profiles.column(table, CELL_COUNT).astype(float) if counted else None
    for plate in range(len(keys)):
        own = codes == plate
        judged = own & controls
        if judged.any():
            middle = np.median(size[judged])
            spread = 1.4826 * np.median(np.abs(size[judged] - middle))
            out |= judged & (size > middle + max_spread * max(spread, 1e-6 * middle))
            if cells is not None:
                few |= own & (cells < min_share * np.median(cells[judged]))
    return profiles.with_metadata(table, {FEW_CELLS: few, OUTLIER: out})
