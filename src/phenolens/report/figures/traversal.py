"""What an autoencoder sees change from controls to a treatment, stain by stain."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from matplotlib.figure import Figure

from phenolens.answers.tables import Tables
from phenolens.report.figures.montage import GAMMA, composite, show
from phenolens.report.figures.network_pixels import intensities
from phenolens.report.figures.style import WIDTH, Drawn, file_name, new_figure

_LEFT, _TOP, _GAP = 0.95, 0.32, 0.04


def draw(tables: Tables) -> Iterator[Drawn]:
    """A figure a treatment."""
    stored = tables.arrays("traversals")
    if stored is None:
        return
    channels = [str(name) for name in stored["channels"]]
    for number, treatment in enumerate(map(str, stored["treatments"])):
        apart = float(stored["separation"][number])
        yield Drawn(
            name=f"ways-{file_name(treatment)}",
            figure=traversal(
                stored["images"][number] / 255,
                stored["change"][number],
                stored["shares"],
                channels=channels,
            ),
            label=f"From controls to {treatment}",
            alt=f"Images that the autoencoder decodes between controls and {treatment}: composite "
            f"and {', '.join(channels)}.",
            caption=f"Decoded, not taken: from the mean code of controls to that of {treatment}, "
            f"and half beyond. Both lie {apart:.1f} standard deviations of single images apart"
            + ("; single images do not show this difference." if apart < 1 else ".")
            + " Change: red is brighter in the treatment, each stain on its own scale.",
            photo=True,
        )


def traversal(
    images: np.ndarray, change: np.ndarray, shares: np.ndarray, *, channels: Sequence[str]
) -> Figure:
    """A row a stain, a column a share of the way, and the change at 1.

    Parameters
    ----------
    images : ndarray of float32, shape (n, C, S, S)
        On the 0-1 scale of the stored bytes; all share one contrast a stain.
    change : ndarray of float32, shape (C, S, S)
        Blue where the treatment is dimmer and red where it is brighter, each stain on its own
        scale, which its row names.
    shares : ndarray of float64, shape (n,)
        0 is the mean of controls, 1 that of the treatment.
    channels : sequence of str
    """
    rows = ["Composite", *channels]
    cell = (WIDTH - _LEFT - 0.05) / (len(images) + 1)
    figure = new_figure(_TOP + cell * len(rows) + 0.05)
    seen = intensities(255 * images)
    for column, (image, share) in enumerate(zip(seen, shares, strict=True)):
        for row, panel in enumerate([composite(image, list(channels)), *image**GAMMA]):
            corner = (_LEFT + column * cell, _TOP + row * cell)
            axes = show(figure, panel, (*corner, cell - _GAP, cell - _GAP))
            if row == 0:
                axes.set_title(_titled(float(share)), fontsize=7.5, loc="center", pad=3)
            if column == 0:
                axes.text(-0.06, 0.5, rows[row], fontsize=8.5, ha="right", va="center",
                          transform=axes.transAxes)  # fmt: skip
    for row, difference in enumerate(change, start=1):
        corner = (_LEFT + len(images) * cell, _TOP + row * cell)
        most = float(np.abs(difference).max()) or 1.0
        axes = show(figure, difference, (*corner, cell - _GAP, cell - _GAP))
        axes.images[0].set(cmap="RdBu_r", clim=(-most, most))
        axes.text(0.03, 0.03, f"±{most:.2f}", fontsize=6.5, transform=axes.transAxes)
        if row == 1:
            axes.set_title("change", fontsize=7.5, loc="center", pad=3)
    return figure


def _titled(share: float) -> str:
    if share in (0.0, 1.0):
        return "controls" if share == 0 else "treatment"
    return f"{share:.2f}"
