"""How often the most frequent class alone is right."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from phenolens.audit.audit import check
from phenolens.audit.audited import Audited
from phenolens.findings import Finding, Severity
from phenolens.profiles import WELL_KEY


@check(20)
def check_majority(design: Audited) -> Iterable[Finding]:
    """The share of the largest class, of images where they are known."""
    weights = _weights(design)
    shares = weights.groupby(design.wells[design.label].to_numpy()).sum() / weights.sum()
    if len(shares) < 2:
        return
    share = float(shares.max())
    grave = share >= 0.1 and share >= 1.5 / len(shares)
    values = {"share": share, "classes": len(shares), "of_images": design.images is not None}
    about = {"treatment": str(shares.idxmax())}
    severity: Severity = "warning" if grave else "ok"
    yield Finding("majority-class", severity, about, values | {"grave": grave})


def _weights(design: Audited) -> pd.Series:
    if design.images is None:
        return pd.Series(1.0, index=design.wells.index)
    keys = pd.MultiIndex.from_frame(design.wells[list(WELL_KEY)])
    counts = design.images.reindex(keys).fillna(0).to_numpy(float)
    return pd.Series(counts if counts.any() else 1.0, index=design.wells.index)
