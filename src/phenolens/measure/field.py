"""One field and its compartments, with everything that families share computed once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from phenolens.measure import sorting
from phenolens.measure.circles import enclosing_circles
from phenolens.measure.correlation import channel_pairs
from phenolens.measure.costes import costes_thresholds
from phenolens.measure.hulls import convex_hulls
from phenolens.measure.intensity import measure_intensity
from phenolens.measure.openings import openings
from phenolens.measure.radial import Rings
from phenolens.measure.regions import Regions
from phenolens.measure.settings import MeasureSettings
from phenolens.measure.texture import gray_levels


@dataclass(frozen=True)
class Field:
    """Pixels of one field.

    Attributes
    ----------
    pixels : ndarray, shape (C, H, W)
        As given.
    planes : ndarray of float64, shape (C, H, W)
        Intensities 0 to 1.
    channels : tuple of str
    inside : ndarray of bool, shape (H, W)
        Pixels of any object of any compartment.
    settings : MeasureSettings
    """

    pixels: np.ndarray
    planes: np.ndarray
    channels: tuple[str, ...]
    inside: np.ndarray
    settings: MeasureSettings

    @cached_property
    def ranked(self) -> list[sorting.RankedPlane]:
        """Dense ranks of each stain."""
        pairs = zip(self.pixels, self.planes, strict=True)
        return [sorting.rank_plane(raw, plane, self.inside) for raw, plane in pairs]

    @cached_property
    def grays(self) -> list[np.ndarray]:
        """Gray levels of each stain."""
        levels, spans = self.settings.texture_levels, self.settings.texture_spans
        pairs = zip(self.planes, self.channels, strict=True)
        return [gray_levels(plane / spans.get(name, 1.0), levels) for plane, name in pairs]

    @cached_property
    def openings(self) -> list[np.ndarray | None]:
        """Granular spectrum images of each stain."""
        return [openings(plane, self.settings) for plane in self.planes]

    @cached_property
    def tubeness(self) -> np.ndarray:
        """The derived image of tubes."""
        from phenolens.measure.tubeness import tubeness

        index = self.channels.index(self.settings.tubeness_channel)
        return tubeness(self.planes[index], self.settings.tubeness_sigma)

    @cached_property
    def skeleton(self) -> np.ndarray:
        """The skeleton of the tubes, bool."""
        from phenolens.measure.skeleton import tube_skeleton

        return tube_skeleton(self.tubeness)

    @property
    def grid(self) -> int:
        """Steps from 0 to 1 in which the camera wrote: 65535 where that is not known."""
        return 255 if self.pixels.dtype == np.uint8 else 65535

    @cached_property
    def costes(self) -> np.ndarray:
        """Costes thresholds of every pair of stains over the whole field, shape (K, 2)."""
        flat = self.planes.reshape(len(self.planes), -1)
        pairs = channel_pairs(list(self.channels))
        return np.array([costes_thresholds(flat[a], flat[b], self.grid) for a, b in pairs])


@dataclass(frozen=True)
class Compartment:
    """Objects of one compartment in one field, and the other compartments' objects."""

    field: Field
    regions: Regions
    siblings: dict[str, Regions]

    @cached_property
    def values(self) -> np.ndarray:
        """Intensities of the objects' pixels, float64, shape (C, P)."""
        flat = self.field.planes.reshape(len(self.field.planes), -1)
        return np.stack([plane[self.regions.pixels] for plane in flat])

    def ranks(self, scope: str) -> tuple[np.ndarray, np.ndarray]:
        """Dense intensity ranks of the objects' pixels, and how many there are.

        Returns
        -------
        ranks : ndarray of int32, shape (C, P)
        tops : ndarray of int32, shape (C, n)
        """
        regions, ranked = self.regions, self.field.ranked
        if scope == "field":
            ranks = np.stack([sorting.ranks_in_field(regions, plane) for plane in ranked])
            tops = np.repeat(ranks.max(axis=1, keepdims=True) + 1, regions.count, axis=1)
            return ranks, tops
        ranks = np.stack([sorting.ranks_in_objects(regions, plane) for plane in ranked])
        return ranks, np.maximum.reduceat(ranks, regions.starts[:-1], axis=1) + np.int32(1)

    @cached_property
    def intensities(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Intensity features and locations of each stain."""
        regions = self.regions
        pairs = zip(self.values, self.field.ranked, strict=True)
        return [
            measure_intensity(regions, values, sorting.sort_objects(regions, ranked))
            for values, ranked in pairs
        ]

    @cached_property
    def means(self) -> np.ndarray:
        """Mean intensities, shape (C, n)."""
        sums = np.add.reduceat(self.values, self.regions.starts[:-1], axis=1)
        return sums / self.regions.areas

    @cached_property
    def centers(self) -> np.ndarray:
        """Row and column of the centroid, shape (n, 2)."""
        begin, areas = self.regions.starts[:-1], self.regions.areas
        axes = (self.regions.rows, self.regions.columns)
        return np.column_stack([np.add.reduceat(a.astype(float), begin) / areas for a in axes])

    @cached_property
    def circles(self) -> np.ndarray:
        """Enclosing circles, shape (n, 3)."""
        return enclosing_circles(*convex_hulls(self.regions))

    @cached_property
    def rings(self) -> Rings:
        """Radial layout."""
        return Rings(self.regions)

    @cached_property
    def nuclear_rings(self) -> Rings:
        """Radial layout around the centroid of each cell's nucleus; NaN features without one."""
        centers = np.full((self.regions.count, 2), -1, np.int64)
        nuclei = self.siblings.get("Nuclei")
        if nuclei is not None and nuclei.count:
            middles = (Compartment(self.field, nuclei, self.siblings).centers + 0.5).astype(int)
            at = np.searchsorted(nuclei.ids, self.regions.ids).clip(max=nuclei.count - 1)
            own = nuclei.ids[at] == self.regions.ids
            centers[own] = middles[at[own]]
        return Rings(self.regions, centers)
