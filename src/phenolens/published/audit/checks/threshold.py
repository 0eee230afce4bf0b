"""Area fractions that the threshold of a heatmap fixes beforehand."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from phenolens.audit.basis import AuditFinding, Basis, unchecked
from phenolens.published.audit.audit import check
from phenolens.published.audit.declared import AREA, Declared

CODE = "quantile-threshold"
CONSTANT = 0.005


@check(90)
def check_threshold(declared: Declared) -> Iterable[AuditFinding]:
    """Area fractions that the threshold fixes beforehand."""
    said, area = declared.declaration.attribution, _areas(declared.maps)
    if said.threshold is None and not len(area):
        yield unchecked(CODE, "areas")
        return
    constant = len(area) > 2 and float(np.std(area)) <= CONSTANT
    values = {
        "threshold": said.threshold,
        "quantile": said.value,
        "mean": float(area.mean()) if len(area) else None,
        "sd": float(np.std(area)) if len(area) else None,
        "images": len(area),
    }
    if not constant and said.threshold != "quantile":
        shown: Basis = "data" if len(area) else "declaration"
        yield AuditFinding(CODE, "ok", {}, values, shown, "declared-area-free")
        return
    basis: Basis = "data" if constant else "declaration"
    yield AuditFinding(CODE, "error", {}, values, basis, "declared-area-fixed")


def _areas(maps: pd.DataFrame | None) -> np.ndarray:
    if maps is None or AREA not in maps:
        return np.empty(0)
    return maps[AREA].dropna().to_numpy(float)
