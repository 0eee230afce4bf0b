"""The two tests behind ``activity.parquet``: labels permuted among wells, or among positions.

Where treatments sit at several positions, wells are exchangeable and labels are permuted within
plates. Where one layout is repeated on every plate, a treatment cannot be told from its position
by permuting wells; then control wells that share a position form the null.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from phenolens import profiles
from phenolens.errors import DesignError
from phenolens.profiles import CONTROL, PLATE, TREATMENT
from phenolens.study.design import check
from phenolens.study.session import Session

TESTED = ["n", "map", "map_normalized", "map_chance", "low", "high", "p", "q", "p_attainable"]
PLAIN = {"map": "map_plain", "p": "p_plain", "q": "q_plain"}
_SAFE_PERMUTATIONS = 1_000


@dataclass(frozen=True)
class Tested:
    """Activity of treatments, which test gave it, and what the test says as a whole."""

    table: pd.DataFrame
    test: str
    summary: dict = field(default_factory=dict)
    note: str = ""


def run_tests(session: Session, wells: pd.DataFrame) -> Tested:
    """Test treatments against the controls that judge.

    Parameters
    ----------
    session : Session
    wells : DataFrame
        Treated wells, and the control wells that judge.

    Raises
    ------
    DesignError
        If no control is left to judge.
    """
    plain = _label_permutation(session, wells)
    if not _position_matters(session):
        return plain
    try:
        safe = _position_safe(session, wells)
    except DesignError as error:
        if session.study.evaluate.position_safe == "yes":
            raise
        note = f"position could explain this: the layout is fixed, and {error}"
        return Tested(plain.table, plain.test, plain.summary, note)
    both = plain.table[[TREATMENT, *PLAIN]].rename(columns=PLAIN)
    table = safe.table.merge(both, on=TREATMENT, how="left")
    return Tested(table, safe.test, {"position_safe": safe.summary, "plain": plain.summary})


def _position_matters(session: Session) -> bool:
    wanted = session.study.evaluate.position_safe
    if wanted != "auto":
        return wanted == "yes"
    return any(
        finding.code == "layout-confounded" and finding.severity != "ok"
        for finding in check(session)
    )


def _label_permutation(session: Session, wells: pd.DataFrame) -> Tested:
    from phenolens.evaluate.activity import activity

    settings = session.study.evaluate
    controls = profiles.column(wells, CONTROL).astype(bool)
    if not controls.any():
        raise DesignError("no control well is left to judge, so activity cannot be tested")
    found = activity(
        wells,
        same_by=TREATMENT,
        controls=controls,
        strata=PLATE,
        permutations=settings.permutations,
        alpha=settings.alpha,
        seed=session.seed,
    )
    return Tested(found.table[[TREATMENT, *TESTED]], "label-permutation", found.summary)


def _position_safe(session: Session, wells: pd.DataFrame) -> Tested:
    from phenolens.evaluate.position_safe import position_safe

    settings = session.study.evaluate
    controls = profiles.column(wells, CONTROL).astype(bool)
    found = position_safe(
        wells,
        same_by=TREATMENT,
        controls=controls,
        within=_within(wells, controls),
        permutations=_SAFE_PERMUTATIONS,
        alpha=settings.alpha,
        seed=session.seed,
    )
    columns = [TREATMENT, *TESTED, "p_smooth", "q_smooth"]
    return Tested(found.table[columns], "position-safe", found.summary)


def _within(wells: pd.DataFrame, controls: np.ndarray) -> str | None:
    """References come from the same plate, where every plate has some."""
    plates = profiles.column(wells, PLATE)
    return PLATE if set(plates[controls]) == set(plates) else None
