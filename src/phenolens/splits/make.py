"""Cutting a screen into folds, or saying why that cannot be done honestly."""

from __future__ import annotations

import numpy as np
import pandas as pd

from phenolens import profiles
from phenolens.errors import DesignError, InputError
from phenolens.findings import Finding
from phenolens.profiles import CONTROL, PLATE, WELL, WELL_KEY
from phenolens.splits.folds import Folds
from phenolens.splits.naming import unique_wells
from phenolens.splits.spread import spread

UNITS = {
    "well": "well",
    "plate": PLATE,
    "batch": profiles.BATCH,
    "source": "Metadata_Source",
    "position": WELL,
    "compound": profiles.COMPOUND,
    "treatment": profiles.TREATMENT,
    "scaffold": "Metadata_Scaffold",
    "target": "Metadata_Target",
}
_ALTERNATIVES = ("batch", "plate", "well")
_CHEMISTRY = ("compound", "treatment", "scaffold", "target")
_FOLD_COLUMNS = [*WELL_KEY, "unit", "label", "fold", "left_out", "reason"]


def make_folds(
    wells: pd.DataFrame,
    *,
    label: str | None,
    seed: int,
    leave_out: str = "auto",
    max_folds: int = 5,
) -> Folds:
    """Cut a screen into folds that leave out whole units, with every tested class also trained on.

    Units (plates, wells, compounds, ...) are dealt to at most `max_folds` folds so that replicates
    land in different folds, and so that a well more or less does not re-deal the others. A well
    whose class would be missing from its own fold's training rows is never tested, and says why.

    Parameters
    ----------
    wells : DataFrame
        Plain frame of metadata columns; rows may be wells, fields or cells. Where it has
        ``Metadata_Control``, controls do not decide which plates are replicates.
    label : str or None
        The class column. None makes folds for representations that must not have seen what they
        are scored on: no class is required, and controls are dealt out well by well.
    seed : int
    leave_out : str
        ``auto``, or a key of ``UNITS``. ``auto`` leaves plates out where most classes that have two
        wells have two plates, else wells.
    max_folds : int

    Returns
    -------
    Folds

    Raises
    ------
    DesignError
        If no fold could test anything; names the nearest design that could.
    """
    if leave_out == "auto":
        leave_out = _automatic(wells, label)
    frame = _labelled(wells, leave_out=leave_out, label=label)
    table = _assign(frame, leave_out=leave_out, seed=seed, max_folds=max_folds)
    if label is not None:
        table["reason"] = _reasons(table)
        table["fold"] = table["left_out"].where(table["reason"] == "", -1)
    table, refused = _drop_empty(table)
    if table["fold"].max() < (1 if label is None else 0):
        raise DesignError(_refusal(wells, leave_out=leave_out, label=label))
    unit = WELL if leave_out == "well" else UNITS[leave_out]
    folds = Folds(leave_out, unit, label, table[_FOLD_COLUMNS], refused=refused, seed=seed)
    folds.check()
    return folds


def _labelled(wells: pd.DataFrame, *, leave_out: str, label: str | None) -> pd.DataFrame:
    """Wells with their ``unit`` and ``label`` as text, null stays null, and ``control``."""
    if leave_out not in UNITS:
        raise InputError(f"Cannot leave out {leave_out!r}; choose one of auto, {', '.join(UNITS)}.")
    if leave_out == "scaffold" and UNITS["scaffold"] not in wells:
        wells = wells.assign(**{UNITS["scaffold"]: _scaffolds(wells)})
    column = UNITS[leave_out]
    needed = [] if leave_out == "well" else [column]
    known = [CONTROL] if CONTROL in wells else []
    frame = unique_wells(wells, [*needed, *([label] if label else []), *known])
    control = frame[CONTROL].eq(True).fillna(False).astype(bool) if known else False
    each = frame[PLATE].astype(str) + "/" + frame[WELL].astype(str)
    unit = each if leave_out == "well" else frame[column].astype("string").astype(object)
    if label is None and leave_out in _CHEMISTRY and known:
        unit = unit.where(~control, each)
    text = frame[label].astype("string").astype(object) if label else ""
    return frame[list(WELL_KEY)].assign(unit=unit, label=text, control=control)


