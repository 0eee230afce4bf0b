"""Controls that scaled the profiles and served as reference afterwards."""

from __future__ import annotations

from collections.abc import Iterable

from phenolens.audit.basis import DECLARATION, AuditFinding, unchecked
from phenolens.published.audit.audit import check
from phenolens.published.audit.declared import (
    Declared,
)


@check(120)
def check_control_use(declared: Declared) -> Iterable[AuditFinding]:
    """Controls that scaled the profiles and judged them afterwards."""
    told = declared.design.controls
    if told.scale_on is None or told.judge_against is None:
        yield unchecked("controls-reused", "[controls] says not which scaled and which judged")
        return
    reused = told.scale_on == "all" and told.judge_against == "all"
    yield AuditFinding(
        "controls-reused", "warning" if reused else "ok", "",
        f"Controls that scale: {told.scale_on}; controls that judge: {told.judge_against}.",
        "Controls lie nearer to each other than new ones would: treatments look active." if reused
        else "",
        "Scale on some control wells of each plate, judge against the others." if reused else "",
        basis=DECLARATION,
    )  # fmt: skip
