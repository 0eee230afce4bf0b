"""Area fractions that the threshold of a heatmap fixes beforehand."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from phenolens.audit.basis import DATA, DECLARATION, AuditFinding, unchecked
from phenolens.published.audit.audit import check
from phenolens.published.audit.declaration import Attribution
from phenolens.published.audit.declared import (
    AREA,
    Declared,
)
from phenolens.words.numbers import portion as percent

CONSTANT = 0.005


@check(90)
def check_threshold(declared: Declared) -> Iterable[AuditFinding]:
    """Area fractions that the threshold fixes beforehand."""
    told, area = declared.design.attribution, _areas(declared.maps)
    constant = len(area) > 2 and float(np.std(area)) <= CONSTANT
    if told.threshold is None and not len(area):
        yield unchecked("quantile-threshold", "neither [attribution] nor areas are given")
        return
    seen = ""
    if len(area):
        seen = f"area {percent(area.mean())} with sd {np.std(area):.3f} over {len(area):,} images"
    if not constant and told.threshold != "quantile":
        what = f"The area is free to differ between images: {seen or told.threshold}."
        basis = DATA if len(area) else DECLARATION
        yield AuditFinding("quantile-threshold", "ok", "", what, basis=basis)
        return
    yield _quantile(told, seen, constant=constant)


def _areas(maps: pd.DataFrame | None) -> np.ndarray:
    if maps is None or AREA not in maps:
        return np.empty(0)
    return maps[AREA].dropna().to_numpy(float)


def _quantile(told: Attribution, seen: str, *, constant: bool) -> AuditFinding:
    share = "" if told.value is None else f" (top {percent(min(told.value, 1 - told.value))})"
    said = f"The threshold is a quantile of each image{share}"
    what = f"{said if told.threshold == 'quantile' else 'The area is the same in every image'}"
    return AuditFinding(
        "quantile-threshold", "error", "", f"{what}{': ' + seen if seen else ''}.",
        "The area fraction is fixed by the threshold: it says nothing of cells or treatments.",
        "Threshold at a share of each map's maximum, and compare with control wells.",
        basis=DATA if constant else DECLARATION,
    )  # fmt: skip
