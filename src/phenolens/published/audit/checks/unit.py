"""Tests that take images of one well for independent observations."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from phenolens.audit.basis import DECLARATION, AuditFinding, unchecked
from phenolens.profiles import PLATE, WELL_KEY
from phenolens.published.audit.audit import check
from phenolens.published.audit.declaration import HypothesisTest
from phenolens.published.audit.declared import (
    AREA,
    Declared,
)
from phenolens.words.numbers import portion as percent

HARMLESS = 1.2
WHOLE = ("well", "plate", "treatment")


@check(110)
def check_unit(declared: Declared) -> Iterable[AuditFinding]:
    """Tests that take images of one well for independent observations."""
    if not declared.design.tests:
        yield unchecked("well-not-unit", "no [[tests]] are given")
    for test in declared.design.tests:
        if test.unit in WHOLE:
            what = f"{test.name} counts {test.unit}s, as declared."
            yield AuditFinding("well-not-unit", "ok", test.name, what, basis=DECLARATION)
        else:
            yield _dependent(declared, test)


def _dependent(declared: Declared, test: HypothesisTest) -> AuditFinding:
    effect = design_effect(declared.maps)
    what = f"{test.name} takes each {test.unit} for an independent observation."
    remedy = "Average within wells first, or permute whole wells."
    if effect is None:
        return AuditFinding(
            "well-not-unit", "error", test.name, what,
            "Its p-value is too small: wells differ without any treatment.", remedy,
            basis=DECLARATION,
        )  # fmt: skip
    share, inflation = effect
    told = f"Images of one well share {percent(max(share, 0))} of the area's variance"
    if inflation < HARMLESS:
        told += ", so little is lost here; other features need not behave so."
        return AuditFinding("well-not-unit", "warning", test.name, what, told, remedy)
    told += f": it has {inflation:.1f} times fewer observations than it counts."
    return AuditFinding("well-not-unit", "error", test.name, what, told, remedy)


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
