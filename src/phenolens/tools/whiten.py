"""Directions in which controls vary anyway, evened out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from phenolens.settings import Shrinkage

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData


def whiten(
    data: object,
    *,
    controls: str | Sequence[bool] | None = None,
    method: str = "zca-cor",
    regularization: float = 0.1,
    shrinkage: Shrinkage = "fixed",
    n_components: int | None = None,
    by: str | Sequence[str] = "Metadata_Plate",
    features: str | Sequence[str] | None = None,
    layer: str | None = None,
    obsm: str | None = None,
) -> pd.DataFrame | AnnData:
    """Whiten profiles on negative controls (the field calls it sphering).

    What controls vary by, plate and position included, says nothing about treatments; after
    whitening it counts no more than any other direction. Scale first (:func:`normalize`) and select
    features that are measured everywhere (:func:`select`).

    Parameters
    ----------
    data : path, list of paths, DataFrame or AnnData
        Profiles without missing values, see :func:`phenolens.io.given.open_table`.
    controls : str or sequence of bool, optional
        The negative controls: a query, or one true or false per row; by default they are found by
        convention, see :func:`phenolens.io.controls.control_rows`. ``"all"`` whitens on every
        row, which takes away what treatments have in common too.
    method : {"zca-cor", "zca", "pca-cor", "pca", "tvn"}
        ZCA stays as near to the features as whitening can, PCA gives components; ``-cor`` works
        on correlations (:class:`phenolens.learn.whiten.Whitener`). ``tvn``, typical variation
        normalization, scales on controls, takes their principal components, and aligns each
        batch's controls with all (:func:`phenolens.normalize.tvn.tvn`).
    regularization : float
        Added to each eigenvalue, in units of a feature's variance (after ``-cor``: of 1); for
        ``tvn`` the share of the identity mixed into each covariance.
    shrinkage : {"fixed", "ledoit-wolf"}
        ``ledoit-wolf`` lets the controls themselves say how far their covariance is drawn to a
        multiple of the identity, in the place of `regularization`.
    n_components : int, optional
        How many leading directions PCA keeps (all) or ``tvn`` (64).
    by : str or sequence of str
        For ``tvn``: metadata columns of the batches that are aligned.
    features : str or sequence of str, optional
        Prefix or names of the features; by default they are recognised by their names.
    layer, obsm : str, optional
        Where in an AnnData the features are, if not in ``X``.

    Returns
    -------
    DataFrame or AnnData
        What came in (a DataFrame for a path) with whitened features: under their names with ZCA,
        ``whitened0000`` or ``tvn0001`` and on otherwise.

    Raises
    ------
    InputError
        If the table cannot be read, holds missing values, or a word is unknown.
    DesignError
        If there are too few controls.

    References
    ----------
    Kessy, Lewin & Strimmer, Am. Stat. 72, 309 (2018); Ando, McLean & Berndl, bioRxiv 161422 (2017);
    Ledoit & Wolf, J. Multivar. Anal. 88, 365 (2004).

    Examples
    --------
    >>> import pandas as pd
    >>> import phenolens as pl
    >>> wells = pd.DataFrame(
    ...     {"compound": ["DMSO"] * 4 + ["taxol"], "f0": [1.0, 2.0, 3.0, 4.0, 9.0],
    ...      "f1": [1.0, 3.0, 2.0, 4.0, 1.0]}
    ... )
    >>> pl.whiten(wells, regularization=0.0).round(2)
      compound    f0    f1
    0     DMSO -0.87 -0.87
    1     DMSO -0.87  0.87
    2     DMSO  0.87 -0.87
    3     DMSO  0.87  0.87
    4    taxol  8.37 -5.48
    """
    import numpy as np

    from phenolens import profiles
    from phenolens.errors import DesignError, InputError
    from phenolens.io.controls import control_rows
    from phenolens.io.given import open_table, put_back
    from phenolens.learn.whiten import METHODS, Whitener
    from phenolens.normalize.tvn import tvn
    from phenolens.settings import WORDS, one_of

    if method not in (*METHODS, "tvn"):
        raise InputError(f"Unknown whitening {method!r}; choose one of {', '.join(METHODS)}, tvn.")
    shrinkage = one_of("shrinkage", shrinkage, WORDS["shrinkage"])
    given = open_table(data, features=features, layer=layer, obsm=obsm)
    table, rows = given.table(), control_rows(given.metadata(), controls)
    gaps = table.columns[np.isnan(table.to_numpy()).any(axis=0)]
    if len(gaps):
        raise InputError(
            f"{len(gaps)} feature(s) have missing values, such as {gaps[0]}; whitening needs them "
            "all. Leave such features out, or fill them: select(..., fill=True)."
        )
    if rows.sum() < 3:
        raise DesignError(f"Whitening needs 3 or more controls; got {rows.sum()}.")
    if method == "tvn":
        aligned, _ = tvn(
            table, rows, batch=given.columns(by),
            shrinkage=None if shrinkage == "ledoit-wolf" else regularization,
            n_components=64 if n_components is None else n_components,
        )  # fmt: skip
        return put_back(given, aligned)
    whitener = Whitener(
        method=method,
        regularization=regularization,
        n_components=n_components,
        shrinkage=shrinkage,
    ).fit(profiles.take(table, rows))
    return put_back(given, whitener.transform(table))
