"""Batches laid over one another, to be looked at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData


def harmonize(
    data: object,
    *,
    by: str | Sequence[str] = "Metadata_Plate",
    n_components: int = 50,
    seed: int = 0,
    features: str | Sequence[str] | None = None,
    layer: str | None = None,
    obsm: str | None = None,
) -> pd.DataFrame | AnnData:
    """Lay batches over one another by Harmony, for maps; never for scores.

    Harmony looks at all wells, treated ones too, and has no transform for wells that it has not
    seen: no fold could be held out of it. What it gives is marked, and every question refuses it.
    To align what is scored, :func:`whiten` with ``method="tvn"`` does so by the controls alone.

    Parameters
    ----------
    data : path, list of paths, DataFrame or AnnData
        Profiles without missing values, see :func:`phenolens.io.given.open_table`; scaled and
        selected first (:func:`normalize`, :func:`select`).
    by : str or sequence of str
        Metadata columns of the batches.
    n_components : int
        Principal components that are moved.
    seed : int
        Of Harmony's clusters.
    features : str or sequence of str, optional
        Prefix or names of the features; by default they are recognised by their names.
    layer, obsm : str, optional
        Where in an AnnData the features are, if not in ``X``.

    Returns
    -------
    DataFrame or AnnData
        What came in (a DataFrame for a path) with the features ``harmony0001`` and on, and
        ``Metadata_NotForScoring``.

    Raises
    ------
    InputError
        If harmonypy is not installed (``pip install 'phenolens[harmony]'``; it is under the GPL),
        the table cannot be read, or values are missing.
    DesignError
        If there is a single batch, or fewer than ten wells.

    References
    ----------
    Korsunsky et al., Nat. Methods 16, 1289 (2019).

    Examples
    --------
    ::

        laid = pl.harmonize(pl.normalize(screen))
    """
    from phenolens.io.given import open_table, put_back
    from phenolens.normalize.harmony import harmonize as laid

    given = open_table(data, features=features, layer=layer, obsm=obsm)
    moved = laid(given.table(), batch=given.columns(by), n_components=n_components, seed=seed)
    return put_back(given, moved)
