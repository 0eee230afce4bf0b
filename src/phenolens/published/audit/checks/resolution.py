"""Heatmaps whose squares are larger than what they are read for."""

from __future__ import annotations

from collections.abc import Iterable

from phenolens.audit.basis import AuditFinding, unchecked
from phenolens.findings import Severity
from phenolens.published.audit.audit import check
from phenolens.published.audit.declared import Declared

CODE = "coarse-attribution"
COARSE = 14


@check(100)
def check_resolution(declared: Declared) -> Iterable[AuditFinding]:
    """Heatmaps whose squares are larger than what they are read for."""
    said = declared.declaration.attribution
    if said.map_size is None:
        if said.threshold is not None:
            yield unchecked(CODE, "map-size")
        return
    wide = None if said.image_size is None else said.image_size / said.map_size
    limit = None if said.nucleus_diameter is None else said.nucleus_diameter / 2
    coarse = said.map_size < COARSE if wide is None or limit is None else wide > limit
    values = {
        "size": said.map_size,
        "wide": wide,
        "nucleus": said.nucleus_diameter,
        "grave": coarse,
    }
    severity: Severity = "error" if coarse else "ok"
    yield AuditFinding(CODE, severity, {}, values, "declaration", "declared-map-size")
