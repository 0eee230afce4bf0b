"""The features worth comparing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData


def select(
    data: object,
    *,
    rows: str | Sequence[bool] | None = None,
    max_missing: float = 0.05,
    min_variance: float = 1e-6,
    min_second_ratio: float = 0.05,
    min_unique: float = 0.01,
    max_outlier: float | None = 500.0,
    max_correlation: float | None = 0.9,
    blocklist: Sequence[str] = (),
    fill: bool = False,
    features: str | Sequence[str] | None = None,
    layer: str | None = None,
    obsm: str | None = None,
) -> pd.DataFrame | AnnData:
    """Keep features that vary, are mostly measured, are not wild and do not repeat one another.

    No label is read. The rules are those of :class:`phenolens.learn.select.FeatureSelector`, in the
    order in which they are listed here but for the blocklist, which comes first; each looks at
    what the ones before have left.

    Parameters
    ----------
    data : path, list of paths, DataFrame or AnnData
        Profiles, see :func:`phenolens.io.given.open_table`.
    rows : str or sequence of bool, optional
        The rows that decide: ``"controls"`` (found by convention), a query, or one true or false
        per row; by default all. Where a classifier is to be tested, name its training rows.
    max_missing : float
        Largest share of missing values.
    min_variance : float
        Smallest variance.
    min_second_ratio, min_unique : float
        A feature goes if the second most common value is rarer than this share of the most common
        one *and* the distinct values are fewer than this share of the rows.
    max_outlier : float, optional
        Largest absolute value; meaningful after scaling. None switches the rule off.
    max_correlation : float, optional
        Largest absolute correlation between two features that are kept. None switches it off.
    blocklist : sequence of str
        Names never kept.
    fill : bool
        Replace values that are still missing by the median of the deciding rows.
    features : str or sequence of str, optional
        Prefix or names of the features; by default they are recognised by their names.
    layer, obsm : str, optional
        Where in an AnnData the features are, if not in ``X``.

    Returns
    -------
    DataFrame or AnnData
        What came in (a DataFrame for a path) with fewer features, in their order, values as they
        were.

    Raises
    ------
    InputError
        If the table cannot be read, fewer than two rows decide, or no feature is left.

    References
    ----------
    Caicedo et al., Nat. Methods 14:849 (2017).

    Examples
    --------
    >>> import pandas as pd
    >>> import phenolens as pl
    >>> wells = pd.DataFrame(
    ...     {"Well": ["A01", "A02", "A03"], "f0": [1.0, 2.0, 4.0], "f1": [1.0, 2.0, 4.0], "f2": 7.0}
    ... )
    >>> list(pl.select(wells))
    ['Well', 'f0']
    """
    import numpy as np

    from phenolens import profiles
    from phenolens.errors import InputError
    from phenolens.io.controls import control_rows
    from phenolens.io.given import open_table, put_back
    from phenolens.learn.select import FeatureSelector

    given = open_table(data, features=features, layer=layer, obsm=obsm)
    table = given.table()
    deciding = np.ones(len(table), dtype=bool)
    if rows is not None:
        wanted = None if isinstance(rows, str) and rows == "controls" else rows
        deciding = control_rows(given.metadata(), wanted, name="rows")
    if deciding.sum() < 2:
        raise InputError(f"Features are selected on two rows or more; got {deciding.sum()}.")
    selector = FeatureSelector(
        max_missing=max_missing,
        min_variance=min_variance,
        min_second_ratio=min_second_ratio,
        min_unique=min_unique,
        max_outlier=max_outlier,
        max_correlation=max_correlation,
        blocklist=blocklist,
    ).fit(profiles.take(table, deciding))
    return put_back(given, selector.transform(table) if fill else table.iloc[:, selector.kept_])
