"""Wells that a split puts on both sides."""

from __future__ import annotations

from collections.abc import Iterable

from phenolens.audit.audit import check
from phenolens.audit.audited import Audited
from phenolens.findings import Finding
from phenolens.profiles import WELL_KEY


@check(80)
def check_folds(design: Audited) -> Iterable[Finding]:
    """Whether a well is in several folds."""
    if design.folds is None:
        return
    tested = design.folds[design.folds["fold"] >= 0]
    sides = tested.groupby(list(WELL_KEY))["fold"].nunique()
    shared = sides[sides > 1]
    values = {"concerned": len(shared), "wells": len(sides), "folds": int(tested["fold"].nunique())}
    about = {"well": tuple("/".join(key) for key in shared.index)}
    yield Finding("split-shares-wells", "error" if len(shared) else "ok", about, values)
