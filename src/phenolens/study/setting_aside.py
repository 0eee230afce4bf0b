"""Wells that a step leaves out, as entries of the ledger."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pandas as pd

from phenolens.findings import Finding
from phenolens.io.ledger import Ledger, SetAside
from phenolens.profiles import WELL_KEY
from phenolens.study.session import Session


def missing_wells(before: pd.DataFrame, after: pd.DataFrame) -> list[tuple[str, str]]:
    """Plate and well of the first frame's wells that the second does not have, sorted."""
    had, has = (
        set(zip(*(f[c].astype(str) for c in WELL_KEY), strict=True)) for f in (before, after)
    )
    return sorted(had - has)


def named(wells: Iterable[tuple[str, str]], why: Finding) -> list[SetAside]:
    """An entry for each of these wells (plate, well)."""
    return [SetAside(why, plate=plate, well=well) for plate, well in wells]


def not_in(
    name: str, lost: Sequence[tuple[str, str]], code: str, **values: object
) -> list[SetAside]:
    """Entries for wells that one representation leaves out."""
    return named(lost, Finding(code, "info", {"representation": name}, values))


def tell(session: Session, aside: Sequence[SetAside], findings: Sequence[Finding]) -> None:
    """Say at once what a step set aside, and what it found: the report may be days away."""
    for line in Ledger(set_aside=list(aside)).lines():
        session.progress.say(line)
    for finding in findings:
        if finding.severity in ("error", "warning"):
            session.progress.say(f"{finding.code}: {finding.said.what} {finding.said.consequence}")
