"""Scores without what they must beat beside them."""

from __future__ import annotations

from collections.abc import Iterable

from phenolens.audit.basis import AuditFinding, unchecked
from phenolens.findings import Severity
from phenolens.published.audit.audit import check
from phenolens.published.audit.declared import Declared

CODE = "missing-baselines"
BASELINES = ("majority", "cell-count", "intensity", "position", "untrained", "shuffled-labels")


@check(130)
def check_baselines(declared: Declared) -> Iterable[AuditFinding]:
    """Scores without what they must beat beside them."""
    said = declared.declaration
    if not said.scores:
        yield unchecked(CODE, "scores")
        return
    given = {*said.study.baselines, *(score.representation for score in said.scores)}
    given = {name.lower().replace("_", "-").removeprefix("baseline:") for name in given}
    absent = [name for name in BASELINES if name not in given]
    severity: Severity = "warning" if absent else "ok"
    about, values = {"baseline": absent}, {"of": len(BASELINES)}
    yield AuditFinding(CODE, severity, about, values, "declaration", "declared-baselines")
