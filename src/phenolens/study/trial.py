"""Evaluation and report tried out: made-up profiles of wells of this screen, asked all questions.

What they take hangs on how many wells, plates, treatments and features there are and hardly on
values, so that numbers drawn at random do, and no image has to be read for them.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from phenolens import profiles
from phenolens.io.integrate import Integrated, ProfileBlock
from phenolens.profiles import CONTROL, PLATE, TREATMENT, WELL
from phenolens.represent.base import ALL, Card
from phenolens.store import Store
from phenolens.study.session import Session, Silent
from phenolens.study.step import take
from phenolens.study.steps.represent import Represented
from phenolens.tools.block import Block

WELLS, PLATES, CONTROLS = 240, 4, 16
"""At most so many wells of so many plates are tried, with so many controls of each."""
NAME = "plan"


@dataclass(frozen=True)
class Tried:
    """What the steps after the representations took, of one representation.

    Attributes
    ----------
    wells : int
        How many were tried.
    once : float
        Seconds that come once however much there is: loading, compiling, and the report.
    each : float
        Seconds of all these wells, when that was done.
    storage : int
        Bytes that the results left.
    """

    wells: int
    once: float
    each: float
    storage: int = 0

    def seconds(self, wells: int, representations: int) -> float:
        """Of so many wells in so many representations."""
        return self.once + self.each * representations * wells / self.wells


def try_evaluation(session: Session, screen: Integrated, features: Sequence[str]) -> Tried:
    """Evaluate some wells of a screen in one representation, twice, and report on them.

    Parameters
    ----------
    session : Session
        Its settings; its folder and store are not touched.
    screen : Integrated
    features : sequence of str
        Names of the features of a representation.

    Returns
    -------
    Tried

    Raises
    ------
    PhenolensError
        If the screen's design cannot be evaluated.
    """
    folder = session.store.root.parent
    wells = some_wells(screen.wells)
    values = np.random.default_rng(session.seed).normal(size=(len(wells), len(features)))
    made = pd.DataFrame(values.astype(np.float32), columns=list(features))
    keys = wells[[PLATE, WELL]].reset_index(drop=True)
    table = profiles.from_frame(pd.concat([keys, made], axis=1), features=list(features))
    table = profiles.with_metadata(table, wells.to_dict("series"))
    block = Block(NAME, {ALL: table}, {ALL: Card(NAME, "well", (), kind="measured")})
    given = {NAME: ProfileBlock(table, "well", normalized=False)}
    known = {
        "screen": replace(screen, images=None, profiles=given, wells=wells),
        "represent": Represented({NAME: block}),
    }
    represent = session.study.represent.model_copy(update={"representations": []})
    study = session.study.model_copy(update={"represent": represent})
    took = []
    for turn in ("first", "second"):
        out = folder / f"{NAME}-{turn}"
        trial = replace(
            session, study=study, out=out, store=Store(out / "store"), progress=Silent(),
            cluster=None, taken=dict(known), seconds={},
        )  # fmt: skip
        began = time.perf_counter()
        take(trial, "interpret")
        took.append(time.perf_counter() - began)
    began = time.perf_counter()
    take(trial, "report")
    report = time.perf_counter() - began
    each = min(took)
    stored = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    return Tried(len(wells), took[0] - each + report, each, stored)


def some_wells(wells: pd.DataFrame) -> pd.DataFrame:
    """Wells of a few plates that share treatments: all of a treatment's there, and some controls.

    Parameters
    ----------
    wells : DataFrame
        Of the screen, a row each.
    """
    if len(wells) <= WELLS or TREATMENT not in wells or CONTROL not in wells:
        return wells.head(WELLS).reset_index(drop=True)
    control = wells[CONTROL].eq(True)
    treated = wells[~control & wells[TREATMENT].notna()]
    if treated.empty:
        return wells.head(WELLS).reset_index(drop=True)
    first = treated.loc[treated[TREATMENT].eq(treated[TREATMENT].iloc[0]), PLATE]
    plates = [*first.unique(), *wells[PLATE].unique()]
    plates = list(dict.fromkeys(plates))[:PLATES]
    controls = wells[control & wells[PLATE].isin(plates)].groupby(PLATE).head(CONTROLS)
    there = treated[treated[PLATE].isin(plates)]
    number = there.groupby(TREATMENT, sort=True).ngroup()
    sizes = there.groupby(number).size().sort_index().cumsum()
    fits = max(int((sizes <= WELLS - len(controls)).sum()), 1)
    kept = pd.concat([controls, there[number < fits]])
    return kept.sort_index().reset_index(drop=True)
