"""Steps `check` and `splits`: what the screen is, how it is divided, what its design allows."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import pandas as pd

from phenolens import profiles
from phenolens.errors import DesignError
from phenolens.files import write_json
from phenolens.profiles import CONTROL, PLATE, TREATMENT, WELL
from phenolens.study.session import Session, once


@dataclass(frozen=True)
class Design:
    """Folds and control roles of a screen.

    Attributes
    ----------
    folds : Folds or None
        None when no honest split exists; ``refused`` says why.
    refused : str
    roles : DataFrame
        ``Metadata_Plate``, ``Metadata_Well``, ``role``: one row a well.
    """

    folds: object | None
    refused: str
    roles: pd.DataFrame

    def role_of(self, table: pd.DataFrame) -> pd.Series:
        """Role of each row of a profile table, by plate and well; empty where it has none."""
        keys = profiles.metadata(table)[[PLATE, WELL]]
        return keys.merge(self.roles, on=[PLATE, WELL], how="left")["role"].fillna("")


@once
def screen(session: Session):
    """Read the screen's tables and join them; nothing of the images is read."""
    from phenolens.io.integrate import integrate

    session.progress.say("Joining the screen's tables")
    return integrate(session.study.data.model_dump(), session.root)


@once
def splits(session: Session) -> Design:
    """Make folds and control roles, before anything learns, and save them."""
    from phenolens.splits import control_roles

    wells = screen(session).wells
    roles = wells[[PLATE, WELL]].assign(role="")
    if CONTROL in wells:
        roles["role"] = control_roles(wells, seed=session.seed).to_numpy()
    folds, refused = _folds(session, wells)
    table = roles.merge(_fold_column(folds, wells), on=[PLATE, WELL])
    profiles.write_frame(table.sort_values([PLATE, WELL]), session.out / "splits.parquet")
    write_json(session.out / "splits.json", _described(session, folds, refused))
    return Design(folds, refused, roles)


def _folds(session: Session, wells: pd.DataFrame) -> tuple[object | None, str]:
    from phenolens.splits import make_folds

    settings = session.study.splits
    if TREATMENT not in wells:
        return None, "no treatments are named, so there is nothing to tell apart"
    try:
        folds = make_folds(
            wells,
            leave_out=settings.leave_out,
            label=TREATMENT,
            seed=session.seed,
            max_folds=settings.max_folds,
        )
    except DesignError as error:
        return None, str(error)
    folds.check()
    return folds, ""


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
    from phenolens.evaluate.audit import audit_design

    joined, design = screen(session), splits(session)
    write_json(session.out / "ledger.json", joined.ledger.to_json())
    images = joined.images.table.groupby([PLATE, WELL]).size() if joined.images else None
    findings = audit_design(
        joined.wells,
        folds=design.folds,
        roles=design.roles["role"].to_numpy(),
        images_per_well=images,
    )
    write_json(session.out / "audit.json", [asdict(finding) for finding in findings])
    return findings
