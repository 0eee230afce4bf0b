"""Who owns which pixel: outlines of nuclei and cells, and distances inside them."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np

from phenolens.simulate.scene import MAX_NUCLEI, N_ANGLES, Scene
from phenolens.simulate.traits import INDEX

_TWO_PI = 2 * np.pi
FAR = np.float32(9.0)


@dataclass(frozen=True)
class Outlines:
    """Ownership of pixels and the distances that staining depends on.

    Attributes
    ----------
    owner : ndarray of int32, shape (size, size)
        Row of the cell in the scene, -1 for background.
    edge, gap, nuclear : ndarray of float32, shape (size, size)
        Distance from the centre over distance to the cell's edge (1 at the edge); how much nearer
        the owner is than the next cell; the same as ``edge`` for the nearest nucleus of the owner.
    nucleus_centre : ndarray, shape (n, MAX_NUCLEI, 2)
    nucleus_radius : ndarray, shape (n,)
        Mean radius in pixels.
    n_nuclei : ndarray of int64, shape (n,)
    """

    owner: np.ndarray
    edge: np.ndarray
    gap: np.ndarray
    nuclear: np.ndarray
    nucleus_centre: np.ndarray
    nucleus_radius: np.ndarray
    n_nuclei: np.ndarray


def draw_outlines(scene: Scene, traits: np.ndarray) -> Outlines:
    """Outline the cells of a scene that have these traits (rows as in ``scene.traits``)."""
    n_nuclei = np.clip(np.rint(traits[:, INDEX["nuclei"]]), 1, MAX_NUCLEI).astype(np.int64)
    # Nuclei that share a cell are smaller: each has a little more than its share of the area.
    radius = traits[:, INDEX["nucleus_radius"]] * scene.unit / n_nuclei**0.35
    centres = _nucleus_centres(scene, radius, n_nuclei)
    cell_table = (_cell_outline(scene, traits) * scene.unit).astype(np.float32)
    nucleus_table = _nucleus_outline(scene, traits, radius).astype(np.float32)
    owner, edge, gap, nuclear = _own(
        scene.centre.astype(np.float32),
        centres.astype(np.float32),
        n_nuclei,
        cell_table,
        nucleus_table,
        scene.textures["warp_y"],
        scene.textures["warp_x"],
        np.float32(0.038 * scene.unit),
    )
    return Outlines(owner, edge, gap, nuclear, centres, radius, n_nuclei)


def _angles() -> np.ndarray:
    return np.arange(N_ANGLES) * (_TWO_PI / N_ANGLES)


def _ellipse(angle: np.ndarray, elongation: np.ndarray) -> np.ndarray:
    """Radius of an ellipse of unit area radius at each table angle, shape (n, N_ANGLES)."""
    turned = _angles()[None, :] - angle[:, None]
    a, b = np.sqrt(elongation)[:, None], 1 / np.sqrt(elongation)[:, None]
    return 1.0 / np.sqrt((np.cos(turned) / a) ** 2 + (np.sin(turned) / b) ** 2)


def _cell_outline(scene: Scene, traits: np.ndarray) -> np.ndarray:
    """Body plus pointed tips with concave sides between them, as spread cells have."""
    body = _ellipse(scene.angle, traits[:, INDEX["cell_elongation"]])
    shape = scene.shape
    away = np.abs(_angles()[None, None, :] - _tip_angles(scene)[:, :, None]) % _TWO_PI
    away = np.minimum(away, _TWO_PI - away)
    tips = shape["tip_height"][:, :, None] * np.exp(-away / shape["tip_width"][:, :, None])
    height = traits[:, INDEX["cell_tips"]][:, None]
    return traits[:, INDEX["cell_radius"]][:, None] * body * (0.70 + height * tips.max(axis=1))


def _tip_angles(scene: Scene) -> np.ndarray:
    """Two tips point roughly along the cell, the others anywhere."""
    angle = scene.shape["tip_angle"].copy()
    angle[:, :2] = scene.angle[:, None] + np.array([0, np.pi]) + 0.12 * (angle[:, :2] - np.pi)
    return angle


def _nucleus_outline(scene: Scene, traits: np.ndarray, radius: np.ndarray) -> np.ndarray:
    """Ellipses with low waves, shape (n, MAX_NUCLEI, N_ANGLES), in pixels."""
    angle = scene.angle + scene.shape["nucleus_angle"]
    base = _ellipse(angle, traits[:, INDEX["nucleus_elongation"]])[:, None, :]
    order = np.arange(2, 6)
    phase = order[:, None] * _angles()[None, :]
    damp = 0.035 / (order - 1.0) ** 0.5
    wave = scene.shape["nucleus_wave"] * damp[None, None, :, None]
    waves = wave[..., 0] @ np.cos(phase) + wave[..., 1] @ np.sin(phase)
    return radius[:, None, None] * base * (1.0 + np.clip(waves, -0.2, 0.2))


def _nucleus_centres(scene: Scene, radius: np.ndarray, n_nuclei: np.ndarray) -> np.ndarray:
    """Nuclei of one cell lie around its centre, about 0.9 diameters apart."""
    turn = np.arange(MAX_NUCLEI)[None, :] * (_TWO_PI / np.maximum(n_nuclei, 2)[:, None])
    direction = scene.shape["satellite"][:, None] + turn
    reach = np.where(n_nuclei > 1, 0.95 * radius * (1 + 0.12 * n_nuclei), 0.0)[:, None]
    offset = np.stack([np.sin(direction), np.cos(direction)], axis=2) * reach[:, :, None]
    return scene.centre[:, None, :] + offset


@numba.njit(cache=True, inline="always")
def _turn(y, x):
    """Angle of (y, x) as a share of a full turn in [0, 1], to 0.0007 (a polynomial arctangent)."""
    absolute_y, absolute_x = abs(y), abs(x)
    high = max(absolute_y, absolute_x)
    if high == 0.0:
        return 0.0
    low = min(absolute_y, absolute_x) / high
    square = low * low
    angle = ((-0.0464964749 * square + 0.15931422) * square - 0.327622764) * square * low + low
    if absolute_y > absolute_x:
        angle = 1.57079637 - angle
    if x < 0:
        angle = 3.14159274 - angle
    return 1.0 - angle / 6.28318531 if y < 0 else angle / 6.28318531


@numba.njit(cache=True, inline="always")
def _radius_at(table, y, x):
    """Radius in the direction (y, x), linear between the table's angles."""
    position = _turn(y, x) * table.size
    first = int(position)
    share = position - first
    first = first % table.size
    return table[first] * (1 - share) + table[(first + 1) % table.size] * share


