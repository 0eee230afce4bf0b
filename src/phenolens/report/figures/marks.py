"""Marks of a figure that a reader may point at: where each lies, and whose it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from phenolens.report.figures.style import PIXELS

Well = tuple[str, str]


@dataclass(frozen=True)
class Marks:
    """Dots, or squares of a plate, with what they stand for.

    Parameters
    ----------
    axes : Axes
    x, y : ndarray of float, shape (n,)
        Places in the data of the axes.
    of : sequence of str, or of (str, str)
        The treatment of each, or its plate and well.
    again : tuple of Axes
        Axes of the same size and limits that show the same marks.
    matrix : bool
        Whether the marks are the diagonal of a matrix, of which every place is of two of them.
    """

    axes: Axes
    x: np.ndarray
    y: np.ndarray
    of: Sequence[str] | Sequence[Well]
    again: tuple[Axes, ...] = ()
    matrix: bool = False


@dataclass(frozen=True)
class Placed:
    """Marks in CSS pixels from the upper left corner of the figure.

    Parameters
    ----------
    points : tuple of (int, int)
    of : tuple of str, or of (str, str)
    shifts : tuple of (int, int)
        How far from there the same marks are shown again; the first is 0, 0.
    matrix : bool
    """

    points: tuple[tuple[int, int], ...]
    of: tuple[str | Well, ...]
    shifts: tuple[tuple[int, int], ...] = ((0, 0),)
    matrix: bool = False


def placed(figure: Figure, marks: Sequence[Marks]) -> Placed | None:
    """Where the marks of a figure lie, once it was drawn: axes settle their size in drawing."""
    points: list[tuple[int, int]] = []
    of: list[str | Well] = []
    shifts = [(0, 0)]
    for one in marks:
        data = np.column_stack([np.asarray(one.x, float), np.asarray(one.y, float)])
        if len(data) == 0:
            continue
        here = _pixels(figure, one.axes, data)
        points += [(int(x), int(y)) for x, y in here]
        of += list(one.of)
        for other in one.again:
            dx, dy = (_pixels(figure, other, data[:1]) - here[:1])[0]
            shifts.append((int(dx), int(dy)))
    if not points:
        return None
    return Placed(tuple(points), tuple(of), tuple(shifts), any(one.matrix for one in marks))


def _pixels(figure: Figure, axes: Axes, data: np.ndarray) -> np.ndarray:
    share = figure.transFigure.inverted().transform(axes.transData.transform(data))
    width, height = figure.get_size_inches() * PIXELS
    return np.round(np.column_stack([share[:, 0] * width, (1 - share[:, 1]) * height]))
