"""Everything random about one field except the camera, drawn once.

An effect is applied to a drawn scene, so the same scene with and without the effect is a true
counterfactual pair: the pixels that differ are the pixels the perturbation changed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from phenolens.simulate.noise import smooth_noise
from phenolens.simulate.traits import draw_traits

N_ANGLES = 96
N_PUNCTA = 44
N_NUCLEOLI = 5
N_FIBRES = 9
N_TIPS = 5
MAX_NUCLEI = 3
MIN_DISTANCE = 0.54
CANDIDATES_PER_CELL = 40


@dataclass(frozen=True)
class Scene:
    """Cells of one field before any perturbation, and the textures they are filled with.

    Attributes
    ----------
    size : int
        Pixels along each side.
    unit : float
        Nominal cell diameter in pixels.
    centre : ndarray, shape (n, 2)
        Nucleus positions (y, x) in pixels; some lie outside the field so that cells are cut.
    angle : ndarray, shape (n,)
        Direction of the long axis in radians.
    traits : ndarray, shape (n, n_traits)
    shape : dict of ndarray
        Random numbers for outlines, per cell.
    grains : dict of ndarray
        Random numbers for puncta, nucleoli and fibres, per cell.
    respond : ndarray, shape (n, 2)
        Uniform number (compared with the penetrance) and size of the response.
    textures : dict of ndarray
        float32 unit-variance random fields, shape (size, size).
    specks : ndarray, shape (n_specks, 4)
        Debris: y, x, radius in pixels, brightness.
    """

    size: int
    unit: float
    centre: np.ndarray
    angle: np.ndarray
    traits: np.ndarray
    shape: dict[str, np.ndarray]
    grains: dict[str, np.ndarray]
    respond: np.ndarray
    textures: dict[str, np.ndarray]
    specks: np.ndarray


# Distance between blobs of each texture, in cell diameters.
_TEXTURES = {
    "warp_y": 0.28,
    "warp_x": 0.28,
    "chromatin": 0.034,
    "reticulum": 0.030,
    "cytoplasm": 0.085,
    "mitochondria": 0.048,
    "patch": 0.30,
    "medium": 0.45,
}


def draw_scene(
    streams: list[np.random.Generator], *, size: int, unit: float, expected: float, survival: float
) -> Scene:
    """Draw one field's scene.

    Parameters
    ----------
    streams : list of two Generators
        For cells and for textures, so that neither depends on how much the other drew.
    size, unit : int, float
        Pixels along each side; nominal cell diameter in pixels.
    expected : float
        Cells wanted in the field before any die.
    survival : float
        Share of cells that survive; the survivors' places and traits do not depend on it.
    """
    cells, textures = streams
    centre = _place(cells, size=size, unit=unit, expected=expected)
    n = len(centre)
    traits, angle, respond = _draw_cells(cells, n)
    shape, grains = _draw_shapes(cells, n), _draw_grains(cells, n)
    alive = cells.random(n) < survival
    return Scene(
        size=size,
        unit=unit,
        centre=centre[alive],
        angle=angle[alive],
        traits=traits[alive],
        shape={name: values[alive] for name, values in shape.items()},
        grains={name: values[alive] for name, values in grains.items()},
        respond=respond[alive],
        textures={
            name: smooth_noise(textures, size=size, spacing=spacing * unit)
            for name, spacing in _TEXTURES.items()
        },
        specks=_draw_specks(textures, size=size, unit=unit),
    )


def _place(rng: np.random.Generator, *, size: int, unit: float, expected: float) -> np.ndarray:
    """Nuclei in loose colonies, none nearer than about half a cell to another."""
    margin = 0.6 * unit
    span = size + 2 * margin
    wanted = rng.poisson(expected * (span / size) ** 2)
    tries = CANDIDATES_PER_CELL * max(wanted, 1)
    candidates = rng.random((tries, 2)) * span
    colony = smooth_noise(rng, size=int(span) + 1, spacing=2.2 * unit)
    crowd = colony[candidates[:, 0].astype(int), candidates[:, 1].astype(int)]
    welcome = rng.random(tries) < 1.0 / (1.0 + np.exp(-2.2 * crowd))
    return _apart(candidates[welcome], MIN_DISTANCE * unit, wanted) - margin


def _apart(points: np.ndarray, distance: float, wanted: int) -> np.ndarray:
    """The first ``wanted`` points that keep their distance from those taken before."""
    taken = np.empty((wanted, 2))
    n = 0
    for point in points:
        if n == wanted:
            break
        if n == 0 or ((taken[:n] - point) ** 2).sum(axis=1).min() > distance**2:
            taken[n] = point
            n += 1
    return taken[:n]


def _draw_cells(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Traits, angle, and how each cell responds."""
    traits, angle = draw_traits(rng, n), rng.uniform(0, 2 * np.pi, n)
    respond = np.stack([rng.random(n), np.exp(0.2 * rng.standard_normal(n))], axis=1)
    return traits, angle, respond


def _draw_shapes(rng: np.random.Generator, n: int) -> dict[str, np.ndarray]:
    return {
        "tip_angle": rng.uniform(0, 2 * np.pi, (n, N_TIPS)),
        "tip_height": rng.gamma(1.5, 0.5, (n, N_TIPS)),
        "tip_width": rng.uniform(0.25, 0.60, (n, N_TIPS)),
        "nucleus_wave": rng.standard_normal((n, MAX_NUCLEI, 4, 2)),
        "nucleus_angle": 0.25 * rng.standard_normal(n),
        "satellite": rng.uniform(0, 2 * np.pi, n),
    }


def _draw_grains(rng: np.random.Generator, n: int) -> dict[str, np.ndarray]:
    return {
        "puncta": rng.random((n, N_PUNCTA, 4)),
        "puncta_normal": rng.standard_normal((n, N_PUNCTA, 2)),
        "golgi_angle": rng.uniform(0, 2 * np.pi, n),
        "nucleoli": rng.random((n, N_NUCLEOLI, 4)),
        "fibres": rng.standard_normal((n, N_FIBRES, 4)),
    }


def _draw_specks(rng: np.random.Generator, *, size: int, unit: float) -> np.ndarray:
    n = rng.poisson(2.5 * (size / (4.6 * unit)) ** 2)
    place = rng.random((n, 2)) * size
    radius = unit * rng.uniform(0.012, 0.035, (n, 1))
    return np.hstack([place, radius, rng.lognormal(7.8, 0.7, (n, 1))])
