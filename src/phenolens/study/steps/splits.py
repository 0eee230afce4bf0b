"""Folds and control roles, made before anything learns."""

from __future__ import annotations

from typing import Any

from phenolens.io.integrate import Integrated
from phenolens.study.session import Session
from phenolens.study.step import Made, step
from phenolens.tools.design import Design, make_design


@step("splits.parquet", "splits.json")
def splits(session: Session, *, screen: Integrated) -> Made:
    """Make the folds and control roles that every score shares."""
    design = make_design(screen.wells, session.settings)
    files = {
        "splits.parquet": design.table(screen.wells),
        "splits.json": _described(session, design),
    }
    return Made(design, files)


def _described(session: Session, design: Design) -> dict[str, Any]:
    asked, folds = session.study.splits.model_dump(), design.folds
    if folds is None:
        refused = None if design.refused is None else design.refused.to_dict()
        return {"asked": asked, "refused": refused, "n_folds": 0, "split": "none"}
    return {
        "asked": asked,
        "refused": [dropped.to_dict() for dropped in folds.refused],
        "n_folds": folds.n_folds,
        "split": f"leave-{folds.leave_out}-out",
        "excluded": folds.excluded().to_dict("records"),
        "seed": session.seed,
    }
