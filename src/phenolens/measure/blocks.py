"""Columns that are computed together, and the families of rings around an object's centre."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from phenolens.measure.settings import MeasureSettings

if TYPE_CHECKING:
    from phenolens.measure.field import Compartment


@dataclass(frozen=True)
class CompartmentFeatures:
    """Columns that are computed together for one compartment.

    Attributes
    ----------
    compartment : str
    names : list of str
        Full column names.
    compute : callable
        ``compute(compartment) -> ndarray of float64, shape (n, len(names))``.
    """

    compartment: str
    names: list[str]
    compute: Callable[[Compartment], np.ndarray]


def plan_radial(
    compartment: str, channels: list[str], settings: MeasureSettings
) -> list[CompartmentFeatures]:
    from phenolens.measure.radial import MEASUREMENTS, measure_radial

    bins = settings.radial_bins
    names = [
        f"{compartment}_RadialDistribution_{name}_{ch}_{ring}of{bins}"
        for ch in channels
        for ring in range(1, bins + 1)
        for name in MEASUREMENTS
    ]

    def compute(c: Compartment) -> np.ndarray:
        rings, wedges = c.rings.scaled(bins), c.rings.wedges
        blocks = [
            measure_radial(c.regions.starts, values, rings, wedges=wedges, bins=bins, total=bins)
            for values in c.values
        ]
        return np.hstack([block.reshape(len(block), -1) for block in blocks])

    blocks = [CompartmentFeatures(compartment, names, compute)]
    if settings.tubeness_channel in channels and compartment in settings.tubeness_compartments:
        blocks.append(_tubeness(compartment, settings))
    return blocks


def _tubeness(compartment: str, settings: MeasureSettings) -> CompartmentFeatures:
    """Rings around nuclei on the derived image of tubes; beyond the last is ``Overflow``."""
    from phenolens.measure.radial import MEASUREMENTS

    stem = f"{compartment}_RadialDistribution"
    names = [
        f"{stem}_{name}_mito_tubeness_{ring}of{bins}"
        for bins in settings.tubeness_bins
        for ring in range(1, bins + 1)
        for name in MEASUREMENTS
    ]
    names += [f"{stem}_{name}_mito_tubeness_Overflow" for name in MEASUREMENTS]
    return CompartmentFeatures(compartment, names, partial(_tube_rings, settings=settings))


def _tube_rings(c: Compartment, settings: MeasureSettings) -> np.ndarray:
    """Rings around the nucleus: scaled to the cell, then of fixed width."""
    from phenolens.measure.radial import measure_radial

    values = c.field.tubeness.ravel()[c.regions.pixels]
    rings = c.nuclear_rings
    scaled, fixed = settings.tubeness_bins
    share = {"wedges": rings.wedges}
    inner = measure_radial(
        c.regions.starts, values, rings.scaled(scaled), bins=scaled, total=scaled, **share
    )
    outer = measure_radial(
        c.regions.starts,
        values,
        rings.unscaled(fixed, settings.tubeness_radius),
        bins=fixed + 1,
        total=fixed + 1,
        **share,
    )
    return np.hstack([inner.reshape(len(inner), -1), outer.reshape(len(outer), -1)])


def plan_radial_zernikes(
    compartment: str, channels: list[str], settings: MeasureSettings
) -> list[CompartmentFeatures]:
    from phenolens.measure.zernike import intensity_zernikes, zernike_orders

    degree = settings.zernike_degree
    orders = zernike_orders(degree)
    names = [
        f"{compartment}_RadialDistribution_Zernike{kind}_{ch}_{n}_{m}"
        for ch in channels
        for kind in ("Magnitude", "Phase")
        for n, m in orders
    ]

    def compute(c: Compartment) -> np.ndarray:
        pair = intensity_zernikes(c.regions, c.circles, c.values, degree=degree)
        return np.stack(pair, axis=1).transpose(2, 0, 1, 3).reshape(c.regions.count, -1)

    return [CompartmentFeatures(compartment, names, compute)]
