"""Could position explain it? What a layout alone says, before any feature is read.

Three things are kept apart: whether the replicates of a treatment share their location; whether
treatments lie at another location too, where they can be compared; and whether the controls lie
where the treatments lie. Doses of one compound side by side are a fourth.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from phenolens.evaluate.layout.controls import controls_elsewhere
from phenolens.evaluate.layout.grid import Grid, grid_of, placed
from phenolens.evaluate.layout.replicates import (
    NOBODY,
    compared_elsewhere,
    doses_together,
    predicted,
    replicate_pairs,
    shared_locations,
    why_not,
)
from phenolens.evaluate.layout.statistics import BETWEEN
from phenolens.findings import Finding
from phenolens.profiles import TREATMENT, WELL


@dataclass(frozen=True)
class Layout:
    """What :func:`examine_layout` found.

    Attributes
    ----------
    replicates : tuple of Finding
        Replicates that share their location; empty where none do.
    elsewhere : Finding or None
        ``compared-elsewhere``: how many treatments lie at another location too; its
        ``about["treatment"]`` are those that do not. None where that cannot be asked.
    controls : Finding or None
        ``controls-elsewhere``, of severity ``ok`` where the controls lie among the treatments;
        ``about["treatment"]`` are those with no well near a control. None where that cannot be
        asked.
    doses : Finding or None
        ``layout-doses``, where doses of one compound lie side by side.
    unasked : dict of str to Finding
        Why ``replicates``, ``elsewhere`` or ``controls`` could not be asked.
    """

    replicates: tuple[Finding, ...]
    elsewhere: Finding | None
    controls: Finding | None
    doses: Finding | None
    unasked: dict[str, Finding] = field(default_factory=dict, hash=False)


def examine_layout(wells: pd.DataFrame, *, label: str = TREATMENT, seed: int = 0) -> Layout:
    """Say whether position could explain what wells of one treatment share.

    Treatments are permuted within plates among the treated wells, 299 times. Replicates share
    their location where a statistic of closeness (same position, neighbouring well, row, column,
    quadrant, distance, edge, the same neighbours again) lies beyond the largest that all statistics
    reach in any permutation, and makes up 4 % or more of what full confounding would be. Controls
    are held against as many positions drawn at random among those in use.

    Parameters
    ----------
    wells : DataFrame
        One row a well: ``Metadata_Plate``, ``Metadata_Well``, the label and, where known,
        ``Metadata_Control``, ``Metadata_Compound`` and ``Metadata_Concentration``. Wells without a
        label take no part.
    label : str
        Column of the treatment.
    seed : int
        Seed of the permutations.

    Returns
    -------
    Layout

    Raises
    ------
    InputError
        If there is no column of plates, of wells or of the label, or a well's name cannot be read.
    """
    wells = placed(wells, label)
    grid = grid_of(wells, label, seed=seed)
    unasked: dict[str, Finding] = {}
    replicates: tuple[Finding, ...] = ()
    elsewhere = None
    if why := why_not(grid, replicate_pairs(grid)):
        unasked |= dict.fromkeys(("replicates", "elsewhere"), Finding(why, "info"))
        if wells[WELL].nunique() > 1:
            replicates = _with_kept_positions(grid, ())
    else:
        replicates = _with_kept_positions(grid, shared_locations(grid))
        shared = [finding.values["statistic"] for finding in replicates]
        elsewhere = compared_elsewhere(grid, shared)
    controls, unknown = controls_elsewhere(wells, grid)
    if unknown is not None:
        unasked["controls"] = unknown
    return Layout(replicates, elsewhere, controls, doses_together(grid), unasked)


def _with_kept_positions(grid: Grid, findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Findings on positions say how many treatments have one only; half of them are a finding.

    That takes no permutation: a screen can be too small for one to be certain.
    """
    cells = grid.shape[0] * grid.shape[1]
    spot = np.unique(grid.label * cells + grid.row * grid.shape[1] + grid.column) // cells
    several = np.flatnonzero(np.bincount(grid.label) > 1)
    fixed = several[np.bincount(spot)[several] == 1]
    names = tuple(grid.labels[k] for k in fixed)
    most = len(fixed) > 0 and len(fixed) >= 0.5 * len(several)
    kept = {"one_position": len(fixed)}
    found = []
    for finding in findings:
        if finding.code == "layout-confounded":
            named = finding.about["treatment"] or (names if most else ())
            values = {**finding.values, **kept, "named": len(named)}
            found.append(
                replace(finding, about={**finding.about, "treatment": named}, values=values)
            )
        else:
            found.append(finding)
    if most and not any(finding.code == "layout-confounded" for finding in found):
        values = {"statistic": "same", "where": BETWEEN, "replicated": len(several)}
        values |= kept | {"named": len(fixed), "complete": True} | predicted(grid)
        about = NOBODY | {"treatment": names}
        found.insert(0, Finding("layout-confounded", "error", about, values))
    return tuple(found)
