"""Areas and intensities of Grad-CAM maps: histogram, by treatment, right against wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from phenolens.answers.tables import Tables
from phenolens.report.figures.style import (
    GRID,
    INK,
    MUTED,
    WIDTH,
    Drawn,
    most_lines,
    new_figure,
    wrapped,
)
from phenolens.words.numbers import p_value

AREA, SMALL_AREA, INTENSITY = "area_0.5_image", "area_0.8_image", "intensity_image"
TITLES = {
    AREA: "Area above 0.5 of the maximum",
    SMALL_AREA: "Area above 0.8 of the maximum",
    INTENSITY: "Mean intensity",
}
MOST = 40
BLUE, ORANGE = "#0072B2", "#D55E00"


def draw(tables: Tables) -> Iterator[Drawn]:
    """What published studies show of activation, with wells as units wherever it is compared."""
    if tables.activation_images is not None:
        yield _histogram(tables.activation_images)
    if tables.table("activation_wells") is not None:
        if tables.activation_treatments is not None:
            yield _classes(tables.table("activation_wells"), tables.activation_treatments)
        pairs = paired(tables.table("activation_wells"))
        if len(pairs):
            yield _outcomes(pairs, (tables.activation or {}).get("correct_against_wrong") or [])


def _histogram(images: pd.DataFrame) -> Drawn:
    figure = new_figure(2.9)
    for place, name in enumerate((AREA, SMALL_AREA)):
        axes = figure.add_axes((0.06 + 0.49 * place, 0.19, 0.43, 0.68))
        values = images[name].dropna()
        axes.hist(
            values, bins=np.linspace(0, 1, 41).tolist(), color=BLUE, edgecolor="white", lw=0.5
        )
        axes.axvline(0.2, color=ORANGE, lw=1.2, ls=(0, (4, 3)))
        axes.set(title=TITLES[name], xlabel="share of the image", xlim=(0, 1))
        _grid(axes, "y")
    axes = figure.axes[0]
    axes.set_ylabel("images")
    axes.text(
        0.21,
        0.97,
        "where every image lies if the\nthreshold is its top 20 %",
        va="top",
        fontsize=7.5,
        color=ORANGE,
        transform=axes.get_xaxis_transform(),
    )
    return Drawn(
        name="activation-histogram",
        figure=figure,
        label="Histogram of areas",
        alt=f"Histograms of the activation area of {len(images)} images at two thresholds.",
        caption="Share of each image at or above a share of its map's maximum. A threshold that "
        "is a quantile of the map would put every image on the dashed line: that number is the "
        "threshold's own and no finding.",
    )


def _classes(wells: pd.DataFrame, treatments: pd.DataFrame) -> Drawn:
    treated = wells[(wells["outcome"] == "all") & ~wells["Metadata_Control"].astype(bool)]
    means = treatments.pivot(index="Metadata_Treatment", columns="measure", values="mean")
    means = means[means.index.isin(treated["Metadata_Treatment"])]
    order = means[AREA].sort_values(kind="stable").index
    kept = order if len(order) <= MOST else [*order[: MOST // 2], *order[-MOST // 2 :]]
    left_out = f" Of {len(order)} the {MOST // 2} lowest and highest are drawn."
    return Drawn(
        name="activation-treatments",
        figure=_dots(treated, means.loc[list(kept)]),
        label="By treatment",
        alt=f"Activation area and intensity of the wells of {len(kept)} treatments.",
        caption="Each dot is a well (the mean of its images), each bar the mean over wells."
        + (left_out if len(kept) < len(order) else ""),
    )


def _dots(treated: pd.DataFrame, means: pd.DataFrame) -> Figure:
    order = list(means.index)
    told = [wrapped(name, 48) for name in order]
    height = (0.19 + 0.13 * (most_lines(told) - 1)) * len(order) + 0.95
    longest = max(len(line) for label in told for line in label.split("\n"))
    left = max(0.2, (0.066 * longest + 0.15) / WIDTH)
    wide = (1 - left) / 2
    figure = new_figure(height)
    for place, name in enumerate((AREA, INTENSITY)):
        axes = figure.add_axes((left + wide * place, 0.55 / height, wide - 0.03, 1 - 0.9 / height))
        for row, treatment in enumerate(order):
            values = treated.loc[treated["Metadata_Treatment"] == treatment, name].dropna()
            axes.plot(values, [row] * len(values), "o", ms=4, mfc=BLUE, mec="white", alpha=0.75)
            mean = means.loc[treatment, name]
            axes.plot([mean, mean], [row - 0.35, row + 0.35], color=INK, lw=1.8)
        labels = told if place == 0 else []
        axes.set_yticks(range(len(order)), labels)
        axes.set(title=TITLES[name], ylim=(-0.7, len(order) - 0.3))
        axes.set_xlim(left=0)
        axes.tick_params(axis="y", length=0)
        _grid(axes, "x")
    return figure


def paired(wells: pd.DataFrame) -> pd.DataFrame:
    """Wells that hold images named right and images named wrong: one row a well."""
    parts = wells[wells["outcome"].isin(["right", "wrong"])]
    key = ["Metadata_Plate", "Metadata_Well"]
    table = parts.pivot_table(index=key, columns="outcome", values=[AREA, INTENSITY])
    whole = {(name, side) for name in (AREA, INTENSITY) for side in ("right", "wrong")}
    return table.dropna() if whole <= set(table.columns) else table.iloc[:0]


def _outcomes(pairs: pd.DataFrame, tests: list[dict]) -> Drawn:
    figure = new_figure(3.2, width=7.4)
    by_measure = {str(test.get("measure")): test for test in tests}
    for place, name in enumerate((AREA, INTENSITY)):
        axes = figure.add_axes((0.09 + 0.49 * place, 0.1, 0.38, 0.72))
        test = by_measure.get(name, {})
        _slopes(axes, pairs[name], [test.get("wrong"), test.get("correct")])
        axes.set_title(TITLES[name], pad=16)
        note = f"{len(pairs)} wells, p = {p_value(test.get('p'))} (signs flipped)"
        axes.text(0, 1.02, note, transform=axes.transAxes, fontsize=7.5, color=MUTED)
    return Drawn(
        name="activation-outcome",
        figure=figure,
        label="Right against wrong",
        alt=f"Activation of images named right and wrong in the same {len(pairs)} wells.",
        caption="Wells with both kinds of image: a thin line joins the means of one well's images "
        "named wrong and named right, the thick one the means over wells. Comparing all right "
        "with all wrong images would compare treatments, and take images of a well as independent.",
    )


def _slopes(axes: Axes, pair: pd.DataFrame, means: list[float | None]) -> None:
    for wrong, right in zip(pair["wrong"], pair["right"], strict=True):
        axes.plot([0, 1], [wrong, right], color=MUTED, lw=0.8, alpha=0.6, zorder=1)
    for place, side, colour in ((0, "wrong", ORANGE), (1, "right", BLUE)):
        axes.plot([place] * len(pair), pair[side], "o", ms=4.5, mfc=colour, mec="white", zorder=2)
    known = [mean for mean in means if mean is not None]
    if len(known) == len(means):
        axes.plot([0, 1], known, color=INK, lw=2.4, zorder=3)
    axes.set_xticks([0, 1], ["named wrong", "named right"])
    axes.set_xlim(-0.25, 1.25)
    axes.set_ylim(bottom=0)
    _grid(axes, "y")


def _grid(axes: Axes, which: Literal["x", "y"]) -> None:
    axes.grid(visible=True, axis=which, color=GRID)
    axes.set_axisbelow(True)
