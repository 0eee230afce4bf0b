"""Small bright things inside cells: nucleoli, Golgi puncta, actin fibres, bright mitochondria."""

from __future__ import annotations

import numba
import numpy as np

from phenolens.simulate.outlines import Outlines
from phenolens.simulate.scene import Scene
from phenolens.simulate.traits import INDEX

NUCLEOLI, AGP_GRAINS, FIBRES, MITO_PUNCTA = range(4)
_TWO_PI = 2 * np.pi


def draw_grains(scene: Scene, traits: np.ndarray, outlines: Outlines) -> np.ndarray:
    """Layers of grains, float32 of shape (4, size, size): see the constants of this module."""
    layers = np.zeros((4, scene.size, scene.size), np.float32)
    _add_nucleoli(layers[NUCLEOLI], scene, traits, outlines=outlines)
    _add_golgi(layers[AGP_GRAINS], scene, traits, outlines=outlines)
    _add_fibres(layers[FIBRES], scene, traits, outlines=outlines)
    _add_bright_mitochondria(layers[MITO_PUNCTA], scene, traits, outlines=outlines)
    return layers


def _add_nucleoli(
    layer: np.ndarray, scene: Scene, traits: np.ndarray, *, outlines: Outlines
) -> None:
    drawn = scene.grains["nucleoli"]
    n, slots = drawn.shape[:2]
    size = traits[:, INDEX["nucleolus_size"]]
    away = np.sqrt(drawn[:, :, 1]) * 0.62
    present = (drawn[:, :, 3] < 0.62) | (np.arange(slots) == 0)
    width = (0.13 + 0.13 * drawn[:, :, 2]) * size[:, None] * present
    offset = np.stack([np.sin(_TWO_PI * drawn[:, :, 0]), np.cos(_TWO_PI * drawn[:, :, 0])], 2)
    for k in range(outlines.nucleus_centre.shape[1]):
        has = outlines.n_nuclei > k
        radius = outlines.nucleus_radius[:, None]
        place = outlines.nucleus_centre[:, None, k, :] + offset * (away * radius)[:, :, None]
        spots = _spots(
            np.arange(n), place, width=width * radius, amplitude=np.ones((n, slots)) * has[:, None]
        )
        _stamp_discs(layer, spots, outlines.owner, outlines.nuclear)


def _add_golgi(layer: np.ndarray, scene: Scene, traits: np.ndarray, *, outlines: Outlines) -> None:
    """Puncta in an arc at one side of the nucleus; scattered over the cell when fragmented."""
    drawn, normal = scene.grains["puncta"], scene.grains["puncta_normal"]
    scatter = traits[:, INDEX["golgi_scatter"]][:, None]
    radius = outlines.nucleus_radius[:, None]
    angle = scene.grains["golgi_angle"][:, None] + 0.75 * normal[:, :, 0]
    compact = _polar(angle, radius * (1.10 + 0.22 * normal[:, :, 1]))
    spread = _polar(_TWO_PI * drawn[:, :, 0], radius * (0.9 + 1.7 * drawn[:, :, 1]))
    share = scatter[:, :, None]
    place = scene.centre[:, None, :] + (1 - share) * compact + share * spread
    amplitude = traits[:, INDEX["golgi"]][:, None] * (0.10 + 2.0 * drawn[:, :, 2] ** 3)
    width = scene.unit * (0.009 + 0.012 * drawn[:, :, 3]) * (1 - 0.30 * scatter)
    cells = np.arange(len(scene.centre))
    dots = _spots(cells, place, width=width, amplitude=amplitude * (1 - 0.15 * scatter))
    _stamp_spots(layer, dots, outlines.owner)
    _add_golgi_glow(layer, scene, traits, outlines=outlines)


def _add_golgi_glow(
    layer: np.ndarray, scene: Scene, traits: np.ndarray, *, outlines: Outlines
) -> None:
    """The blurred stack of cisternae behind the puncta, gone when the Golgi is scattered."""
    side = _polar(scene.grains["golgi_angle"], 1.08 * outlines.nucleus_radius)
    strength = 0.30 * traits[:, INDEX["golgi"]] * (1 - traits[:, INDEX["golgi_scatter"]])
    width = np.full((len(strength), 1), 0.075 * scene.unit)
    place = (scene.centre + side)[:, None, :]
    glow = _spots(np.arange(len(strength)), place, width=width, amplitude=strength[:, None])
    _stamp_spots(layer, glow, outlines.owner)


