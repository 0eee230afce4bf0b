"""Mechanisms that only one batch has seen."""

from __future__ import annotations

from collections.abc import Iterable

from phenolens.audit.audit import check
from phenolens.audit.audited import Audited
from phenolens.findings import Finding
from phenolens.profiles import BATCH, MECHANISM


@check(70)
def check_batches(design: Audited) -> Iterable[Finding]:
    """Whether a mechanism can be told from its batch."""
    known = design.treated[design.treated[MECHANISM].notna() & design.treated[BATCH].notna()]
    if known[BATCH].nunique() < 2:
        return
    batches = known.groupby(MECHANISM)[BATCH].nunique()
    alone = batches[batches == 1]
    values = {
        "concerned": len(alone),
        "mechanisms": len(batches),
        "batches": int(known[BATCH].nunique()),
        "treatments": int(known[known[MECHANISM].isin(alone.index)][design.label].nunique()),
    }
    about = {"mechanism": tuple(map(str, alone.index))}
    yield Finding("batch-confounded", "warning" if len(alone) else "ok", about, values)
