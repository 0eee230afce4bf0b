"""Pixel PCA: principal components of small flattened images, the plainest look at pixels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from phenolens.illumination import block_means
from phenolens.prepared import Prepared
from phenolens.represent.base import Card

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class PixelPCA:
    """PCA of images shrunk to ``size`` x ``size`` pixels and flattened over all stains.

    Each stain of each image is scaled to mean 0 and standard deviation 1, so that brightness alone
    does not decide (the mean-intensity baseline holds brightness). Fitted on the given rows only,
    with randomized SVD (Halko et al. 2011, SIAM Review 53:217).

    Attributes
    ----------
    size : int
        Side of the shrunk image in pixels; images that are smaller are kept as they are.
    components : int
        Largest number of components.
    variance : float
        Components are kept until they explain this share of the variance.
    """

    size: int = 64
    components: int = 128
    variance: float = 0.95
    name: str = "pixel-pca"
    learns: str = "pixels"
    mean: np.ndarray | None = None
    axes: np.ndarray | None = None
    trained_on: tuple[str, ...] = ()

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
        images = flattened(prepared, rows, self.size)
        n = min(self.components, *images.shape)
        pca = PCA(n, svd_solver="randomized", random_state=seed).fit(images)
        kept = int(np.searchsorted(np.cumsum(pca.explained_variance_ratio_), self.variance)) + 1
        axes = _with_fixed_sign(pca.components_[:kept]).astype(np.float32)
        wells = tuple(sorted(set(_wells(prepared, rows))))
        return replace(self, mean=pca.mean_.astype(np.float32), axes=axes, trained_on=wells)

    def extract(
        self, prepared: Prepared, rows: np.ndarray, *, progress: Progress | None = None
    ) -> np.ndarray:
        """Scores of these rows' images on the components, float32."""
        del progress
        return (flattened(prepared, rows, self.size) - self.mean) @ self.axes.T

    def card(self, prepared: Prepared, *, fold: str) -> Card:
        """How the features came to be."""
        return Card(
            self.name,
            prepared.images.level,
            prepared.channels,
            learns="pixels",
            fold=fold,
            preprocessing={"size": self.size, "scaling": "each stain of each image standardised"},
            trained_on=self.trained_on,
        )


def _wells(prepared: Prepared, rows: np.ndarray) -> list[str]:
    table = prepared.images.table.iloc[rows]
    return (table["Metadata_Plate"].astype(str) + "/" + table["Metadata_Well"]).tolist()


def _with_fixed_sign(axes: np.ndarray) -> np.ndarray:
    """Flip axes so that their largest entry is positive: the sign of a component is arbitrary."""
    largest = np.take_along_axis(axes, np.abs(axes).argmax(axis=1)[:, None], axis=1)
    return axes * np.where(largest < 0, -1, 1)


def flattened(prepared: Prepared, rows: np.ndarray, size: int) -> np.ndarray:
    """Small standardised images as rows, float32 (len(rows), C * size * size)."""
    return np.stack([_small(prepared.pixels(int(row)), size).ravel() for row in rows])


def _small(pixels: np.ndarray, size: int) -> np.ndarray:
    small = block_means(pixels, size)
    centred = small - small.mean(axis=(1, 2), keepdims=True)
    spread = centred.std(axis=(1, 2), keepdims=True)
    return (centred / np.where(spread > 0, spread, 1)).astype(np.float32)
