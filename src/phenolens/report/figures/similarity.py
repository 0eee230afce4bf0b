"""Which treatments are similar: cosine similarity of consensus profiles, clustered."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Patch
from scipy.cluster.hierarchy import dendrogram, linkage
from scipy.spatial.distance import squareform

from phenolens.answers.tables import Tables
from phenolens.learn.nearest import unit_rows
from phenolens.profiles import TREATMENT
from phenolens.report.figures.groups import NONE, mechanism_looks
from phenolens.report.figures.marks import Marks
from phenolens.report.figures.style import (
    INK,
    MUTED,
    WIDTH,
    Drawn,
    bare,
    file_name,
    new_figure,
    wrapped,
)
from phenolens.words import names

MOST_LABELS, LABEL = 72, 0.088  # names; inches between them
LEFT, LONGEST = 0.468, 60  # inches at the left; letters of a line


def draw(tables: Tables) -> Iterator[Drawn]:
    """One clustered heat map a representation with consensus profiles."""
    for name in tables.real:
        profiles = tables.consensus(name)
        if profiles is not None and len(profiles) > 2:
            rows, cosine = similarities(profiles)
            figure, order = _heat_map(rows, cosine), np.arange(len(rows))
            yield Drawn(
                name=f"similarity-{file_name(name)}",
                figure=figure,
                label=names.label(name),
                alt=f"Clustered heat map of cosine similarity between {len(rows)} consensus "
                f"profiles by {names.label(name)}.",
                caption="Cosine similarity of consensus profiles (median over wells), ordered by "
                "average linkage. Red blocks on the diagonal are treatments that look similar; the "
                "strip at the left names their mechanism." + _thinned(figure, len(rows)),
                vector=False,
                marks=(Marks(figure.axes[0], order, order, rows[TREATMENT].astype(str).tolist(),
                             matrix=True),),
            )  # fmt: skip


def _thinned(figure: Figure, n: int) -> str:
    step = -(-n // len(figure.axes[0].get_yticks()))
    return f" One of every {step} treatments is named." if step > 1 else ""


def similarities(profiles: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray]:
    """Metadata and cosine matrix of the treatments, ordered so that similar ones are neighbours."""
    features = [c for c in profiles.columns if not c.startswith("Metadata_")]
    values = np.nan_to_num(profiles[features].to_numpy(dtype=float))
    unit = unit_rows(values)
    cosine = np.clip(unit @ unit.T, -1, 1)
    order = _tree(cosine, leaves_only=True)["leaves"]
    return profiles.iloc[order].reset_index(drop=True), cosine[np.ix_(order, order)]


def _tree(cosine: np.ndarray, *, leaves_only: bool = False) -> dict:
    distance = squareform(1 - (cosine + cosine.T) / 2, checks=False)
    tree = linkage(np.clip(distance, 0, None), "average", optimal_ordering=len(cosine) <= 400)
    return dendrogram(tree, no_plot=True) if leaves_only else {"tree": tree}


def _heat_map(rows: pd.DataFrame, cosine: np.ndarray) -> Figure:
    room = WIDTH - LEFT - 0.1 - 0.064 * _longest(rows) - _legend_width(rows)
    most = max(3.2, min(6.6, room))
    side = float(np.clip(0.16 * len(rows), min(4.2, 0.5 * len(rows) + 0.6, most), most))
    height = side + 0.75
    figure = new_figure(height)
    box = (LEFT / WIDTH, 0.62 / height, side / figure.get_figwidth(), side / height)
    axes = figure.add_axes(box)
    image = axes.imshow(
        cosine, cmap="RdBu_r", vmin=-1, vmax=1, interpolation="nearest", aspect="auto"
    )
    bare(axes)
    _names(axes, rows)
    _strip(figure, rows, box)
    _scale(figure, image, box)
    _legend(figure, rows, box)
    return figure


def _names(axes: Axes, rows: pd.DataFrame) -> None:
    step = max(-(-len(rows) // MOST_LABELS), int(np.ceil(len(rows) * LABEL / _side(axes))))
    shown = range(0, len(rows), step)
    labels = [wrapped(rows["Metadata_Treatment"].iloc[i], LONGEST) for i in shown]
    axes.yaxis.tick_right()
    axes.set_yticks(list(shown), labels, fontsize=8 if len(labels) <= 40 else 6.5)
    axes.tick_params(axis="y", length=2 if step > 1 else 0, pad=2)


def _side(axes: Axes) -> float:
    """Height of the axes in inches."""
    return float(axes.get_window_extent().height) / float(axes.figure.dpi)


def _longest(rows: pd.DataFrame) -> int:
    """Letters of the longest name, in the lines in which names are written."""
    return min(LONGEST, int(rows["Metadata_Treatment"].astype(str).str.len().max()))


def _legend_width(rows: pd.DataFrame) -> float:
    longest = max((len(str(name)) for name in mechanism_looks(_mechanisms(rows))), default=0)
    return 0.45 + 0.062 * max(min(longest, 30), 19)


def _strip(figure: Figure, rows: pd.DataFrame, box: tuple) -> None:
    axes = figure.add_axes((box[0] - 0.022, box[1], 0.016, box[3]))
    looks = mechanism_looks(_mechanisms(rows))
    for i, name in enumerate(_mechanisms(rows)):
        axes.axhspan(i - 0.5, i + 0.5, color=looks.get(str(name), (NONE,))[0], lw=0)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlim(0, 1)
    bare(axes)


def _mechanisms(rows: pd.DataFrame) -> list[str | None]:
    if "Metadata_Mechanism" not in rows:
        return [None] * len(rows)
    return [str(m) if pd.notna(m) else None for m in rows["Metadata_Mechanism"]]


def _scale(figure: Figure, image: AxesImage, box: tuple) -> None:
    height = figure.get_figheight()
    axes = figure.add_axes((box[0], 0.42 / height, 0.22, 0.1 / height))
    bar = figure.colorbar(image, cax=axes, orientation="horizontal", ticks=[-1, -0.5, 0, 0.5, 1])
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=7.5, length=2)
    bar.ax.text(
        1.06, 0.5, "cosine", transform=bar.ax.transAxes, va="center", fontsize=8, color=MUTED
    )


def _legend(figure: Figure, rows: pd.DataFrame, box: tuple) -> None:
    looks = mechanism_looks(_mechanisms(rows))
    handles = [Patch(color=c, label=wrapped(name, 30)) for name, (c, _) in looks.items()]
    if any(m not in looks for m in _mechanisms(rows)):
        handles.append(Patch(color=NONE, label="other or none known"))
    figure.legend(
        handles=handles, loc="upper right", bbox_to_anchor=(0.998, box[1] + box[3] + 0.01),
        title="Mechanism", title_fontsize=8.5, alignment="left", labelcolor=INK,
    )  # fmt: skip
