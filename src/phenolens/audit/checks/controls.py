"""Plates without controls, with one, or with too few to both calibrate and evaluate."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from phenolens.audit.audit import check
from phenolens.audit.audited import Audited
from phenolens.findings import Finding, Severity
from phenolens.profiles import CONTROL, PLATE

ENOUGH = 6


@check(50)
def check_controls(design: Audited) -> Iterable[Finding]:
    """How many controls each plate has, and how many must do two things."""
    counts = design.wells.groupby(PLATE)[CONTROL].sum().astype(int)
    bare, single = counts[counts == 0], counts[counts == 1]
    few = counts[(counts > 1) & (counts < ENOUGH)]
    needed = {"plates": len(counts), "needed": ENOUGH}
    if len(bare):
        severity: Severity = "error" if len(bare) == len(counts) else "warning"
        yield Finding("no-controls", severity, _plates(bare), needed | {"concerned": len(bare)})
    if len(single):
        severity = "error" if len(single) == len(counts) else "warning"
        values = needed | {"concerned": len(single), "most": 1}
        yield Finding("few-controls", severity, _plates(single), values)
    if len(few):
        values = needed | {"concerned": len(few), "most": ENOUGH - 1}
        yield Finding("few-controls", "warning", _plates(few), values)
    if counts.min() >= ENOUGH:
        values = needed | {"concerned": 0, "fewest": int(counts.min())}
        yield Finding("few-controls", "ok", {}, values)
    reused = len(single) if design.roles is None else int((design.roles == "reused").sum())
    if reused:
        yield Finding("controls-reused", "warning", _plates(single), {"doubled": reused})


def _plates(part: pd.Series) -> dict[str, tuple[str, ...]]:
    return {"plate": tuple(map(str, part.index))}