def _scaffolds(wells: pd.DataFrame) -> pd.Series:
    """Bemis-Murcko scaffold of each row's ``Metadata_SMILES`` (J. Med. Chem. 39, 2887, 1996)."""
    if "Metadata_SMILES" not in wells:
        raise InputError("Leaving scaffolds out needs 'Metadata_Scaffold' or 'Metadata_SMILES'.")
    try:
        from rdkit.Chem.Scaffolds.MurckoScaffold import MurckoScaffoldSmiles
    except ImportError:
        raise InputError(
            "Scaffolds from 'Metadata_SMILES' need rdkit, which is not installed. "
            "Install it, or give a column 'Metadata_Scaffold'."
        ) from None
    smiles = wells["Metadata_SMILES"]
    known = {text: MurckoScaffoldSmiles(text) for text in smiles.dropna().unique()}
    return smiles.map(known)


def _assign(frame: pd.DataFrame, *, leave_out: str, seed: int, max_folds: int) -> pd.DataFrame:
    """Deal whole units to folds; wells without a unit or label take no part."""
    usable = (frame["unit"].notna() & frame["label"].notna()).to_numpy()
    left_out = np.full(len(frame), -2)
    left_out[usable] = spread(frame[usable], leave_out=leave_out, seed=seed, max_folds=max_folds)
    missing = np.where(frame["unit"].isna(), "no-unit-known", "no-label-known")
    reason = np.where(usable, "", missing)
    return frame.assign(left_out=left_out, fold=np.maximum(left_out, -1), reason=reason)


def _reasons(table: pd.DataFrame) -> pd.Series:
    """Codes of why wells are never tested: their class would not be trained on in their fold."""
    reason = table["reason"].copy()
    assigned = table["left_out"] >= 0
    elsewhere = table[assigned].groupby("label")["left_out"].transform("nunique") > 1
    units = table[assigned].groupby("label")["unit"].transform("nunique")
    alone = np.where(units == 1, "class-in-one-unit-only", "class-in-one-fold-only")
    reason[assigned] = np.where(elsewhere, "", alone)
    return reason


def _drop_empty(table: pd.DataFrame) -> tuple[pd.DataFrame, tuple[Finding, ...]]:
    """Renumber the folds that test something; the wells of the others always train."""
    tested = np.unique(table.loc[table["fold"] >= 0, "fold"])
    numbers = {int(old): new for new, old in enumerate(tested)} | {-1: -1, -2: -2}
    gone = sorted(set(table["left_out"]) - set(numbers))
    found = tuple(
        Finding(
            "fold-dropped",
            "warning",
            {"units": sorted(table.loc[table["left_out"] == old, "unit"].unique())[:3]},
        )
        for old in gone
    )
    renumber = {name: table[name].map(numbers).fillna(-1) for name in ("fold", "left_out")}
    return table.assign(**renumber).astype({"fold": int, "left_out": int}), found


def _testable(wells: pd.DataFrame, leave_out: str, label: str) -> int:
    """Number of classes, other than the controls', that occur in two or more units."""
    column = UNITS[leave_out]
    if column != "well" and column not in wells:
        return 0
    part = wells[~wells[CONTROL].eq(True)] if CONTROL in wells else wells
    keys = list(WELL_KEY) if column == "well" else [column]
    return int((part[[label, *keys]].dropna().drop_duplicates().groupby(label).size() > 1).sum())


def _automatic(wells: pd.DataFrame, label: str | None) -> str:
    if label is None:
        return "plate" if wells[PLATE].nunique() > 1 else "well"
    unique_wells(wells, [label])
    by_plate, by_well = (_testable(wells, unit, label) for unit in ("plate", "well"))
    if by_well == 0:
        raise DesignError(_refusal(wells, leave_out="well", label=label))
    return "plate" if 2 * by_plate >= by_well else "well"


def _refusal(wells: pd.DataFrame, *, leave_out: str, label: str | None) -> Finding:
    """Why nothing can be tested, and the nearest design under which something could."""
    if label is None:
        return Finding("one-unit-only", "error", {}, {"leave_out": leave_out})
    values = {"label": label, "classes": int(wells[label].nunique()), "leave_out": leave_out}
    start = _ALTERNATIVES.index(leave_out) + 1 if leave_out in _ALTERNATIVES else 0
    for other in _ALTERNATIVES[start:]:
        if (count := _testable(wells, other, label)) > 0:
            values |= {"nearest": other, "nearest_classes": count}
            break
    return Finding("class-in-one-unit", "error", {}, values)