def _add_bright_mitochondria(
    layer: np.ndarray, scene: Scene, traits: np.ndarray, *, outlines: Outlines
) -> None:
    """A few cells hold very bright round mitochondria around the nucleus, as real ones do."""
    drawn = scene.grains["puncta"]
    side = scene.grains["golgi_angle"][:, None]
    angle = side + 1.3 * scene.grains["puncta_normal"][:, :, 1]
    radius = outlines.nucleus_radius[:, None] * (0.9 + 1.1 * drawn[:, :, 3] ** 2)
    place = scene.centre[:, None, :] + _polar(angle, radius)
    amplitude = np.minimum(traits[:, INDEX["mito_puncta"]], 6.0)[:, None] * drawn[:, :, 0] ** 2
    width = scene.unit * (0.009 + 0.013 * drawn[:, :, 1])
    cells = np.arange(len(scene.centre))
    _stamp_spots(layer, _spots(cells, place, width=width, amplitude=amplitude), outlines.owner)


def _add_fibres(layer: np.ndarray, scene: Scene, traits: np.ndarray, *, outlines: Outlines) -> None:
    drawn = scene.grains["fibres"]
    angle = scene.angle[:, None] + 0.16 * drawn[:, :, 0]
    radius = (traits[:, INDEX["cell_radius"]] * scene.unit)[:, None]
    across = scene.angle[:, None] + np.pi / 2
    middle = scene.centre[:, None, :] + _polar(across, 0.50 * radius * drawn[:, :, 1])
    half = _polar(angle, radius * (0.45 + 0.15 * np.abs(drawn[:, :, 2])))
    amplitude = traits[:, INDEX["actin"]][:, None] * (0.02 + 0.05 * np.abs(drawn[:, :, 3]))
    lines = np.concatenate([middle - half, middle + half, amplitude[:, :, None]], axis=2)
    _stamp_lines(layer, lines.astype(np.float32), outlines.owner, np.float32(0.014 * scene.unit))


def _polar(angle: np.ndarray, radius: np.ndarray) -> np.ndarray:
    return np.stack([np.sin(angle) * radius, np.cos(angle) * radius], axis=-1)


def _spots(
    cells: np.ndarray, place: np.ndarray, *, width: np.ndarray, amplitude: np.ndarray
) -> np.ndarray:
    """Rows of (cell, y, x, width, amplitude), float32, from arrays of shape (n, slots)."""
    slots = place.shape[1]
    columns = [np.repeat(cells, slots), place[..., 0], place[..., 1], width, amplitude]
    return np.stack([np.asarray(c, np.float32).ravel() for c in columns], axis=1)


@numba.njit(cache=True)
def _stamp_spots(layer, spots, owner):
    """Add Gaussian spots, each only on its own cell."""
    size = layer.shape[0]
    for spot in spots:
        width, amplitude = spot[3], spot[4]
        if amplitude < 1e-3 or width <= 0:
            continue
        reach = int(3 * width) + 1
        cy, cx = int(np.rint(spot[1])), int(np.rint(spot[2]))
        scale = -0.5 / (width * width)
        for y in range(max(cy - reach, 0), min(cy + reach + 1, size)):
            for x in range(max(cx - reach, 0), min(cx + reach + 1, size)):
                if owner[y, x] == int(spot[0]):
                    far = (y - spot[1]) ** 2 + (x - spot[2]) ** 2
                    layer[y, x] += amplitude * np.exp(far * scale)


@numba.njit(cache=True)
def _stamp_discs(layer, spots, owner, nuclear):
    """Set soft discs inside nuclei; where they overlap the larger value stays."""
    size = layer.shape[0]
    for spot in spots:
        radius = spot[3]
        if radius <= 0 or spot[4] <= 0:
            continue
        reach = int(radius) + 2
        cy, cx = int(np.rint(spot[1])), int(np.rint(spot[2]))
        for y in range(max(cy - reach, 0), min(cy + reach + 1, size)):
            for x in range(max(cx - reach, 0), min(cx + reach + 1, size)):
                if owner[y, x] == int(spot[0]) and nuclear[y, x] < 0.85:
                    far = ((y - spot[1]) ** 2 + (x - spot[2]) ** 2) / (radius * radius)
                    layer[y, x] = max(layer[y, x], min(max(1.5 * (1.15 - far), 0.0), 1.0))


@numba.njit(cache=True)
def _stamp_lines(layer, lines, owner, width):
    """Add straight fibres with a Gaussian cross-section that fade at both ends."""
    size = layer.shape[0]
    for cell in range(lines.shape[0]):
        for line in lines[cell]:
            dy, dx = line[2] - line[0], line[3] - line[1]
            length = max(np.sqrt(dy * dy + dx * dx), 1e-3)
            steps = int(length) + 1
            for step in range(steps + 1):
                share = step / steps
                y0, x0 = line[0] + share * dy, line[1] + share * dx
                fade = line[4] * min(4 * share, 4 * (1 - share), 1.0)
                cy, cx = int(np.rint(y0)), int(np.rint(x0))
                for y in range(max(cy - 2, 0), min(cy + 3, size)):
                    for x in range(max(cx - 2, 0), min(cx + 3, size)):
                        if owner[y, x] == cell:
                            far = (y - y0) ** 2 + (x - x0) ** 2
                            layer[y, x] += fade * np.exp(-0.5 * far / (width * width))
