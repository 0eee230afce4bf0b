"""Whether cells are counted."""

from __future__ import annotations

from collections.abc import Iterable

from phenolens.audit.audit import check
from phenolens.audit.audited import Audited
from phenolens.findings import Finding
from phenolens.profiles import CELL_COUNT


@check(90)
def check_counts(design: Audited) -> Iterable[Finding]:
    """Whether loss of cells can be told from a phenotype."""
    counted = CELL_COUNT in design.wells and design.wells[CELL_COUNT].notna().any()
    if not counted and design.images is None:
        yield Finding("cell-count-missing", "info", {"column": CELL_COUNT})
