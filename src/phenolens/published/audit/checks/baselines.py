"""Scores without what they must beat beside them."""

from __future__ import annotations

from collections.abc import Iterable

from phenolens.audit.basis import DECLARATION, AuditFinding, unchecked
from phenolens.published.audit.audit import check
from phenolens.published.audit.declared import (
    Declared,
)

BASELINES = ("majority", "cell-count", "intensity", "position", "untrained", "shuffled-labels")


@check(130)
def check_baselines(declared: Declared) -> Iterable[AuditFinding]:
    """Scores without what they must beat beside them."""
    if not declared.design.scores:
        yield unchecked("missing-baselines", "no scores are given")
        return
    given = {*declared.design.study.baselines, *(s.representation for s in declared.design.scores)}
    given = {name.lower().replace("_", "-").removeprefix("baseline:") for name in given}
    absent = [name for name in BASELINES if name not in given]
    if not absent:
        what = "Every score stands beside its baselines."
        yield AuditFinding("missing-baselines", "ok", "", what, basis=DECLARATION)
        return
    yield AuditFinding(
        "missing-baselines", "warning", ", ".join(absent),
        f"{len(absent)} of {len(BASELINES)} baselines are not reported: {', '.join(absent)}.",
        "A score may come from class sizes, cell number, brightness or position alone.",
        "Print them beside every score, made with the same split.",
        basis=DECLARATION,
    )  # fmt: skip
