"""How a screen is divided before anything learns: folds and control roles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from phenolens import profiles
from phenolens.errors import DesignError
from phenolens.findings import Finding
from phenolens.profiles import CONTROL, PLATE, TREATMENT, WELL, WELL_KEY
from phenolens.settings import Settings
from phenolens.splits import Folds, control_roles, make_folds

ROLE = "Metadata_Role"
FOLD = "Metadata_Fold"
LEFT_OUT = "Metadata_LeftOut"
UNIT = "Metadata_FoldUnit"
COLUMNS = (ROLE, FOLD, LEFT_OUT, UNIT)
NO_TREATMENTS = Finding("no-treatment-named", "error")


@dataclass(frozen=True)
class Design:
    """Folds and control roles of a screen.

    Attributes
    ----------
    folds : Folds or None
        None when no honest split exists; ``refused`` says why.
    refused : Finding or None
    roles : DataFrame
        ``Metadata_Plate``, ``Metadata_Well``, ``role``: one row a well.
    """

    folds: Folds | None
    refused: Finding | None
    roles: pd.DataFrame

    def role_of(self, table: pd.DataFrame) -> pd.Series:
        """Role of each row of a profile table, by plate and well; empty where it has none."""
        keys = profiles.metadata(table)[[PLATE, WELL]]
        return keys.merge(self.roles, on=[PLATE, WELL], how="left")["role"].fillna("")

    def table(self, wells: pd.DataFrame) -> pd.DataFrame:
        """Plate, well, role and fold (-1 where never tested) of each well, sorted."""
        folds = self.folds.table if self.folds else wells.assign(fold=-1)
        table = self.roles.merge(folds[[PLATE, WELL, "fold"]], on=[PLATE, WELL])
        return table.sort_values([PLATE, WELL])


def make_design(wells: pd.DataFrame, settings: Settings) -> Design:
    """Give control wells their roles and cut the screen into folds, or say why that cannot be done.

    Parameters
    ----------
    wells : DataFrame
        Plain frame, one row a well, with ``Metadata_Plate``, ``Metadata_Well`` and, where known,
        ``Metadata_Treatment`` and ``Metadata_Control``.
    settings : Settings
    """
    roles = wells[[PLATE, WELL]].assign(role="")
    if CONTROL in wells:
        roles["role"] = control_roles(wells, seed=settings.seed).to_numpy()
    if TREATMENT not in wells or wells[TREATMENT].isna().all():
        return Design(None, NO_TREATMENTS, roles)
    try:
        folds = make_folds(
            wells,
            leave_out=settings.leave_out,
            label=TREATMENT,
            seed=settings.seed,
            max_folds=settings.max_folds,
        )
    except DesignError as error:
        return Design(None, error.finding, roles)
    return Design(folds, None, roles)


def design_columns(table: pd.DataFrame, design: Design) -> dict[str, np.ndarray]:
    """Roles and folds of a profile table's rows, as columns of the file they travel in."""
    columns = {ROLE: design.role_of(table).to_numpy()}
    if design.folds is not None:
        keys = profiles.metadata(table)[list(WELL_KEY)]
        known = design.folds.table[[*WELL_KEY, "fold", "left_out", "unit"]]
        found = keys.merge(known, on=list(WELL_KEY), how="left")
        columns |= {
            FOLD: found["fold"].fillna(-1).to_numpy(np.int64),
            LEFT_OUT: found["left_out"].fillna(-2).to_numpy(np.int64),
            UNIT: found["unit"].to_numpy(object),
        }
    return columns


def design_from(table: pd.DataFrame, split: dict[str, Any]) -> Design:
    """The design that :func:`design_columns` put beside a profile table.

    Parameters
    ----------
    table : DataFrame
        Profile table with the columns of :data:`COLUMNS`.
    split : dict
        ``leave_out``, ``unit``, ``label``, ``refused``, ``seed`` of the folds, or ``refused`` only.
    """
    metadata = profiles.metadata(table)
    roles = metadata[list(WELL_KEY)].assign(role=metadata[ROLE].fillna("").to_numpy())
    if "leave_out" not in split:
        return Design(None, Finding.of(split["refused"]), roles)
    label = split["label"]
    wells = metadata[list(WELL_KEY)].assign(
        unit=metadata[UNIT],
        label=metadata[label].astype("string").astype(object),
        fold=metadata[FOLD].astype(np.int64),
        left_out=metadata[LEFT_OUT].astype(np.int64),
    )
    wells["reason"] = np.where(wells["fold"] < 0, "not-tested-in-study", "")
    wells = wells.sort_values(list(WELL_KEY), ignore_index=True)
    found = {name: split[name] for name in ("leave_out", "unit", "label", "seed")}
    refused = tuple(map(Finding.of, split["refused"]))
    return Design(Folds(table=wells, refused=refused, **found), None, roles)


def split_of(design: Design) -> dict[str, Any]:
    """What :func:`design_from` needs beside the columns."""
    folds = design.folds
    if folds is None:
        return {"refused": None if design.refused is None else design.refused.data()}
    found = {name: getattr(folds, name) for name in ("leave_out", "unit", "label", "seed")}
    return found | {"refused": [dropped.data() for dropped in folds.refused]}
