"""Control roles: which negative controls calibrate and which judge."""

from __future__ import annotations

import numpy as np
import pandas as pd

from phenolens.profiles import CONTROL, PLATE, WELL
from phenolens.splits.naming import draw, unique_wells, well_keys

CALIBRATING = ("calibrate", "swap-a", "swap-b", "reused")
EVALUATION = ("evaluate", "swap-a", "swap-b")


def control_roles(wells: pd.DataFrame, *, seed: int) -> pd.Series:
    """What each negative control is for, so that none both fits a correction and is tested by it.

    A plate with 6 or more control wells gives two thirds to calibrate and the rest to evaluate;
    with 2 to 5, two halves take turns (``swap-a``, ``swap-b``); a single one is ``reused``. Roles
    follow the well's name, so plates of one layout share them, and a position has one role.

    Parameters
    ----------
    wells : DataFrame
        Plain frame with ``Metadata_Plate``, ``Metadata_Well``, ``Metadata_Control`` (bool); rows
        may be wells, fields or cells.
    seed : int

    Returns
    -------
    Series of str
        ``calibrate``, ``evaluate``, ``swap-a``, ``swap-b``, ``reused`` or ``''``; index as in
        `wells`.
    """
    controls = unique_wells(wells[wells[CONTROL].eq(True)], [CONTROL])
    controls["draw"] = [draw(seed, "control", well) for well in controls[WELL]]
    order = controls.groupby(PLATE)["draw"].rank(method="first").astype(int).to_numpy() - 1
    size = controls.groupby(PLATE)["draw"].transform("size").to_numpy()
    roles = pd.Series(_role(order, size), index=well_keys(controls), dtype=object)
    return pd.Series(roles.reindex(well_keys(wells)).fillna("").to_numpy(), index=wells.index)


def _role(order: np.ndarray, size: np.ndarray) -> np.ndarray:
    large = np.where(order < size - size // 3, "calibrate", "evaluate")
    small = np.where(order % 2 == 0, "swap-a", "swap-b")
    return np.where(size >= 6, large, np.where(size >= 2, small, "reused"))
