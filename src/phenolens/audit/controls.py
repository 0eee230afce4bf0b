"""What the negative controls allow: how many on each plate, where, and for what."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
from scipy.stats import hypergeom

from phenolens.audit.finding import Finding, Screen, listed, number_of, percent
from phenolens.audit.layout_words import in_words
from phenolens.profiles import CONTROL, PLATE, WELL, well_position

ENOUGH = 6
OUTER_RINGS = 2


def check_controls(screen: Screen) -> Iterable[Finding]:
    """Plates without controls, with one, or with too few to both calibrate and judge."""
    counts = screen.wells.groupby(PLATE)[CONTROL].sum().astype(int)
    bare, single = counts[counts == 0], counts[counts == 1]
    few = counts[(counts > 1) & (counts < ENOUGH)]
    if len(bare):
        yield _no_controls(bare, len(counts))
    if len(single):
        yield _one_control(single, len(counts))
    if len(few):
        yield _few_controls(few, len(counts))
    if counts.min() >= ENOUGH:
        what = f"Every plate has {counts.min()} or more control wells."
        yield Finding("few-controls", "ok", "", what)
    yield from _reused(screen, single)


def _no_controls(bare: pd.Series, plates: int) -> Finding:
    return Finding(
        "no-controls", "error" if len(bare) == plates else "warning", listed(bare.index),
        f"Plates without control wells: {len(bare)} of {plates}.",
        "Such a plate cannot be calibrated and takes no part in tests against controls.",
        "Mark controls in the plate map or with [data] controls, or exclude the plate.",
    )  # fmt: skip


def _one_control(single: pd.Series, plates: int) -> Finding:
    return Finding(
        "few-controls", "error" if len(single) == plates else "warning", listed(single.index),
        f"Plates with one control well: {len(single)} of {plates}.",
        "One well cannot show how much untreated wells differ: no activity p-value is given there.",
        f"Put {ENOUGH} or more control wells on every plate, spread over it.",
    )  # fmt: skip


def _few_controls(few: pd.Series, plates: int) -> Finding:
    return Finding(
        "few-controls", "warning", listed(few.index),
        f"Plates with 2 to {ENOUGH - 1} control wells: {len(few)} of {plates}.",
        "Half of them calibrate while the others judge, in turn: the scale of weak effects is "
        "uncertain.",
        f"Put {ENOUGH} or more control wells on every plate.",
    )  # fmt: skip


def _reused(screen: Screen, single: pd.Series) -> Iterable[Finding]:
    roles = screen.roles
    reused = len(single) if roles is None else int((roles == "reused").sum())
    if reused:
        yield Finding(
            "controls-reused", "warning", listed(single.index),
            f"{number_of(reused, 'control well')} must both calibrate and judge.",
            "A plate looks more like its own control than it is.",
            "Read such plates' distances from controls as descriptive.",
        )  # fmt: skip


def check_control_places(screen: Screen) -> Iterable[Finding]:
    """Controls that lie elsewhere on the plate than what they are compared with."""
    found = screen.layout.controls
    if found is not None and found.severity != "ok":
        yield in_words(found)
        return
    if len(screen.controls) < ENOUGH or screen.treated.empty:
        return
    if np.ptp(well_position(screen.wells[WELL]), axis=0).min() <= 2 * OUTER_RINGS:
        return
    controls, treated = (_outer(screen, part) for part in (screen.controls, screen.treated))
    shares = f"{percent(controls)} of controls and {percent(treated)} of treated wells are outer."
    if abs(controls - treated) <= 0.1 or not _unlike_drawn(screen):
        yield Finding("controls-elsewhere", "ok", "", shares)
        return
    yield Finding(
        "controls-elsewhere", "warning", "the two outer rings",
        f"{percent(controls)} of the control wells but {percent(treated)} of the treated wells lie "
        "in the two outer rings.",
        "An edge effect looks like an effect of treatments.",
        "Spread controls over the plate as treatments are spread.",
    )  # fmt: skip


def _unlike_drawn(screen: Screen) -> bool:
    """Whether control positions drawn at random would differ as much in one of twenty at most."""
    used = screen.wells.drop_duplicates(WELL)
    held = screen.controls.drop_duplicates(WELL)
    outer = round(_outer(screen, used) * len(used))
    drawn = hypergeom(len(used), outer, len(held))
    found = round(_outer(screen, held) * len(held))
    return bool(2 * min(drawn.cdf(found), drawn.sf(found - 1)) <= 0.05)


def _outer(screen: Screen, wells: pd.DataFrame) -> float:
    """Share of wells in the two outer rings of the area that the screen uses."""
    used = well_position(screen.wells[WELL])
    place = well_position(wells[WELL])
    distance = np.minimum(place - used.min(axis=0), used.max(axis=0) - place)
    return float((distance.min(axis=1) < OUTER_RINGS).mean())
