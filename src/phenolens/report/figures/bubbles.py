"""What changed: effect by compartment, family of features and stain, a panel a treatment."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from phenolens.answers.tables import Tables
from phenolens.report.figures.style import GRID, INK, MUTED, Drawn, new_figure, wrapped

MOST, ACROSS = 8, 4
COMPARTMENTS = ["Nuclei", "Cells", "Cytoplasm"]
UP, DOWN = "#D55E00", "#0072B2"
NO_STAIN = "none"
STEPS = [2, 3, 5, 10, 20, 30, 50, 100, 200, 300, 500, 1000]


def draw(tables: Tables) -> Iterator[Drawn]:
    """Bubbles for the treatments that head the list of hits."""
    moved = summary(tables)
    if moved is None:
        return
    treatments = top_treatments(tables)
    yield Drawn(
        name="features",
        figure=_panels(moved, treatments),
        label="Features",
        alt=_alt(moved, treatments),
        caption="Bubble area: median absolute effect (robust z against the plate's controls) of "
        "the features of one compartment, family and stain. Orange: most of them rose; blue: most "
        "fell. All panels share one scale; the largest bubble of the key stands for its effect and "
        "all above. “none” holds features that use no stain.",
    )


def summary(tables: Tables) -> pd.DataFrame | None:
    """Median absolute effect and direction by treatment, compartment, family and stain."""
    if tables.features is None:
        return None
    rows = tables.features.assign(channel=stain(tables.features["channel"]))
    rows = rows[rows["compartment"].notna() & rows["family"].notna()]
    keys = ["Metadata_Treatment", "compartment", "family", "channel"]
    grouped = rows.groupby(keys, observed=True)["effect"]
    size, direction = grouped.agg(lambda v: v.abs().median()), grouped.median()
    moved = pd.DataFrame({"size": size, "direction": direction}).reset_index()
    return moved if len(moved) else None


def stain(channel: pd.Series) -> pd.Series:
    """The stain of a feature; ``mito_tubeness``, an image made from Mito, counts as Mito."""
    names = channel.fillna("").replace("", NO_STAIN).astype(str)
    known = {name.lower(): name for name in sorted(set(names)) if "_" not in name}
    return names.map({name: known.get(name.split("_")[0].lower(), name) for name in set(names)})


def top_treatments(tables: Tables, most: int = MOST) -> list[str]:
    """The first treatments of the list of hits: active ones, else the best there are."""
    known = set(tables.features["Metadata_Treatment"]) if tables.features is not None else set()
    if not tables.ranked:
        return sorted(known)[:most]
    ordered = sorted(tables.ranked, key=lambda one: not one.active)
    return [one.name for one in ordered if one.name in known][:most]


def _panels(moved: pd.DataFrame, treatments: list[str]) -> Figure:
    moved = moved[moved["Metadata_Treatment"].isin(treatments)]
    lines, stains, top = _lines(moved), _stains(moved), ceiling(moved["size"])
    down = -(-len(treatments) // ACROSS)
    room = 0.75 if _level(stains) else 1.3
    each = 0.185 * len(lines) + room
    height = each * down + 0.35
    figure = new_figure(height)
    grid = figure.subplots(down, ACROSS, squeeze=False)
    figure.subplots_adjust(
        left=0.17, right=0.99, top=1 - 0.3 / height, bottom=room / height,
        wspace=0.08, hspace=room / (each - room),
    )  # fmt: skip
    for number, axes in enumerate(grid.flat):
        if number < len(treatments):
            part = moved[moved["Metadata_Treatment"] == treatments[number]]
            _panel(axes, part, (lines, stains, top, number % ACROSS == 0))
            axes.set_title(wrapped(treatments[number], 30), fontsize=9)
        else:
            axes.set_visible(False)
    _key(figure, top)
    return figure


def _lines(moved: pd.DataFrame) -> list[tuple[str, str]]:
    found = moved[["compartment", "family"]].drop_duplicates().itertuples(index=False)
    return sorted(map(tuple, found), key=lambda line: (_place(line[0]), *line))


def _place(compartment: str) -> int:
    return COMPARTMENTS.index(compartment) if compartment in COMPARTMENTS else len(COMPARTMENTS)


def _stains(moved: pd.DataFrame) -> list[str]:
    usual = [NO_STAIN, "DNA", "ER", "RNA", "AGP", "Mito"]
    found = set(moved["channel"])
    return [s for s in usual if s in found] + sorted(found - set(usual))


def _level(stains: list[str]) -> bool:
    """Whether the names of the stains fit beside one another."""
    return len(stains) * max(map(len, stains)) <= 32


def _panel(axes: Axes, part: pd.DataFrame, look: tuple) -> None:
    lines, stains, top, labelled = look
    x = [stains.index(stain) for stain in part["channel"]]
    y = [lines.index(line) for line in zip(part["compartment"], part["family"], strict=True)]
    axes.scatter(
        x, y, s=_area(part["size"].to_numpy(), top), lw=0, alpha=0.85, zorder=3,
        c=np.where(part["direction"] > 0, UP, DOWN),
    )  # fmt: skip
    axes.set_xlim(-0.6, len(stains) - 0.4)
    axes.set_ylim(len(lines) - 0.4, -0.6)
    turned = 0 if _level(stains) else 90
    axes.set_xticks(range(len(stains)), stains, fontsize=7.5, rotation=turned)
    axes.set_yticks(
        range(len(lines)), [line[1] for line in lines] if labelled else [], fontsize=7.5
    )
    axes.tick_params(length=0)
    axes.grid(visible=True, color=GRID, lw=0.6)
    axes.set_axisbelow(True)
    _compartments(axes, lines, labelled=labelled)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _compartments(axes: Axes, lines: list[tuple[str, str]], *, labelled: bool) -> None:
    places = [line[0] for line in lines]
    for name in dict.fromkeys(places):
        rows = [i for i, place in enumerate(places) if place == name]
        if rows[0]:
            axes.axhline(rows[0] - 0.5, color="#9aa5b1", lw=0.8)
        if labelled:
            axes.text(
                -0.74, float(np.mean(rows)), name, transform=axes.get_yaxis_transform(),
                rotation=90, ha="center", va="center", fontsize=8, fontweight="bold", color=INK,
            )  # fmt: skip


def ceiling(size: pd.Series) -> float:
    """A round size at which bubbles stop growing: few of those shown are larger."""
    large = float(size.quantile(0.98))
    return next((float(step) for step in STEPS if step >= large), large)


def _area(size: np.ndarray, top: float) -> np.ndarray:
    return 115 * np.clip(size, 0, top) / top


def _key(figure: Figure, top: float) -> None:
    height = figure.get_figheight()
    axes = figure.add_axes((0.17, 0.06 / height, 0.82, 0.3 / height))
    axes.set_xlim(0, 100)
    axes.set_ylim(-1, 1)
    axes.set_axis_off()
    axes.text(0, 0, "median |effect|", va="center", fontsize=8, color=MUTED)
    for x, value in ((15, top / 10), (20, top / 3), (25.5, top)):
        axes.scatter(x, 0, s=_area(np.array([value]), top), color=MUTED, lw=0)
        axes.text(x + 1.4, 0, two_digits(value), va="center", fontsize=8, color=MUTED)
    for x, colour, text in ((36, UP, "mostly up"), (48, DOWN, "mostly down")):
        axes.scatter(x, 0, s=60, color=colour, lw=0)
        axes.text(x + 1.4, 0, text, va="center", fontsize=8, color=MUTED)


def two_digits(value: float) -> str:
    """``1.7``, ``33``, ``100``: never with a power of ten."""
    return f"{float(f'{value:.2g}'):g}"


def _alt(moved: pd.DataFrame, treatments: list[str]) -> str:
    parts = []
    for name in treatments:
        top = moved[moved["Metadata_Treatment"] == name].nlargest(1, "size")
        parts += [f"{name}: {r.compartment} {r.family} {r.channel}" for r in top.itertuples()]
    return (
        "Bubble chart of feature effects. Strongest group by treatment: " + "; ".join(parts) + "."
    )
