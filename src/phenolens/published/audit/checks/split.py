"""A split declared by field or cell, where no fold of the rows shows it."""

from __future__ import annotations

from collections.abc import Iterable

from phenolens.audit.basis import AuditFinding, unchecked
from phenolens.findings import Severity
from phenolens.published.audit.audit import check
from phenolens.published.audit.declared import Declared

CODE = "split-shares-wells"
APART = ("well", "plate", "batch", "position", "treatment")


@check(20)
def check_split(declared: Declared) -> Iterable[AuditFinding]:
    """A split declared by field or cell, where no fold of the rows shows it."""
    if declared.has_folds:
        return
    unit = declared.declaration.split.unit
    if unit is None:
        yield unchecked(CODE, "split")
        return
    grave = unit not in APART
    severity: Severity = "error" if grave else "ok"
    values = {"unit": unit, "grave": grave}
    yield AuditFinding(CODE, severity, {}, values, "declaration", "declared-split")
