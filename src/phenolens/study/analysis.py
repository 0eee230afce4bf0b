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
from phenolens.normalize.scale import CALIBRATED
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
        # Networks of different folds do not share the meaning of a feature: which of two alike goes
        # would differ by fold, and a fusion keep only what happens to be left in all.
        rules = {"max_correlation": None} if len(block.tables) > 1 else {}
        return block.mapped(
            lambda wells: _selected(block, wells, _compared(block, wells, design), **rules)
        )
    notes = block.notes | {"whitened_on": int(calibrating.sum()), "whitening": whitening}
    return block.mapped(lambda wells: _whitened(block, wells, design, whitening), notes=notes)


def _compared(block: Block, wells: pd.DataFrame, design: Design) -> np.ndarray:
    rows = np.ones(len(wells), dtype=bool)
    if CONTROL in wells.index.names:
        rows = judged(wells, design, calibrated_elsewhere=block.calibrated)
    if rows.sum() < 2:  # nothing is judged, so there is no calibrating control to keep apart
        rows[:] = True
    return rows


def _selected(block: Block, wells: pd.DataFrame, rows: np.ndarray, **rules: object) -> pd.DataFrame:
    from phenolens.learn.select import FeatureSelector

    if len(wells) < 2:
        return wells.loc[:, np.isfinite(wells.to_numpy()).all(axis=0)]
    raw = never_scaled(block, wells)
    try:
        selector = FeatureSelector(**rules, **({"max_outlier": None} if raw else {}))
        chosen = selector.fit(profiles.take(wells, rows)).transform(wells)
        return (chosen - chosen.mean()) / chosen.std(ddof=0) if raw else chosen
    except InputError as error:
        raise InputError(
            f"Representation '{block.name}': {error} Features that are constant, or missing in "
            "more than 5 % of the wells, cannot be compared. Leave the representation out."
        ) from None


def never_scaled(block: Block, wells: pd.DataFrame) -> bool:
    """Whether no plate had the controls to be scaled on, so that features keep their units.

    Maps and similarities, which no test reads then, take them in standard deviations over all
    wells: a cosine of areas and intensities side by side is 1 whatever the cells look like.
    """
    if block.calibrated:
        return False
    levels = wells.index.names
    if CALIBRATED in levels:
        return not profiles.column(wells, CALIBRATED).astype(bool).any()
    return CONTROL not in levels or not profiles.is_control(wells).any()


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
