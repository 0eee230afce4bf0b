"""From light to counts: blur, haze, bleed-through, uneven illumination, shot and read noise."""

from __future__ import annotations

from dataclasses import dataclass, field

import numba
import numpy as np

from phenolens.simulate.noise import gaussian_blur, haze

CAMERA_OFFSET = 100.0
READ_NOISE = 6.0
COUNTS_PER_ELECTRON = 0.14
SATURATION = 65535
# Medium and plastic, before the illumination: read off cell-free parts of real fields.
BACKGROUND = (510.0, 300.0, 560.0, 640.0, 930.0)
# Relative standard deviation of the clouds in that background.
CLOUDS = (0.015, 0.02, 0.02, 0.025, 0.05)
# Standard deviation of the in-focus blur in cell diameters, and light from out of focus.
PSF = (0.013, 0.015, 0.014, 0.013, 0.015)
HAZE = (0.05, 0.07, 0.07, 0.06, 0.08)
# Rows: what is recorded; columns: what emits. Order DNA, ER, RNA, AGP, Mito.
BLEED = np.array(
    [
        [1.000, 0.000, 0.000, 0.000, 0.000],
        [0.002, 1.000, 0.008, 0.000, 0.000],
        [0.000, 0.008, 1.000, 0.004, 0.000],
        [0.000, 0.000, 0.006, 1.000, 0.002],
        [0.000, 0.000, 0.000, 0.005, 1.000],
    ],
    dtype=np.float32,
)


@dataclass(frozen=True)
class Illumination:
    """Smooth fall-off of one stain's light over the field, per plate.

    Attributes
    ----------
    centre : tuple of float
        Brightest point (y, x); the field runs from -1 to 1 along both axes.
    falloff : tuple of float
        The light is ``exp(-falloff * distance ** 2)`` along each axis.
    """

    centre: tuple[float, float] = (0.0, 0.0)
    falloff: tuple[float, float] = (0.45, 0.45)

    def surface(self, size: int) -> np.ndarray:
        """Relative light at each pixel, at most 1, float32 of shape (size, size)."""
        axis = (np.arange(size) + 0.5) * (2.0 / size) - 1.0
        down, across = (
            np.exp(-fall * (axis - middle) ** 2)
            for fall, middle in zip(self.falloff, self.centre, strict=True)
        )
        return np.outer(down, across).astype(np.float32)


@dataclass(frozen=True)
class Conditions:
    """What the plate and the well do to a field, apart from the perturbation.

    Attributes
    ----------
    gain : tuple of 5 floats
        Factor on the light of each stain (staining, exposure).
    background : tuple of 5 floats
        Factor on the background of each stain.
    illumination : tuple of 5 Illumination
    density : float
        Factor on the number of cells.
    """

    gain: tuple[float, ...] = (1.0,) * 5
    background: tuple[float, ...] = (1.0,) * 5
    illumination: tuple[Illumination, ...] = field(default=(Illumination(),) * 5)
    density: float = 1.0


def through_lens(light: np.ndarray, unit: float) -> np.ndarray:
    """Blur, haze and bleed-through of emitted light; shape and dtype unchanged."""
    seen = np.empty_like(light)
    block = max(round(0.22 * unit), 2)
    for c, image in enumerate(light):
        sharp = gaussian_blur(image, max(PSF[c] * unit, 0.3))
        seen[c] = (1 - HAZE[c]) * sharp + HAZE[c] * haze(sharp, block)
    return _mix(seen, BLEED)


@numba.njit(cache=True)
def _mix(seen, bleed):
    """Bleed-through, pixel by pixel: the same bytes for any number of BLAS threads."""
    out = np.zeros_like(seen)
    for recorded in range(bleed.shape[0]):
        for emitted in range(bleed.shape[1]):
            share = bleed[recorded, emitted]
            if share > 0:
                out[recorded] += share * seen[emitted]
    return out


def expose(
    seen: np.ndarray, medium: np.ndarray, *, conditions: Conditions, rng: np.random.Generator
) -> np.ndarray:
    """Camera counts, uint16 of the shape of ``seen``.

    Shot noise is drawn from the normal limit of the Poisson distribution: the darkest pixel of a
    field still holds more than a thousand electrons.

    Parameters
    ----------
    seen : ndarray of float32, shape (5, size, size)
        Light at the camera.
    medium : ndarray of float32, shape (size, size)
        Unit-variance clouds in the background.
    """
    counts = np.empty(seen.shape, np.uint16)
    for c, image in enumerate(seen):
        lit = conditions.illumination[c].surface(image.shape[0])
        level = np.float32(BACKGROUND[c] * conditions.background[c])
        signal = lit * (
            np.float32(conditions.gain[c]) * image + level * (1 + np.float32(CLOUDS[c]) * medium)
        )
        noise = rng.standard_normal(image.shape, dtype=np.float32)
        noise *= np.sqrt(COUNTS_PER_ELECTRON * signal + READ_NOISE**2)
        counts[c] = np.clip(np.rint(signal + noise + CAMERA_OFFSET), 0, SATURATION)
    return counts
