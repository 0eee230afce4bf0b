"""Controls that scaled the profiles and were the reference afterwards."""

from __future__ import annotations

from collections.abc import Iterable

from phenolens.audit.basis import AuditFinding, unchecked
from phenolens.findings import Severity
from phenolens.published.audit.audit import check
from phenolens.published.audit.declared import Declared

CODE = "controls-reused"


@check(120)
def check_control_use(declared: Declared) -> Iterable[AuditFinding]:
    """Controls that scaled the profiles and were the reference afterwards."""
    said = declared.declaration.controls
    if said.scale_on is None or said.judge_against is None:
        yield unchecked(CODE, "control-use")
        return
    reused = said.scale_on == "all" and said.judge_against == "all"
    values = {"scaling": said.scale_on, "reference": said.judge_against, "grave": reused}
    severity: Severity = "warning" if reused else "ok"
    yield AuditFinding(CODE, severity, {}, values, "declaration", "declared-control-use")
