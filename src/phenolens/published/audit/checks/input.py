"""Stains that the network never saw apart, or at all."""

from __future__ import annotations

from collections.abc import Iterable

from phenolens.audit.basis import AuditFinding, unchecked
from phenolens.published.audit.audit import check
from phenolens.published.audit.declared import Declared

CODE = "grey-input"


@check(80)
def check_input(declared: Declared) -> Iterable[AuditFinding]:
    """Stains that the network never saw apart, or at all."""
    said = declared.declaration.images
    if said.input is None and said.used is None:
        yield unchecked(CODE, "input")
        return
    lost = [] if said.used is None else [s for s in said.stains if s not in said.used]
    stains = {"stains": len(said.stains)}
    if said.input == "grey" or (said.input == "rgb" and len(said.stains) > 3):
        values = stains | {"form": said.input}
        yield AuditFinding(CODE, "error", {}, values, "declaration", "declared-grey")
    elif lost:
        yield AuditFinding(CODE, "warning", {"stain": lost}, stains, "declaration", "declared-lost")
    else:
        yield AuditFinding(CODE, "ok", {}, stains, "declaration", "declared-stains")
