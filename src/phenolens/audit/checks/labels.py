"""Wells of which nobody says what was done to them."""

from __future__ import annotations

from collections.abc import Iterable

from phenolens.audit.audit import check
from phenolens.audit.audited import Audited
from phenolens.findings import Finding


@check(10)
def check_labels(design: Audited) -> Iterable[Finding]:
    """Whether all, or some, wells carry no label."""
    blank, wells = int(design.wells[design.label].isna().sum()), len(design.wells)
    about = {"column": design.label}
    if blank == wells:
        yield Finding("no-labels", "warning", about, {"wells": wells})
    elif blank:
        yield Finding("unlabelled-wells", "info", about, {"blank": blank, "wells": wells})
