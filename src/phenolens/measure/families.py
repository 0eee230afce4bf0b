"""Which columns each family of features yields, and how they are computed from one field."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from phenolens.measure.blocks import CompartmentFeatures, plan_radial, plan_radial_zernikes
from phenolens.measure.settings import MeasureSettings

if TYPE_CHECKING:
    from phenolens.measure.field import Compartment


def plan(
    channels: Sequence[str],
    compartments: Sequence[str],
    families: Sequence[str],
    *,
    settings: MeasureSettings,
) -> list[CompartmentFeatures]:
    """All blocks of the families asked for, compartment by compartment."""
    names = list(channels)
    return [
        block
        for compartment in compartments
        for family in families
        for block in _PLANS[family](compartment, names, settings)
    ]


def _metadata(name: str) -> str:
    return f"Metadata_{name}"


def _area_shape(
    compartment: str, channels: list[str], settings: MeasureSettings
) -> list[CompartmentFeatures]:
    from phenolens.measure.shape import measure_shape, shape_names

    names = [f"{compartment}_{name}" for name in shape_names(settings.zernike_degree)]

    def compute(c: Compartment) -> np.ndarray:
        degree = settings.zernike_degree
        return measure_shape(c.regions, degree, closed_hull=settings.closed_hull)

    return [CompartmentFeatures(compartment, names, compute)]


def _moments(
    compartment: str, channels: list[str], settings: MeasureSettings
) -> list[CompartmentFeatures]:
    from phenolens.measure.moments import MEASUREMENTS, measure_moments

    names = [f"{compartment}_AreaShape_{name}" for name in MEASUREMENTS]
    return [CompartmentFeatures(compartment, names, lambda c: measure_moments(c.regions))]


def _intensity(
    compartment: str, channels: list[str], settings: MeasureSettings
) -> list[CompartmentFeatures]:
    from phenolens.measure.intensity import INTENSITY

    names = [f"{compartment}_Intensity_{name}_{ch}" for ch in channels for name in INTENSITY]
    return [
        CompartmentFeatures(compartment, names, lambda c: np.hstack([f for f, _ in c.intensities]))
    ]


def _location(
    compartment: str, channels: list[str], settings: MeasureSettings
) -> list[CompartmentFeatures]:
    from phenolens.measure.intensity import LOCATION

    axes = ("Center_X", "Center_Y", "Center_Z")
    names = [_metadata(f"{compartment}_Location_{axis}") for axis in axes]
    for ch in channels:
        names += [_metadata(f"{compartment}_Location_{name}_{ch}") for name in LOCATION]
        for name in ("CenterMassIntensity_Z", "MaxIntensity_Z"):
            names.append(_metadata(f"{compartment}_Location_{name}_{ch}"))
    return [CompartmentFeatures(compartment, names, _locations)]


def _locations(compartment: Compartment) -> np.ndarray:
    """Centres and intensity locations; a flat field has depth 0, as CellProfiler reports."""
    flat = np.zeros((compartment.regions.count, 1))
    parts = [compartment.centers[:, ::-1], flat]
    for _, location in compartment.intensities:
        parts += [location, flat, flat]
    return np.hstack(parts)


def _texture(
    compartment: str, channels: list[str], settings: MeasureSettings
) -> list[CompartmentFeatures]:
    from phenolens.measure.texture import HARALICK, measure_texture

    names = [
        f"{compartment}_Texture_{name}_{ch}_{scale}_{direction:02d}_{settings.texture_levels}"
        for ch in channels
        for scale in settings.texture_scales
        for direction in range(4)
        for name in HARALICK
    ]

    def compute(c: Compartment) -> np.ndarray:
        blocks = [
            measure_texture(c.regions, gray, settings.texture_scales) for gray in c.field.grays
        ]
        return np.hstack([block.reshape(len(block), -1) for block in blocks])

    return [CompartmentFeatures(compartment, names, compute)]


def _granularity(
    compartment: str, channels: list[str], settings: MeasureSettings
) -> list[CompartmentFeatures]:
    from phenolens.measure.granularity import granularity_weights, measure_granularity

    length = settings.granularity_length
    names = [
        f"{compartment}_Granularity_{step}_{ch}" for ch in channels for step in range(1, length + 1)
    ]

    def compute(c: Compartment) -> np.ndarray:
        weights = granularity_weights(c.regions, settings)
        areas = c.regions.areas
        pairs = zip(c.means, c.field.openings, strict=True)
        return np.hstack(
            [
                measure_granularity(means, opened, weights=weights, areas=areas, length=length)
                for means, opened in pairs
            ]
        )

    return [CompartmentFeatures(compartment, names, compute)]


def _correlation(
    compartment: str, channels: list[str], settings: MeasureSettings
) -> list[CompartmentFeatures]:
    from phenolens.measure.correlation import PAIR_FEATURES, channel_pairs, measure_correlation

    pairs = channel_pairs(channels)
    names = [
        f"{compartment}_Correlation_{feature.format(channels[a], channels[b])}"
        for a, b in pairs
        for feature in PAIR_FEATURES
    ]

    def compute(c: Compartment) -> np.ndarray:
        ranks = c.ranks(settings.rwc_ranks)
        percent = settings.correlation_threshold
        block = measure_correlation(
            c.regions.starts, c.values, ranks, pairs=np.array(pairs), percent=percent
        )
        return block.reshape(len(block), -1)

    return [CompartmentFeatures(compartment, names, compute)] if pairs else []


def _costes(
    compartment: str, channels: list[str], settings: MeasureSettings
) -> list[CompartmentFeatures]:
    from phenolens.measure.correlation import channel_pairs
    from phenolens.measure.costes import COSTES_FEATURES, measure_costes

    pairs = channel_pairs(channels)
    names = [
        f"{compartment}_Correlation_{feature.format(channels[a], channels[b])}"
        for a, b in pairs
        for feature in COSTES_FEATURES
    ]

    def compute(c: Compartment) -> np.ndarray:
        thresholds = c.field.costes if settings.costes_threshold == "field" else c.field.grid
        block = measure_costes(
            c.regions.starts, c.values, pairs=np.array(pairs), thresholds=thresholds
        )
        return block.reshape(len(block), -1)

    return [CompartmentFeatures(compartment, names, compute)] if pairs else []


def _skeleton(
    compartment: str, channels: list[str], settings: MeasureSettings
) -> list[CompartmentFeatures]:
    from phenolens.measure.skeleton import MEASUREMENTS, measure_skeleton

    if compartment != "Nuclei" or settings.tubeness_channel not in channels:
        return []
    names = [f"{compartment}_ObjectSkeleton_{name}_mito_skel" for name in MEASUREMENTS]
    return [
        CompartmentFeatures(
            compartment, names, lambda c: measure_skeleton(c.regions, c.field.skeleton)
        )
    ]


def _neighbors(
    compartment: str, channels: list[str], settings: MeasureSettings
) -> list[CompartmentFeatures]:
    from phenolens.measure.neighbors import MEASUREMENTS, measure_neighbors

    blocks = []
    for distance in dict(settings.neighbor_distances).get(compartment, ()):
        scale = str(distance) if distance else "Adjacent"
        names = [f"{compartment}_Neighbors_{name}_{scale}" for name in MEASUREMENTS]
        names[-2:] = [_metadata(name) for name in names[-2:]]
        compute = partial(_measure_neighbors, measure_neighbors, distance)
        blocks.append(CompartmentFeatures(compartment, names, compute))
    return blocks


def _measure_neighbors(measure: Callable, distance: int, c: Compartment) -> np.ndarray:
    return measure(c.regions, distance)


_PLANS: dict[str, Callable[[str, list[str], MeasureSettings], list[CompartmentFeatures]]] = {
    "AreaShape": _area_shape,
    "Moments": _moments,
    "Intensity": _intensity,
    "Texture": _texture,
    "Granularity": _granularity,
    "RadialDistribution": plan_radial,
    "RadialZernikes": plan_radial_zernikes,
    "Correlation": _correlation,
    "Costes": _costes,
    "Neighbors": _neighbors,
    "Location": _location,
    "ObjectSkeleton": _skeleton,
}
