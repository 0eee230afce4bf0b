"""From calibrated wells to the profiles that are compared: selected, whitened, finite.

Where a screen has enough calibrating controls, extreme values are drawn in, and those controls
alone choose features (measured, varying, not repeating one another) and whiten them, so that
directions in which controls vary anyway, plate and position included, count for less. Both happen
before the split, which only controls may do; the controls that judge take no part. Otherwise
features are selected without labels on the wells that are compared.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from phenolens import profiles
from phenolens.errors import InputError
from phenolens.profiles import CONTROL
from phenolens.study.activity import judged
from phenolens.study.blocks import Block
from phenolens.study.design import Design

FEWEST_CALIBRATORS = 16


def analysed(block: Block, design: Design, *, whitening: float) -> Block:
    """The block with each fold's table ready for comparing wells by similarity.

    Parameters
    ----------
    block : Block
        Calibrated wells.
    design : Design
    whitening : float
        Regularization in units of a feature's variance among controls; 0 switches whitening off.

    Raises
    ------
    InputError
        If no feature is left.
    """
    calibrating = (design.role_of(block.wells) == "calibrate").to_numpy()
    if block.calibrated or not whitening or calibrating.sum() < FEWEST_CALIBRATORS:
        return block.mapped(lambda wells: _selected(block, wells, _compared(block, wells, design)))
    notes = block.notes | {"whitened_on": int(calibrating.sum()), "whitening": whitening}
    return block.mapped(lambda wells: _whitened(block, wells, design, whitening), notes=notes)


def _compared(block: Block, wells: pd.DataFrame, design: Design) -> np.ndarray:
    rows = np.ones(len(wells), dtype=bool)
    if CONTROL in wells.index.names:
        rows = judged(wells, design, calibrated_elsewhere=block.calibrated)
    if rows.sum() < 2:  # nothing is judged, so there is no calibrating control to keep apart
        rows[:] = True
    return rows


def _selected(block: Block, wells: pd.DataFrame, rows: np.ndarray) -> pd.DataFrame:
    from phenolens.learn.select import FeatureSelector

    if len(wells) < 2:
        return wells.loc[:, np.isfinite(wells.to_numpy()).all(axis=0)]
    try:
        return FeatureSelector().fit(profiles.take(wells, rows)).transform(wells)
    except InputError as error:
        raise InputError(
            f"Representation '{block.name}': {error} Features that are constant, or missing in "
            "more than 5 % of the wells, cannot be compared. Leave the representation out."
        ) from None


def _whitened(
    block: Block, wells: pd.DataFrame, design: Design, regularization: float
) -> pd.DataFrame:
    from phenolens.learn.whiten import Whitener
    from phenolens.normalize.scale import soften

    wells = soften(wells)
    rows = (design.role_of(wells) == "calibrate").to_numpy()
    chosen = _selected(block, wells, rows)
    whitener = Whitener(regularization=regularization).fit(profiles.take(chosen, rows))
    return whitener.transform(chosen)
