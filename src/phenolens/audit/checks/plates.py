"""Plates with far fewer wells than usual."""

from __future__ import annotations

from collections.abc import Iterable

from phenolens.audit.audit import check
from phenolens.audit.audited import Audited
from phenolens.findings import Finding
from phenolens.profiles import PLATE


@check(100)
def check_plates(design: Audited) -> Iterable[Finding]:
    """Whether plates hold about equally many wells."""
    sizes = design.wells.groupby(PLATE).size()
    small = sizes[sizes < 0.8 * sizes.median()]
    if len(small):
        values = {"concerned": len(small), "plates": len(sizes), "usual": float(sizes.median())}
        about = {"plate": tuple(map(str, small.index))}
        yield Finding("unbalanced-plates", "info", about, values)
