"""A contact sheet of augmentation: images as they are, and as a network saw them in training."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from matplotlib.figure import Figure

from phenolens.answers.tables import Tables
from phenolens.report.figures.montage import composite, show
from phenolens.report.figures.network_pixels import intensities
from phenolens.report.figures.style import WIDTH, Drawn, file_name, new_figure
from phenolens.words import names

_TOP, _GAP = 0.32, 0.04
_IMAGES = "images_"


def draw(tables: Tables) -> Iterator[Drawn]:
    """A figure for each way in which networks of a study were shown images."""
    stored = tables.arrays("augmented")
    if stored is None:
        return
    channels = [str(name) for name in stored["channels"]]
    for key in (key for key in stored if key.startswith(_IMAGES)):
        images, name = stored[key], key.removeprefix(_IMAGES)
        yield Drawn(
            name=f"augmented-{file_name(name)}",
            figure=contact_sheet(images / np.float32(255), channels),
            label=names.label(name),
            alt=f"Contact sheet: {len(images)} images as they are, and {images.shape[1] - 1} times "
            f"as {names.label(name)} was shown them in training.",
            caption="Training images as they are (first column), and as [networks.augment] changed "
            "them at random; composites of all stains in one contrast. What tells treatments apart "
            "must still be there.",
            photo=True,
        )


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
