"""Tests that take images of one well for independent observations."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from phenolens.audit.basis import AuditFinding, unchecked
from phenolens.findings import Severity
from phenolens.profiles import PLATE, WELL_KEY
from phenolens.published.audit.audit import check
from phenolens.published.audit.declaration import HypothesisTest
from phenolens.published.audit.declared import AREA, Declared

CODE = "well-not-unit"
HARMLESS = 1.2
WHOLE = ("well", "plate", "treatment")


@check(110)
def check_unit(declared: Declared) -> Iterable[AuditFinding]:
    """Tests that take images of one well for independent observations."""
    if not declared.declaration.tests:
        yield unchecked(CODE, "tests")
    for test in declared.declaration.tests:
        if test.unit in WHOLE:
            about, values = {"test": test.name}, {"unit": test.unit}
            yield AuditFinding(CODE, "ok", about, values, "declaration", "declared-unit-whole")
        else:
            yield _dependent(declared, test)


def _dependent(declared: Declared, test: HypothesisTest) -> AuditFinding:
    effect = design_effect(declared.maps)
    values = {"unit": test.unit, "share": None, "inflation": None, "harmless": HARMLESS}
    about, worded = {"test": test.name}, "declared-unit"
    if effect is None:
        return AuditFinding(CODE, "error", about, values, "declaration", worded)
    share, inflation = effect
    severity: Severity = "warning" if inflation < HARMLESS else "error"
    values |= {"share": share, "inflation": inflation}
    return AuditFinding(CODE, severity, about, values, worded=worded)


def design_effect(maps: pd.DataFrame | None) -> tuple[float, float] | None:
    """Intraclass correlation of areas within wells, and the inflation ``1 + (m - 1) * icc``.

    One-way analysis of variance (Donner, Int. Stat. Rev. 54, 67, 1986); None where no well has
    two images, or all areas are equal.
    """
    if maps is None or AREA not in maps or not set(WELL_KEY) <= set(maps) or PLATE not in maps:
        return None
    known = maps.dropna(subset=[AREA])
    groups = known.groupby(list(WELL_KEY))[AREA]
    size, mean = groups.size(), groups.mean()
    n, k = int(size.sum()), len(size)
    if k < 2 or n <= k or known[AREA].std() < 1e-9:
        return None
    between = float((size * (mean - known[AREA].mean()) ** 2).sum() / (k - 1))
    inside = float(((known[AREA] - groups.transform("mean")) ** 2).sum() / (n - k))
    usual = (n - (size**2).sum() / n) / (k - 1)
    share = (between - inside) / (between + (usual - 1) * inside)
    return share, max(1 + (usual - 1) * share, 1.0)
