"""Fields in which next to no cell was found, as the nuclear stain shows them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from matplotlib.patches import Circle

from phenolens.answers.tables import Tables
from phenolens.report.figures.montage import show
from phenolens.report.figures.style import INK, WIDTH, Drawn, new_figure
from phenolens.words.numbers import plural

_TOP, _GAP = 0.32, 0.08


def draw(tables: Tables) -> Iterator[Drawn]:
    """One figure: up to three fields side by side, with the size that was looked for."""
    stored = tables.arrays("segmentation")
    if stored is None:
        return
    pixels, expected = stored["pixels"], float(stored["expected"])
    height, width = pixels.shape[1:]
    side = min((WIDTH - 1) / 3, 3.2)
    tall = side * height / width
    figure = new_figure(tall + _TOP + 0.05, width=len(pixels) * (side + _GAP))
    for place, image in enumerate(pixels):
        box = (place * (side + _GAP), _TOP, side, tall)
        axes = show(figure, np.repeat(image[..., None] / 255, 3, axis=-1), box)
        cells = plural(int(stored["cells"][place]), "cell")
        axes.set_title(f"{stored['names'][place]}: {cells}", fontsize=8, color=INK, loc="left")
        radius = expected * float(stored["shrunk"][place]) / 2
        if radius:
            middle = (radius + 4, height - radius - 4)
            axes.add_patch(Circle(middle, radius, fill=False, color="#ffb000", linewidth=1.2))
    size = f" The circle has the diameter looked for, {expected:.0f} pixels." if expected else ""
    yield Drawn(
        name="segmentation-fields",
        figure=figure,
        label="Fields without cells",
        alt=f"The stain {stored['stain']} of fields in which next to no cell was found.",
        caption=f"Fields in which next to no cell was found: {stored['stain']}, each from its "
        f"darkest to its brightest thousandth.{size}",
        photo=True,
    )
