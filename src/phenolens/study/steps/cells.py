"""Labels of cells: whole wells or plates are held out, and the cells of those are classified."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from phenolens import profiles
from phenolens.config import Study
from phenolens.evaluate.classification.cells import (
    interval_of,
    predict_by_majority,
    predict_by_position,
    predict_cells,
    score_cells,
    shuffled_name,
)
from phenolens.findings import Finding
from phenolens.io.integrate import Integrated
from phenolens.normalize.scale import calibrate
from phenolens.prepared import Prepared
from phenolens.profiles import CELL_LABEL, PLATE, WELL, WELL_KEY
from phenolens.represent.base import refuse_overlap
from phenolens.splits.cells import CellFolds, make_cell_folds
from phenolens.splits.roles import CALIBRATING
from phenolens.study.session import Session
from phenolens.study.step import Made, step
from phenolens.study.steps.represent import Represented
from phenolens.study.trainings import FeaturesOfCells
from phenolens.tools.design import Design

SCALES = ("calibrate", "swap-a", "swap-b")


def has_cell_labels(study: Study) -> bool:
    """Whether a study names the class of each cell."""
    return study.data.columns.cell_label is not None


@step("cell_splits.parquet", verb="splits", when=has_cell_labels)
def cell_splits(session: Session, *, screen: Integrated) -> Made:
    """Which wells' cells are held out when; the value is a :class:`CellFolds`.

    Raises
    ------
    DesignError
        If fewer than two classes can be tested.
    """
    assert screen.images is not None  # cell_label is for images
    settings = session.settings
    folds = make_cell_folds(
        screen.images.table,
        screen.wells,
        seed=session.seed,
        leave_out=settings.leave_out,
        max_folds=settings.max_folds,
    )
    held = screen.images.table.groupby(list(WELL_KEY))[CELL_LABEL].agg(["count", "nunique"])
    wells = folds.wells.merge(held.reset_index(), on=list(WELL_KEY), how="left")
    wells = wells.rename(columns={"count": "cells", "nunique": "classes"})
    never = folds.classes[folds.classes["reason"] != ""]
    return Made(
        folds,
        {"cell_splits.parquet": wells.assign(split=folds.split)},
        counts={
            "cells_with_label": int(folds.classes["cells"].sum()),
            "cell_classes": len(folds.classes),
            "cells_of_classes_never_tested": int(never["cells"].sum()),
        },
    )


@step(
    "cell_scores.parquet", "cell_predictions.parquet", "cell_classes.parquet",
    "cell_findings.json", verb="evaluate", when=has_cell_labels,
)  # fmt: skip
def classify_cells(
    session: Session,
    *,
    cell_splits: CellFolds,
    splits: Design,
    prepare: Prepared,
    represent: Represented,
) -> Made:
    """Classify the cells of held-out wells by every representation, beside baselines.

    Raises
    ------
    LeakError
        If a fold would test cells of wells that its representation learned from.
    """
    asked = _Asked(session, cell_splits, splits, prepare, represent)
    cells, folds = asked.cells, cell_splits
    found = [predict_by_majority(cells, folds), predict_by_position(cells, folds)]
    for name, features in represent.cells.items():
        session.progress.say(f"Classifying held-out cells ({folds.split}): {name}")
        tables = asked.tables(features)
        found.append(predict_cells(name, tables, cells, folds, seed=session.seed))
        null = predict_cells(name, tables, cells, folds, seed=session.seed, shuffle=True)
        found.append(null.assign(representation=shuffled_name(name)))
    over = interval_of(found[0], folds)
    draws = session.settings.bootstrap
    scores = [score_cells(part, folds, over, draws=draws, seed=session.seed) for part in found]
    tested = found[0].groupby("label").size()
    classes = folds.classes.assign(tested=folds.classes["label"].map(tested).fillna(0).astype(int))
    values = {
        "leave_out": folds.leave_out, "cells": len(found[0]), "folds": folds.n_folds,
        "wells": int(found[0].groupby(list(WELL_KEY)).ngroups),
        "plates": int(found[0][PLATE].nunique()), "over": over.over, "units": over.units,
    }  # fmt: skip
    findings = [Finding("cells-not-independent", "info", {}, values), *asked.findings]
    if not over.over:
        findings.append(Finding("cells-without-interval", "warning", {}, {"units": over.units}))
    return Made(
        None,
        {
            "cell_scores.parquet": pd.concat(scores, ignore_index=True),
            "cell_predictions.parquet": pd.concat(found, ignore_index=True),
            "cell_classes.parquet": classes,
            "cell_findings.json": [one.to_dict() for one in findings],
        },
        counts=asked.counts,
    )


@dataclass(frozen=True)
class _Asked:
    """The cells that every representation describes, and their features as they are compared."""

    session: Session
    folds: CellFolds
    design: Design
    prepared: Prepared
    represented: Represented

    @cached_property
    def labelled(self) -> pd.DataFrame:
        """Key and label of every labelled image that could be read."""
        table = self.prepared.images.table
        known = table[[*self.prepared.images.key, CELL_LABEL]].dropna(subset=CELL_LABEL)
        return known.reset_index(drop=True)

    @cached_property
    def shared(self) -> np.ndarray:
        """Which of them every representation describes."""
        there = np.ones(len(self.labelled), dtype=bool)
        for features in self.represented.cells.values():
            for table in features.tables.values():
                there &= self._keys(self.labelled).isin(self._keys(profiles.metadata(table)))
        return there

    @cached_property
    def scaling(self) -> np.ndarray:
        """Which of them lie in wells that only calibrate, and so take no part; none if unscaled."""
        if not self.scaled:
            return np.zeros(len(self.labelled), dtype=bool)
        return self._roles(self.labelled).eq("calibrate").to_numpy()

    @cached_property
    def scaled(self) -> bool:
        """Whether each plate has control wells to scale by that then need not be tested."""
        if self.session.study.normalize.method == "none":
            return False
        roles = self.design.roles
        roles = roles[roles[PLATE].isin(set(self.labelled[PLATE]))]
        held = roles[profiles.keys(roles, WELL_KEY).isin(profiles.keys(self.labelled, WELL_KEY))]
        able = held[held["role"].isin(SCALES)]
        return set(able[PLATE]) == set(self.labelled[PLATE])

    @cached_property
    def cells(self) -> pd.DataFrame:
        """Key and label of those that take part."""
        return self.labelled[self.shared & ~self.scaling].reset_index(drop=True)

    def tables(self, features: FeaturesOfCells) -> list[pd.DataFrame]:
        """Features of the cells that take part, for each fold, by what had not seen its wells."""
        made = {name: self._as_compared(table) for name, table in features.tables.items()}
        compared, found = FeaturesOfCells(made, features.cards), []
        for number, _, test in self.folds.iterate(self.cells):
            table, card = compared.of(number)
            refuse_overlap(card, _wells(self.cells.iloc[test]), [])
            rows = self._keys(profiles.metadata(table)).get_indexer(self._keys(self.cells))
            found.append(profiles.take(table, rows))
        return found

    def _as_compared(self, table: pd.DataFrame) -> pd.DataFrame:
        """Features less the plate's controls, where those scale; as they are otherwise."""
        if not self.scaled:
            return table
        settings = self.session.settings
        roles = self._roles(profiles.metadata(table))
        return calibrate(table, roles, method=settings.method, clip=settings.clip)[0]

    def _roles(self, cells: pd.DataFrame) -> pd.Series:
        """What the well of each cell does: see :func:`phenolens.splits.control_roles`."""
        named = cells[[PLATE, WELL]].merge(self.design.roles, on=[PLATE, WELL], how="left")
        return named["role"].fillna("")

    def _keys(self, frame: pd.DataFrame) -> pd.MultiIndex:
        return profiles.keys(frame, self.prepared.images.key)

    @property
    def counts(self) -> dict[str, int]:
        """Cells that take no part, for the ledger."""
        return {
            "labelled_cells_not_in_every_representation": int((~self.shared).sum()),
            "labelled_cells_in_wells_that_only_calibrate": int(self.scaling.sum()),
        }

    @property
    def findings(self) -> list[Finding]:
        """What the cells' labels allow, and what takes no part."""
        found = []
        table = self.prepared.images.table
        if blank := int(table[CELL_LABEL].isna().sum()):
            values = {"cells": blank, "of": len(table)}
            found.append(Finding("cells-unlabelled", "info", {}, values))
        never = self.folds.classes[self.folds.classes["reason"] != ""]
        for reason, part in never.groupby("reason"):
            about = {"label": part["label"].tolist()}
            why = {"reason": reason, "leave_out": self.folds.leave_out}
            why |= {"cells": int(part["cells"].sum())}
            found.append(Finding("cell-class-never-tested", "warning", about, why))
        if not self.folds.mixed:
            values = {"wells": len(self.folds.wells)}
            found.append(Finding("cell-classes-are-wells", "warning", {}, values))
        if lost := int((~self.shared).sum()):
            found.append(Finding("cells-not-described", "info", {}, {"cells": lost}))
        roles = self._roles(self.labelled)
        if self.scaled:
            values = {"cells": int(self.scaling.sum())}
            found.append(Finding("cells-scaled", "info", {}, values))
        elif roles.isin([*SCALES, "reused"]).any():
            found.append(Finding("cells-not-scaled", "info"))
        elif not self.design.roles["role"].isin(CALIBRATING).any():
            found.append(Finding("cells-without-controls", "info"))
        return found


def _wells(cells: pd.DataFrame) -> list[str]:
    """``plate/well`` of cells, each once."""
    return sorted(set(cells[PLATE].astype(str) + "/" + cells[WELL].astype(str)))
