"""Pixel PCA: principal components of small flattened images, the plainest look at pixels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from phenolens.errors import InputError
from phenolens.illumination import block_means
from phenolens.prepared import Prepared, Progress
from phenolens.represent.base import (
    ALL,
    Card,
    Kind,
    Learns,
    Options,
    Reads,
    Representation,
    register,
    wells_of,
)

_BATCH = 512


class PixelPCAOptions(Options):
    """Side of the shrunk images, and the largest number of components."""

    pixel_size: Annotated[int, Field(ge=4, le=64)] = 64
    components: Annotated[int, Field(ge=1)] = 128


@register
@dataclass(frozen=True)
class PixelPCA(Representation):
    """PCA of images shrunk to ``size`` x ``size`` pixels and flattened over all stains.

    Each stain of each image is scaled to mean 0 and standard deviation 1, so that brightness alone
    does not decide (the mean-intensity baseline holds brightness). Fitted on the given rows only,
    with randomized SVD (Halko et al. 2011, SIAM Review 53:217).

    Attributes
    ----------
    size : int
        Side of the shrunk image in pixels, at most 64; smaller images are kept as they are.
    components : int
        Largest number of components.
    variance : float
        Components are kept until they explain this share of the variance.
    sample : int
        Images learned from at most, drawn at random: memory does not grow with the screen.
    """

    size: int = 64
    components: int = 128
    variance: float = 0.95
    sample: int = 4096
    name: str = "pixel-pca"
    mean: np.ndarray | None = None
    axes: np.ndarray | None = None
    trained_on: tuple[str, ...] = ()

    label: ClassVar[str] = "Pixel PCA"
    kind: ClassVar[Kind] = "unsupervised"
    methods: ClassVar[str] = (
        "Pixel PCA keeps at most {components} principal components of images reduced to "
        "{pixel_size} × {pixel_size} pixels."
    )
    learns: ClassVar[Learns] = "pixels"
    reads: ClassVar[Reads] = "images"
    fewest: ClassVar[int] = 3
    Options: ClassVar[type[Options]] = PixelPCAOptions
    section: ClassVar[str] = "represent"
    rank: ClassVar[int] = 20

    @classmethod
    def of(cls, options: PixelPCAOptions, *, level: str, seed: int) -> PixelPCA:
        """With the study file's size and number of components."""
        del level, seed
        return cls(options.pixel_size, options.components)

    def fit(
        self,
        prepared: Prepared,
        rows: np.ndarray,
        *,
        labels: np.ndarray | None = None,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> PixelPCA:
        """Find the components of these rows' images."""
        from sklearn.decomposition import PCA

        del labels, progress
        wells = tuple(wells_of(prepared, rows))
        if len(rows) > self.sample:
            rows = np.sort(np.random.default_rng(seed).choice(rows, self.sample, replace=False))
        images = flattened(prepared, rows, self.size)
        n = min(self.components, *images.shape)
        pca = PCA(n, svd_solver="randomized", random_state=seed).fit(images)
        kept = int(np.searchsorted(np.cumsum(pca.explained_variance_ratio_), self.variance)) + 1
        axes = _with_fixed_sign(pca.components_[:kept]).astype(np.float32)
        return replace(self, mean=pca.mean_.astype(np.float32), axes=axes, trained_on=wells)

    def extract(
        self, prepared: Prepared, rows: np.ndarray, *, progress: Progress | None = None
    ) -> np.ndarray:
        """Scores of these rows' images on the components, float32."""
        del progress
        if self.mean is None or self.axes is None:
            raise InputError(f"'{self.name}' has not been fitted yet.")
        parts = np.array_split(rows, max(1, -(-len(rows) // _BATCH)))
        scores = [
            (flattened(prepared, part, self.size) - self.mean) @ self.axes.T for part in parts
        ]
        return np.concatenate(scores)

    def card(self, prepared: Prepared, *, fold: str = ALL) -> Card:
        """How the features came to be."""
        return Card(
            self.name,
            prepared.images.level,
            prepared.channels,
            learns=self.learns,
            kind=self.kind,
            fold=fold,
            preprocessing={"size": self.size, "scaling": "each stain of each image standardised"},
            trained_on=self.trained_on,
        )


def _with_fixed_sign(axes: np.ndarray) -> np.ndarray:
    """Flip axes so that their largest entry is positive: the sign of a component is arbitrary."""
    largest = np.take_along_axis(axes, np.abs(axes).argmax(axis=1)[:, None], axis=1)
    return axes * np.where(largest < 0, -1, 1)


def flattened(prepared: Prepared, rows: np.ndarray, size: int) -> np.ndarray:
    """Small standardised images as rows, float32 (len(rows), C * size * size)."""
    images = (block_means(prepared.small(int(row)), size) for row in rows)
    return np.stack([_standardised(small).ravel() for small in images])


def _standardised(small: np.ndarray) -> np.ndarray:
    centred = small - small.mean(axis=(1, 2), keepdims=True)
    spread = centred.std(axis=(1, 2), keepdims=True)
    return (centred / np.where(spread > 0, spread, 1)).astype(np.float32)
