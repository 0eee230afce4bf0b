"""Folds for labels of cells: whole wells or plates are held out, whatever classes they hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from phenolens import profiles
from phenolens.errors import DesignError, InputError
from phenolens.findings import Finding
from phenolens.profiles import CELL_LABEL, PLATE, WELL, WELL_KEY
from phenolens.splits.make import UNITS
from phenolens.splits.naming import unique_wells
from phenolens.splits.spread import spread


@dataclass(frozen=True)
class CellFolds:
    """Which wells' cells are held out when.

    Attributes
    ----------
    leave_out : str
        What is held out whole: ``plate``, ``well``, ...
    wells : DataFrame
        One row a well that holds labelled cells, sorted: ``Metadata_Plate``, ``Metadata_Well``,
        ``unit`` (the thing that is held out with it) and ``fold``.
    classes : DataFrame
        One row a class, sorted: ``label``, ``cells``, ``wells``, ``plates`` and ``reason``, a code
        that says why none of its cells is tested; empty where some are.
    mixed : int
        Wells that hold cells of two classes or more.
    """

    leave_out: str
    wells: pd.DataFrame
    classes: pd.DataFrame
    mixed: int

    @property
    def n_folds(self) -> int:
        """Number of folds."""
        return int(self.wells["fold"].max()) + 1

    @cached_property
    def split(self) -> str:
        """As result tables call it."""
        return f"leave-{self.leave_out}-out"

    def of(self, cells: pd.DataFrame) -> np.ndarray:
        """The fold of each cell by its plate and well; -1 for wells without labelled cells."""
        places = profiles.keys(self.wells, WELL_KEY).get_indexer(profiles.keys(cells, WELL_KEY))
        return np.where(places < 0, -1, self.wells["fold"].to_numpy()[places])

    def iterate(self, cells: pd.DataFrame) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        """Each fold with the rows it learns from, and those it tests.

        Parameters
        ----------
        cells : DataFrame
            Plain frame of ``Metadata_Plate``, ``Metadata_Well`` and ``Metadata_CellLabel``. Rows
            without a label are on neither side; a held-out row whose class the fold has not
            learned is not tested.
        """
        fold, label = self.of(cells), cells[CELL_LABEL].to_numpy(dtype=object)
        known = (fold >= 0) & ~pd.isna(label)
        for number in range(self.n_folds):
            train = np.flatnonzero(known & (fold != number))
            held = np.flatnonzero(known & (fold == number))
            yield number, train, held[np.isin(label[held], list(set(label[train])))]


def make_cell_folds(
    cells: pd.DataFrame,
    wells: pd.DataFrame,
    *,
    seed: int,
    leave_out: str = "auto",
    max_folds: int = 5,
) -> CellFolds:
    """Deal whole wells, plates or batches to folds, so that most classes are in several of them.

    Parameters
    ----------
    cells : DataFrame
        Plain frame, one row a cell: plate, well and ``Metadata_CellLabel``, null where not known.
    wells : DataFrame
        Plain frame, one row a well: what units are named by.
    seed : int
    leave_out : str
        ``auto``, or a key of :data:`phenolens.splits.make.UNITS`. ``auto`` leaves plates out where
        most classes that have two wells have two plates, else wells.
    max_folds : int

    Raises
    ------
    DesignError
        If fewer than two classes have cells in two units: says what would help.
    InputError
        If the wells do not say what is to be left out.
    """
    pairs = cells.loc[cells[CELL_LABEL].notna(), [*WELL_KEY, CELL_LABEL]].drop_duplicates()
    pairs = pairs.sort_values([*WELL_KEY, CELL_LABEL], ignore_index=True)
    if leave_out == "auto":
        of_wells, of_plates = (
            (pairs[[*key, CELL_LABEL]].drop_duplicates().groupby(CELL_LABEL).size() > 1).sum()
            for key in (WELL_KEY, (PLATE,))
        )
        leave_out = "plate" if 2 * of_plates >= max(of_wells, 1) else "well"
    pairs["unit"] = _units(pairs, wells, leave_out)
    pairs = pairs[pairs["unit"].notna()].reset_index(drop=True)
    dealt = pairs.rename(columns={CELL_LABEL: "label"}).assign(control=False)
    # "unit": wells that hold several classes are evened out and mended like plates
    dealt["fold"] = spread(dealt, leave_out="unit", seed=seed, max_folds=max_folds)
    classes = _classes(cells, dealt)
    if (classes["reason"] == "").sum() < 2:
        lost = classes.loc[classes["reason"] != "", "label"].tolist()
        about = {"leave_out": leave_out, "classes": len(classes), "alone": lost}
        raise DesignError(Finding("cell-classes-alone", "error", {}, about))
    folds = dealt[[*WELL_KEY, "unit", "fold"]].drop_duplicates(ignore_index=True)
    mixed = int((pairs.groupby(list(WELL_KEY)).size() > 1).sum())
    return CellFolds(leave_out, folds, classes, mixed)


def _units(pairs: pd.DataFrame, wells: pd.DataFrame, leave_out: str) -> pd.Series:
    """What is held out with each row, as text; null where the wells do not say."""
    if leave_out not in UNITS:
        raise InputError(f"Cannot leave out {leave_out!r}; choose one of auto, {', '.join(UNITS)}.")
    if leave_out == "well":
        return pairs[PLATE].astype(str) + "/" + pairs[WELL].astype(str)
    column = UNITS[leave_out]
    if column in (PLATE, WELL):
        return pairs[column].astype(str)
    known = unique_wells(wells, [column])
    named = pairs[list(WELL_KEY)].merge(known, on=list(WELL_KEY), how="left")
    return named[column].astype("string").astype(object)


def _classes(cells: pd.DataFrame, dealt: pd.DataFrame) -> pd.DataFrame:
    """Cells, wells and plates of each class, and why it is never tested."""
    counts = cells.groupby(CELL_LABEL).size().rename("cells")
    by = dealt.groupby("label")
    found = pd.DataFrame({
        "cells": counts,
        "wells": by.size(),
        "plates": by[PLATE].nunique(),
    }).fillna(0).astype(np.int64)  # fmt: skip
    units, folds = (by[name].nunique().reindex(found.index, fill_value=0)
                    for name in ("unit", "fold"))  # fmt: skip
    alone = np.where(units < 2, "class-in-one-unit-only", "class-in-one-fold-only")
    found["reason"] = np.where(folds > 1, "", alone)
    return found.rename_axis("label").reset_index()
