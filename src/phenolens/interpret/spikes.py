"""Changes of known place and stain, planted in control cells as a network reads them.

Four kinds, each in one stain of one cell:

- ``dots``: four bright points within one compartment; the truth are discs around them.
- ``blur``: details are wiped out inside the cell's mask,
- ``swap``: the stain is that of a treated cell, inside the cell's mask,
- ``nucleus``: the nucleus is a third wider, in the nuclear stain; for these three the truth are the
  pixels that hold four fifths of the squared change, and their neighbours.

The true compartment is the one that holds most of the squared change.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from scipy import ndimage

Kind = Literal["dots", "blur", "swap", "nucleus"]
KINDS: tuple[Kind, ...] = get_args(Kind)
_DOTS, _BRIGHT = 4, 6.0  # standard deviations of the standardised stain
_WIDTH = 1 / 45  # of the side: standard deviation of a dot
_DISC = 2.5  # in those
_BLUR = 1 / 12  # of the side
_WIDER = 1.35
_HELD = 0.8
_SMALLEST = 12  # pixels of a nucleus that can be one


@dataclass(frozen=True)
class Spiked:
    """Images with something planted, and where.

    Attributes
    ----------
    images : ndarray of float32, shape (n, C, T, T)
    truth : ndarray of bool, shape (n, T, T)
    stain : ndarray of int64, shape (n,)
    compartment : ndarray of int64, shape (n,)
        0 nucleus, 1 cytoplasm, 2 background.
    parts : ndarray of float32, shape (n, 3, T, T)
        Compartments, with the nucleus as wide as it has become.
    planted : ndarray of bool, shape (n,)
        False where no cell is known: the image is as it was.
    """

    images: np.ndarray
    truth: np.ndarray
    stain: np.ndarray
    compartment: np.ndarray
    parts: np.ndarray
    planted: np.ndarray


def plant(
    kind: Kind,
    images: np.ndarray,
    parts: np.ndarray,
    *,
    rng: np.random.Generator,
    givers: np.ndarray | None = None,
    nuclear: int | None = 0,
) -> Spiked:
    """Plant a spike in each image.

    Parameters
    ----------
    kind : {"dots", "blur", "swap", "nucleus"}
    images : ndarray of float32, shape (n, C, T, T)
        Standardised.
    parts : ndarray, shape (n, 3, T, T)
        Shares of nucleus, cytoplasm and background, as of
        :func:`~phenolens.interpret.activation.compartments`; NaN where no cell is known.
    rng : Generator
    givers : ndarray of float32, shape (n, C, T, T), optional
        Treated cells, for ``swap``.
    nuclear : int, optional
        Place of the nuclear stain, for ``nucleus``; None where it is not known.
    """
    n, stains = images.shape[:2]
    changed, wide = images.copy(), np.nan_to_num(parts).astype(np.float32)
    truth = np.zeros((n, *images.shape[-2:]), dtype=bool)
    drawn = np.asarray(rng.integers(stains, size=n))
    stain = np.full(n, nuclear or 0) if kind == "nucleus" else drawn
    compartment, planted = np.full(n, -1), np.zeros(n, dtype=bool)
    for place in range(n):
        cell = cell_in_the_middle(wide[place])
        lacking = (kind == "swap" and givers is None) or (kind == "nucleus" and nuclear is None)
        if cell is None or lacking:
            continue
        plane = images[place, stain[place]]
        if kind == "dots":
            new, disc = _dots(plane, cell, rng)
        elif kind == "blur":
            new = _within(plane, ndimage.gaussian_filter(plane, plane.shape[0] * _BLUR), cell[1])
        elif kind == "swap":
            assert givers is not None
            new = _within(plane, givers[place, stain[place]], cell[1])
        else:
            new, wide[place] = _wider(plane, wide[place], cell[0])
        square = (new - plane) ** 2
        if not square.any():
            continue
        changed[place, stain[place]], planted[place] = new, True
        truth[place] = disc if kind == "dots" else _holding(square)
        compartment[place] = (wide[place] * square).sum(axis=(1, 2)).argmax()
    return Spiked(changed, truth, stain.astype(np.int64), compartment, wide, planted)


def cell_in_the_middle(parts: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Nucleus and whole cell (masks) nearest to the middle of an image; None where there is none.

    Of touching cells, each pixel is of the nearest nucleus.
    """
    labels, count = ndimage.label(parts[0] >= 0.5)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    known = np.flatnonzero(sizes >= _SMALLEST) + 1
    if not len(known):
        return None
    middles = np.array(ndimage.center_of_mass(labels > 0, labels, known))
    nearest = known[((middles - parts.shape[-1] / 2) ** 2).sum(axis=1).argmin()]
    _, owners = ndimage.distance_transform_edt(labels == 0, return_indices=True)
    mine = labels[tuple(owners)] == nearest
    return labels == nearest, mine & (parts[:2].sum(axis=0) >= 0.5)


def _dots(
    plane: np.ndarray, cell: tuple[np.ndarray, np.ndarray], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """The plane with bright points in nucleus or cytoplasm, and discs around them."""
    nucleus, whole = cell
    inner = [ndimage.binary_erosion(mask, iterations=2) for mask in (nucleus, whole & ~nucleus)]
    rooms = [mask for mask in inner if mask.sum() >= _SMALLEST] or [whole]
    places = np.argwhere(rooms[rng.integers(len(rooms))])
    chosen = places[rng.choice(len(places), size=min(_DOTS, len(places)), replace=False)]
    sigma = max(0.7, plane.shape[0] * _WIDTH)
    grid = np.indices(plane.shape)
    far = ((grid[None] - chosen[:, :, None, None]) ** 2).sum(axis=1)
    light = np.exp(-far / (2 * sigma**2)).max(axis=0)
    return plane + np.float32(_BRIGHT) * light, (far <= (_DISC * sigma) ** 2).any(axis=0)


def _within(plane: np.ndarray, other: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The other plane inside a mask whose border is soft."""
    soft = ndimage.gaussian_filter(mask.astype(np.float32), 1.0) * mask
    soft /= max(float(soft.max()), 1e-6)
    return plane + soft * (other - plane)


def _wider(
    plane: np.ndarray, parts: np.ndarray, nucleus: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The nucleus a third wider around its middle, and the compartments that follow."""
    middle = np.array(ndimage.center_of_mass(nucleus))
    back = np.eye(2) / _WIDER
    shift = middle - back @ middle
    larger = ndimage.affine_transform(nucleus.astype(np.float32), back, shift, order=1) >= 0.5
    new = _within(
        plane, ndimage.affine_transform(plane, back, shift, order=1, mode="nearest"), larger
    )
    wide = parts.copy()
    wide[0] = np.maximum(parts[0], larger)
    wide[1:] = parts[1:] * ~larger
    return new, wide


def _holding(square: np.ndarray) -> np.ndarray:
    """The fewest pixels that hold four fifths of the change, and their neighbours."""
    flat = np.sort(square.ravel())[::-1]
    least = flat[np.searchsorted(flat.cumsum(), _HELD * flat.sum())]
    return ndimage.binary_dilation(square >= least)
