"""From wells as measured to wells scaled on their own plate's calibrating controls."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from phenolens import profiles
from phenolens.errors import InputError
from phenolens.normalize.clean import clean_features
from phenolens.normalize.scale import CALIBRATED, calibrate, rescale, spread_group
from phenolens.profiles import WELL_KEY
from phenolens.represent.base import ALL
from phenolens.settings import Settings
from phenolens.tools.block import Block
from phenolens.tools.design import Design
from phenolens.tools.steps_taken import StepLog

NO_VALUE = "no-feature-measured"
NOT_CALIBRATED = "not-calibrated"


@dataclass(frozen=True)
class LeftOut:
    """A well that a step could not use, and the code of why."""

    plate: str
    well: str
    why: str


def calibrated(
    block: Block, design: Design, settings: Settings
) -> tuple[Block, tuple[LeftOut, ...]]:
    """Scale each fold's table on the controls that calibrate; rows and columns in canonical order.

    Parameters
    ----------
    block : Block
        Wells as measured. Where ``block.calibrated`` is true they are only cleaned.
    design : Design
    settings : Settings

    Returns
    -------
    block : Block
        Its ``notes`` say what was ``cleaned``, how each plate was calibrated, what was
        ``rescaled`` because no control gave it a scale, and what each step did to the table ``all``
        (``steps``).
    left_out : tuple of LeftOut
        Wells without a value, and wells of plates that could not be calibrated beside others that
        could: raw values beside scaled ones cannot be compared.

    Raises
    ------
    InputError
        If no well has a value in any feature.
    """
    notes: dict[str, Any] = {}
    tables, left_out = {}, []
    for fold, wells in block.tables.items():
        log = StepLog(design, silent=fold != ALL)
        given = table = _canonical(wells)
        table, lost = _kept(table, _measured(block.name, table), why=NO_VALUE)
        left_out += lost
        table, dropped = clean_features(table)
        log.add("cleaned", given, table)
        roles = design.role_of(table)
        if settings.method != "none" and not block.calibrated and (roles != "").any():
            wide = spread_group(settings.spread, table, ~roles.isin(["evaluate", ""]))
            before = table
            table, report = calibrate(
                table, roles, method=settings.method, clip=settings.clip, spread_by=wide
            )
            done = profiles.column(table, CALIBRATED).astype(bool)
            table, lost = _kept(table, done if done.any() else ~done, why=NOT_CALIBRATED)
            left_out += lost
            spread = "plate" if wide is None else "screen"
            log.add("scaled", before, table, method=settings.method, spread=spread,
                    clip=settings.clip)  # fmt: skip
            notes.setdefault("calibration", {})[fold] = report
        if block.calibrated or settings.method in ("none", "center"):
            before = table
            table, changed = rescale(table)
            if changed:
                notes.setdefault("rescaled", {})[fold] = changed
                log.add("rescaled", before, table)
        if fold == ALL:
            notes["steps"] = log.steps
        notes.setdefault("cleaned", {})[fold] = dropped
        tables[fold] = table
    return replace(block, tables=tables, notes=notes), tuple(dict.fromkeys(left_out))


def _canonical(wells: pd.DataFrame) -> pd.DataFrame:
    """Wells by plate and well, features by name: the order of a file changes no number."""
    _, places = wells.index.sortlevel(list(WELL_KEY), sort_remaining=False)
    names = sorted(wells.columns)
    ordered = profiles.take(wells, places)
    return ordered if names == list(wells.columns) else ordered[names]


def _measured(name: str, wells: pd.DataFrame) -> np.ndarray:
    known = np.isfinite(wells.to_numpy()).any(axis=1)
    if not known.any():
        raise InputError(
            f"Representation '{name}' has no usable feature: none of its {wells.shape[1]} "
            f"columns holds a number in {len(wells)} wells. Check the table, or leave it out."
        )
    return known


def _kept(wells: pd.DataFrame, keep: np.ndarray, *, why: str) -> tuple[pd.DataFrame, list[LeftOut]]:
    if keep.all():
        return wells, []
    lost = profiles.metadata(profiles.take(wells, ~keep))[list(WELL_KEY)].astype(str)
    named = [LeftOut(plate, well, why) for plate, well in sorted(set(lost.itertuples(index=False)))]
    return profiles.take(wells, keep), named
