"""Treatments in one well, in fewer than three, or on one plate."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from phenolens.audit.audit import check
from phenolens.audit.audited import Audited
from phenolens.findings import Finding, Severity
from phenolens.profiles import PLATE

INTERVAL_WELLS = 3


@check(30)
def check_replicates(design: Audited) -> Iterable[Finding]:
    """Whether treatments have wells enough, on plates enough."""
    grouped = design.treated.groupby(design.label)
    wells, plates = grouped.size(), grouped[PLATE].nunique()
    if len(wells):
        alone = wells[wells == 1]
        severity = _severity(len(alone), grave=len(alone) > len(wells) / 2)
        yield Finding("class-is-one-well", severity, *_counted(alone, len(wells)))
        few = wells[wells < INTERVAL_WELLS]
        if len(few):
            severity = _severity(len(few), grave=len(few) == len(wells))
            about, values = _counted(few, len(wells))
            yield Finding("no-well-interval", severity, about, values | {"needed": INTERVAL_WELLS})
    if len(design.plates) == 1:
        yield Finding("single-plate", "warning", {"plate": design.plates[0]})
    elif len(wells):
        alone = plates[plates == 1]
        severity = _severity(len(alone), grave=len(alone) == len(plates))
        about, values = _counted(alone, len(plates))
        values["plates"] = len(design.plates)
        yield Finding("no-replicate-plates", severity, about, values)


def _severity(count: int, *, grave: bool) -> Severity:
    return "ok" if not count else "error" if grave else "warning"


def _counted(part: pd.Series, treatments: int) -> tuple[dict, dict]:
    """Whom it concerns, and how many of how many."""
    names = tuple(map(str, part.index))
    return {"treatment": names}, {"concerned": len(part), "treatments": treatments}