@numba.njit(cache=True)
def _own(centre, nuclei, n_nuclei, cell_table, nucleus_table, warp_y, warp_x, warp):
    """Give each pixel to the cell it is relatively nearest to, if it is inside that cell."""
    size = warp_y.shape[0]
    owner = np.full((size, size), -1, np.int32)
    edge = np.full((size, size), FAR, np.float32)
    second = np.full((size, size), FAR, np.float32)
    nuclear = np.full((size, size), FAR, np.float32)
    for i in range(centre.shape[0]):
        reach = cell_table[i].max() + 3 * warp
        top, bottom = max(int(centre[i, 0] - reach), 0), min(int(centre[i, 0] + reach) + 2, size)
        left, right = max(int(centre[i, 1] - reach), 0), min(int(centre[i, 1] + reach) + 2, size)
        for y in range(top, bottom):
            for x in range(left, right):
                dy = y + warp * warp_y[y, x] - centre[i, 0]
                dx = x + warp * warp_x[y, x] - centre[i, 1]
                far = dy * dy + dx * dx
                if far > reach * reach:
                    continue
                here = np.float32(np.sqrt(far) / _radius_at(cell_table[i], dy, dx))
                if here > 1.6:
                    continue
                inside = FAR
                for k in range(n_nuclei[i]):
                    ny, nx = y - nuclei[i, k, 0], x - nuclei[i, k, 1]
                    radius = _radius_at(nucleus_table[i, k], ny, nx)
                    inside = min(inside, np.float32(np.sqrt(ny * ny + nx * nx) / radius))
                if inside < 1.15:
                    # A nucleus is never given to a neighbour, however large that neighbour is.
                    here = min(here, np.float32(0.25) * inside)
                if here < edge[y, x]:
                    second[y, x] = edge[y, x]
                    edge[y, x] = here
                    nuclear[y, x] = inside
                    owner[y, x] = i
                elif here < second[y, x]:
                    second[y, x] = here
    for y in range(size):
        for x in range(size):
            if edge[y, x] >= 1.0:
                owner[y, x] = -1
            second[y, x] -= edge[y, x]
    return owner, edge, second, nuclear
