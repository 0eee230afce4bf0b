"""What the network was shown, how its heatmaps were measured, and what was counted as one."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from phenolens.profiles import PLATE, WELL_KEY
from phenolens.published.design import Attribution, HypothesisTest
from phenolens.published.tables import (
    DATA,
    DECLARATION,
    Declared,
    Evidence,
    unchecked,
)
from phenolens.words.numbers import plural as number_of
from phenolens.words.numbers import portion as percent

AREA = "area_fraction"
CONSTANT = 0.005
COARSE = 14
HARMLESS = 1.2
WHOLE = ("well", "plate", "treatment")


def check_input(declared: Declared) -> Iterable[Evidence]:
    """Stains that the network never saw apart, or at all."""
    told = declared.design.images
    if told.input is None and told.used is None:
        yield unchecked("grey-input", "[images] says not what the network was shown")
        return
    lost = [] if told.used is None else [s for s in told.stains if s not in told.used]
    grey = told.input == "grey"
    squeezed = told.input == "rgb" and len(told.stains) > 3
    if grey or squeezed:
        yield _grey(told.input, len(told.stains))
    elif lost:
        yield Evidence(
            "grey-input", "warning", ", ".join(lost),
            f"{len(lost)} of {number_of(len(told.stains), 'stain')} were not used.",
            "Nothing they show can be found.", "Use every stain, or say why not.",
            basis=DECLARATION,
        )  # fmt: skip
    else:
        what = f"The network saw every stain as a channel of its own ({len(told.stains) or 'all'})."
        yield Evidence("grey-input", "ok", "", what, basis=DECLARATION)


def _grey(form: str, stains: int) -> Evidence:
    many = number_of(stains, "stain") if stains else "The stains"
    return Evidence(
        "grey-input", "error", "",
        f"{many} became one {'grey' if form == 'grey' else 'RGB'} image.",
        "Which organelle changed cannot be seen any more, nor be attributed to a stain.",
        "Give the network one channel a stain; adapt its first layer.",
        basis=DECLARATION,
    )  # fmt: skip


def check_threshold(declared: Declared) -> Iterable[Evidence]:
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
        yield Evidence("quantile-threshold", "ok", "", what, basis=basis)
        return
    yield _quantile(told, seen, constant=constant)


def _areas(maps: pd.DataFrame | None) -> np.ndarray:
    if maps is None or AREA not in maps:
        return np.empty(0)
    return maps[AREA].dropna().to_numpy(float)


def _quantile(told: Attribution, seen: str, *, constant: bool) -> Evidence:
    share = "" if told.value is None else f" (top {percent(min(told.value, 1 - told.value))})"
    said = f"The threshold is a quantile of each image{share}"
    what = f"{said if told.threshold == 'quantile' else 'The area is the same in every image'}"
    return Evidence(
        "quantile-threshold", "error", "", f"{what}{': ' + seen if seen else ''}.",
        "The area fraction is fixed by the threshold: it says nothing of cells or treatments.",
        "Threshold at a share of each map's maximum, and compare with control wells.",
        basis=DATA if constant else DECLARATION,
    )  # fmt: skip


def check_resolution(declared: Declared) -> Iterable[Evidence]:
    """Heatmaps whose squares are larger than what they are read for."""
    told = declared.design.attribution
    if told.map_size is None:
        if told.threshold is not None:
            yield unchecked("coarse-attribution", "[attribution] says not the map's own size")
        return
    wide = None if told.image_size is None else told.image_size / told.map_size
    limit = None if told.nucleus_diameter is None else told.nucleus_diameter / 2
    coarse = told.map_size < COARSE if None in (wide, limit) else wide > limit
    square = "" if wide is None else f", {wide:.0f} pixels a square"
    seen = f" for nuclei of {told.nucleus_diameter:g}" if told.nucleus_diameter else ""
    what = f"Maps are {told.map_size} x {told.map_size}{square}{seen}."
    yield Evidence(
        "coarse-attribution", "error" if coarse else "ok", "", what,
        "They cannot tell a nucleus from its cytoplasm, whatever they are laid over." if coarse
        else "",
        "Take an earlier layer, or crops of cells enlarged before the network." if coarse else "",
        basis=DECLARATION,
    )  # fmt: skip


def check_unit(declared: Declared) -> Iterable[Evidence]:
    """Tests that take images of one well for independent observations."""
    if not declared.design.tests:
        yield unchecked("well-not-unit", "no [[tests]] are given")
    for test in declared.design.tests:
        if test.unit in WHOLE:
            what = f"{test.name} counts {test.unit}s, as declared."
            yield Evidence("well-not-unit", "ok", test.name, what, basis=DECLARATION)
        else:
            yield _dependent(declared, test)


def _dependent(declared: Declared, test: HypothesisTest) -> Evidence:
    effect = design_effect(declared.maps)
    what = f"{test.name} takes each {test.unit} for an independent observation."
    remedy = "Average within wells first, or permute whole wells."
    if effect is None:
        return Evidence(
            "well-not-unit", "error", test.name, what,
            "Its p-value is too small: wells differ without any treatment.", remedy,
            basis=DECLARATION,
        )  # fmt: skip
    share, inflation = effect
    told = f"Images of one well share {percent(max(share, 0))} of the area's variance"
    if inflation < HARMLESS:
        told += ", so little is lost here; other features need not behave so."
        return Evidence("well-not-unit", "warning", test.name, what, told, remedy)
    told += f": it has {inflation:.1f} times fewer observations than it counts."
    return Evidence("well-not-unit", "error", test.name, what, told, remedy)


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


def check_control_use(declared: Declared) -> Iterable[Evidence]:
    """Controls that scaled the profiles and judged them afterwards."""
    told = declared.design.controls
    if told.scale_on is None or told.judge_against is None:
        yield unchecked("controls-reused", "[controls] says not which scaled and which judged")
        return
    reused = told.scale_on == "all" and told.judge_against == "all"
    yield Evidence(
        "controls-reused", "warning" if reused else "ok", "",
        f"Controls that scale: {told.scale_on}; controls that judge: {told.judge_against}.",
        "Controls lie nearer to each other than new ones would: treatments look active." if reused
        else "",
        "Scale on some control wells of each plate, judge against the others." if reused else "",
        basis=DECLARATION,
    )  # fmt: skip
