"""Groups of rows with a colour and a marker that stay theirs through the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.colors import to_hex
from matplotlib.lines import Line2D

from phenolens.report.figures.style import wrapped
from phenolens.words.numbers import natural

COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#332288", "#999933"]
TINTS = ["#8FC3E0", "#F2B48C", "#8CD3BB", "#8E3B6B", "#8A5F00", "#1F6F94", "#A79BE0", "#55551A"]
SHADES = [*COLOURS, *TINTS]
MARKERS = ["o", "s"]
NONE, CONTROL = "#c3cad1", "#1d2733"
MOST = len(SHADES)


@dataclass(frozen=True)
class Group:
    """Rows of a table drawn in the same way."""

    label: str
    colour: str
    rows: np.ndarray
    marker: str = "o"
    alpha: float = 0.9

    def handle(self) -> Line2D:
        return Line2D(
            [], [], ls="", marker=self.marker, mfc=self.colour, mec="white", ms=6,
            label=self.told,
        )  # fmt: skip

    @property
    def told(self) -> str:
        """Its label in lines."""
        return wrapped(self.label, 26)


def mechanism_looks(mechanisms: Sequence[object]) -> dict[str, tuple[str, str]]:
    """Colour and marker of each mechanism: the most frequent first, alphabetical among equals."""
    counts = pd.Series(list(mechanisms), dtype=object).dropna().astype(str).value_counts()
    order = sorted(counts.index, key=lambda name: (-counts[name], name))[:MOST]
    return {name: (SHADES[i], MARKERS[i // len(COLOURS)]) for i, name in enumerate(order)}


def by_mechanism(points: pd.DataFrame) -> list[Group]:
    """Controls, wells without a mechanism, and each of the most frequent mechanisms."""
    control = controls(points)
    named = _mechanisms(points).mask(control)
    looks = mechanism_looks(named)
    rest = ~control & ~named.isin(list(looks)).to_numpy()
    label = "no mechanism known" if named[rest].isna().all() else "other or no mechanism"
    groups = [Group(label, NONE, rest, alpha=0.6), Group("control", CONTROL, control, alpha=0.45)]
    groups += [Group(m, c, (named == m).to_numpy(), k) for m, (c, k) in looks.items()]
    return [group for group in groups if group.rows.any()]


def _mechanisms(points: pd.DataFrame) -> pd.Series:
    if "Metadata_Mechanism" in points:
        return points["Metadata_Mechanism"]
    return pd.Series(np.nan, index=points.index, dtype=object)


def by_plate(plates: pd.Series) -> list[Group]:
    """Each plate; many plates get colours that run with their names, so that drift shows."""
    found = sorted(plates.astype(str).unique(), key=natural)
    if len(found) <= len(SHADES):
        looks = [(SHADES[i], MARKERS[i // 8]) for i in range(len(found))]
    else:
        steps = np.linspace(0.05, 0.95, len(found))
        looks = [(to_hex(colormaps["viridis"](step)), "o") for step in steps]
    groups = zip(found, looks, strict=True)
    return [Group(n, c, (plates.astype(str) == n).to_numpy(), k) for n, (c, k) in groups]


def by_control(points: pd.DataFrame) -> list[Group]:
    """Treated wells under control wells."""
    control = controls(points)
    groups = [Group("treated", "#56B4E9", ~control), Group("control", CONTROL, control)]
    return [group for group in groups if group.rows.any()]


def controls(points: pd.DataFrame) -> np.ndarray:
    """Which rows are controls, bool of shape (n,); none when the table does not say."""
    if "Metadata_Control" not in points:
        return np.zeros(len(points), dtype=bool)
    return points["Metadata_Control"].fillna(value=False).astype(bool).to_numpy()
