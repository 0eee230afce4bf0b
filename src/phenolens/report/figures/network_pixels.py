"""What a network read, for a reader's eye: intensities, stain names in colour, outlines."""

from __future__ import annotations

from itertools import cycle

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke

from phenolens.report.figures.montage import SPARE, STAIN_COLOURS
from phenolens.report.figures.style import INK

BRIGHTEST = 99.7  # percentile of a stain that is drawn at full brightness


def intensities(stack: np.ndarray, reference: np.ndarray | None = None) -> np.ndarray:
    """Bytes that a network reads as intensities from 0 to 1, with one contrast a stain.

    Parameters
    ----------
    stack : ndarray of uint8, shape (n, C, H, W)
        Square roots of scaled intensities.
    reference : ndarray of uint8, shape (m, C, H, W), optional
        Images that set the contrast; by default the stack itself.
    """
    base = stack if reference is None else reference
    linear, base = ((pixels.astype(np.float32) / 255) ** 2 for pixels in (stack, base))
    top = np.percentile(base, BRIGHTEST, axis=(0, 2, 3))[:, None, None]
    return np.clip(linear / np.maximum(top, 1e-4), 0, 1)


def outline(axes: Axes, mask: np.ndarray | None) -> None:
    """Draw the borders of a mask, bool (H, W), where it has any."""
    if mask is None or mask.all() or not mask.any():
        return
    axes.contour(mask.astype(np.float32), levels=[0.5], colors="white", linewidths=0.7)


def name_inside(axes: Axes, channels: list[str], place: int) -> None:
    """A stain's name in its picture, in the colour it has in the composite."""
    spare = cycle(SPARE)
    colours = [STAIN_COLOURS.get(name) or next(spare) for name in channels]
    light = tuple(0.35 + 0.65 * part for part in colours[place])
    axes.text(
        0.04, 0.96, channels[place], transform=axes.transAxes, va="top", fontsize=7.5,
        fontweight="bold", color=light, path_effects=[withStroke(linewidth=1.8, foreground=INK)],
    )  # fmt: skip
