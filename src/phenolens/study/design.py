"""Steps `check` and `splits`: what the screen is, how it is divided, what its design allows."""

from __future__ import annotations

from dataclasses import fields

import pandas as pd

from phenolens import profiles
from phenolens.files import write_json
from phenolens.profiles import PLATE, WELL
from phenolens.settings import Settings
from phenolens.study.session import Session, once
from phenolens.tools.design import Design, make_design


def settings_of(session: Session) -> Settings:
    """The settings of the study file that decide its numbers."""
    study = session.study
    sections = (study.splits, study.normalize, study.evaluate)
    known = {field.name for field in fields(Settings)}
    told = {n: v for part in sections for n, v in part.model_dump().items() if n in known}
    return Settings(seed=session.seed, **told)


@once
def screen(session: Session):
    """Read the screen's tables and join them; nothing of the images is read.

    Raises
    ------
    UndecidedError
        If a plate, or a well, may have been measured twice, and the study file does not say.
    """
    from phenolens.io.copies import ask_about_copies, wells_of
    from phenolens.io.integrate import integrate
    from phenolens.io.measurements import require_plates

    session.progress.say("Joining the screen's tables")
    joined = integrate(session.study.data.model_dump(), session.root)
    tables = {name: wells_of(block.table, block.level) for name, block in joined.profiles.items()}
    distinct = session.study.data.distinct_plates
    known = sorted(set(joined.wells[PLATE]))
    require_plates([distinct], known, told_as="[data] distinct_plates")
    ask_about_copies(joined.wells, tables, distinct=distinct, ledger=joined.ledger)
    return joined


@once
def splits(session: Session) -> Design:
    """Make folds and control roles, before anything learns, and save them."""
    wells = screen(session).wells
    design = make_design(wells, settings_of(session))
    table = design.roles.merge(_fold_column(design.folds, wells), on=[PLATE, WELL])
    profiles.write_frame(table.sort_values([PLATE, WELL]), session.out / "splits.parquet")
    write_json(session.out / "splits.json", _described(session, design.folds, design.refused))
    return design


def _fold_column(folds: object | None, wells: pd.DataFrame) -> pd.DataFrame:
    if folds is None:
        return wells[[PLATE, WELL]].assign(fold=-1)
    return folds.table[[PLATE, WELL, "fold"]]


def _described(session: Session, folds: object | None, refused: str) -> dict:
    asked = session.study.splits.model_dump()
    if folds is None:
        return {"asked": asked, "refused": refused, "n_folds": 0, "split": "none"}
    return {
        "asked": asked,
        "refused": list(folds.refused),
        "n_folds": folds.n_folds,
        "split": f"leave-{folds.leave_out}-out",
        "excluded": folds.excluded().to_dict("records"),
        "seed": session.seed,
    }


@once
def check(session: Session) -> list:
    """Join, divide and audit the screen; write ``ledger.json`` and ``audit.json``."""
    from phenolens.audit.audit import audit_design

    joined, design = screen(session), splits(session)
    write_json(session.out / "ledger.json", joined.ledger.to_json())
    images = joined.images.table.groupby([PLATE, WELL]).size() if joined.images else None
    findings = audit_design(
        joined.wells,
        folds=design.folds,
        roles=design.roles["role"].to_numpy(),
        images_per_well=images,
    )
    write_json(session.out / "audit.json", [finding.to_dict() for finding in findings])
    return findings
