"""A map to look at: wells in two dimensions. A picture, never a test."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd

from phenolens import profiles

_LEVELS = (
    profiles.PLATE,
    profiles.WELL,
    profiles.TREATMENT,
    profiles.MECHANISM,
    profiles.CONTROL,
)


def umap(table: pd.DataFrame, *, seed: int = 0, neighbors: int = 15) -> pd.DataFrame:
    """UMAP of wells (McInnes et al. 2018, arXiv:1802.03426), cosine, one thread so that it repeats.

    Parameters
    ----------
    table : DataFrame, shape (n_wells, n_features)
        Profiles without NaN.
    seed : int
    neighbors : int
        Fewer where there are fewer wells.

    Returns
    -------
    DataFrame
        The wells' key, treatment, mechanism and control flag where known, ``x`` and ``y``
        (float32). Fewer than five wells are laid out by their first two principal components.
    """
    known = [name for name in _LEVELS if name in table.index.names]
    places = profiles.metadata(table)[known]
    values = np.ascontiguousarray(table.to_numpy(np.float32))
    xy = embedded(values, seed=seed, neighbors=neighbors)
    return places.assign(x=xy[:, 0], y=xy[:, 1])


def embedded(
    values: np.ndarray, *, seed: int = 0, neighbors: int = 15, metric: str = "cosine"
) -> np.ndarray:
    """UMAP of rows, as :func:`umap` makes it.

    Parameters
    ----------
    values : ndarray of float32, shape (n, n_features)
        Without NaN.
    seed, neighbors : int
        Fewer neighbours where there are fewer rows.
    metric : str

    Returns
    -------
    ndarray of float32, shape (n, 2)
    """
    if len(values) < 5:
        return _components(values)
    neighbors = min(neighbors, len(values) - 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # UMAP warns that a seed means one thread: we want that
        from umap import UMAP

        _keep_compiled()
        init = "spectral" if len(values) > 20 else "random"
        model = UMAP(n_neighbors=neighbors, metric=metric, random_state=seed, init=init)
        return model.fit_transform(values).astype(np.float32)


def _keep_compiled() -> None:
    """Let numba keep UMAP's compiled functions on disk: they take 15 s in every new process."""
    import umap
    from numba.core.dispatcher import Dispatcher

    for module in (umap.umap_, umap.layouts, umap.utils):
        for function in vars(module).values():
            if isinstance(function, Dispatcher) and function.__module__.startswith("umap"):
                function.enable_caching()


def _components(values: np.ndarray) -> np.ndarray:
    centred = values - values.mean(axis=0)
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    xy = np.zeros((len(values), 2), np.float32)
    kept = min(2, len(sizes))
    xy[:, :kept] = left[:, :kept] * sizes[:kept]
    return xy
