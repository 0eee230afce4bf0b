"""A contact sheet of augmentation: images as they are, and as a network saw them in training."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from phenolens.report.figures.montage import composite, show
from phenolens.report.figures.network_pixels import intensities
from phenolens.report.figures.style import WIDTH, new_figure

_TOP, _GAP = 0.32, 0.04


def contact_sheet(images: np.ndarray, channels: Sequence[str]) -> Figure:
    """A row an image: as it is, then as training changed it, composites in one contrast.

    Parameters
    ----------
    images : ndarray of float32, shape (n, 1 + times, C, S, S)
        As :func:`phenolens.interpret.augmented.augmented` gives them.
    channels : sequence of str
    """
    n, columns = images.shape[:2]
    cell = (WIDTH - 0.1) / columns
    figure = new_figure(_TOP + cell * n + 0.05)
    flat = images.reshape(n * columns, *images.shape[2:])
    seen = intensities(255 * flat, 255 * images[:, 0]).reshape(images.shape)
    for row in range(n):
        for column in range(columns):
            corner = (0.05 + column * cell, _TOP + row * cell)
            panel = composite(seen[row, column], list(channels))
            axes = show(figure, panel, (*corner, cell - _GAP, cell - _GAP))
            if row == 0 and column < 2:
                title = ("as it is", "in training")[column]
                axes.set_title(title, fontsize=7.5, loc="center", pad=3)
    return figure
