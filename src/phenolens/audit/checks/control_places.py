"""Controls that lie elsewhere on the plate than what they are compared with."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
from scipy.stats import hypergeom

from phenolens.audit.audit import check
from phenolens.audit.audited import Audited
from phenolens.audit.checks.controls import ENOUGH
from phenolens.findings import Finding
from phenolens.profiles import WELL, well_position

OUTER_RINGS = 2


@check(60)
def check_control_places(design: Audited) -> Iterable[Finding]:
    """Whether controls lie among the treatments, and as often in the outer rings."""
    found = design.layout.controls
    if found is not None and found.severity != "ok":
        yield found
        return
    if len(design.controls) < ENOUGH or design.treated.empty:
        return
    if np.ptp(well_position(design.wells[WELL]), axis=0).min() <= 2 * OUTER_RINGS:
        return
    controls, treated = (_outer(design, part) for part in (design.controls, design.treated))
    elsewhere = abs(controls - treated) > 0.1 and _unlike_drawn(design)
    values = {"outer_controls": controls, "outer_treated": treated, "elsewhere": elsewhere}
    about = {"place": "the two outer rings"}
    yield Finding("controls-elsewhere", "warning" if elsewhere else "ok", about, values)


def _unlike_drawn(design: Audited) -> bool:
    """Whether control positions drawn at random would differ as much in one of twenty at most."""
    used = design.wells.drop_duplicates(WELL)
    held = design.controls.drop_duplicates(WELL)
    outer = round(_outer(design, used) * len(used))
    drawn = hypergeom(len(used), outer, len(held))
    found = round(_outer(design, held) * len(held))
    return bool(2 * min(drawn.cdf(found), drawn.sf(found - 1)) <= 0.05)


def _outer(design: Audited, wells: pd.DataFrame) -> float:
    """Share of wells in the two outer rings of the area that the screen uses."""
    used = well_position(design.wells[WELL])
    place = well_position(wells[WELL])
    distance = np.minimum(place - used.min(axis=0), used.max(axis=0) - place)
    return float((distance.min(axis=1) < OUTER_RINGS).mean())
