"""Replicates that share their location, treatments at one location only, doses side by side."""

from __future__ import annotations

from collections.abc import Iterable

from phenolens.audit.audit import check
from phenolens.audit.audited import Audited
from phenolens.findings import Finding

_NO_REPLICATES = {"no-well-treated", "no-treatment-in-two-wells"}  # said by other checks


@check(40)
def check_layout(design: Audited) -> Iterable[Finding]:
    """What the positions of replicates say, or why they say nothing."""
    layout = design.layout
    why = layout.unasked.get("replicates")
    if why is not None:
        if why.code not in _NO_REPLICATES:
            yield Finding("layout-not-seen", "info", {}, {"why": why.code, **why.values})
    elif not layout.replicates:
        nothing = {"replicated": 0, "one_position": 0, "named": 0}
        yield Finding("layout-confounded", "ok", {}, nothing)
    findings = [*layout.replicates, layout.elsewhere, layout.doses]
    yield from (finding for finding in findings if finding is not None)
