"""One row a well out of many cells or fields."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData


def aggregate(
    data: object,
    *,
    by: str | Sequence[str] = ("Metadata_Plate", "Metadata_Well"),
    how: str = "median",
    features: str | Sequence[str] | None = None,
    layer: str | None = None,
    obsm: str | None = None,
) -> pd.DataFrame | AnnData:
    """Make one row of all rows that share a key: cells or fields become wells.

    Parameters
    ----------
    data : path, list of paths, DataFrame or AnnData
        Profiles, see :func:`phenolens.io.given.open_table`.
    by : str or sequence of str
        Metadata columns that name a row of the result. Rows that say nothing there are a group
        too, and none is lost.
    how : {"median", "mean"}
        NaN is ignored.
    features : str or sequence of str, optional
        Prefix or names of the features; by default they are recognised by their names.
    layer, obsm : str, optional
        Where in an AnnData the features are, if not in ``X``.

    Returns
    -------
    DataFrame or AnnData
        What came in (a DataFrame for a path), one row a group, sorted by key. Metadata that is
        the same in all rows of every group is kept, the rest is dropped; ``Metadata_Count`` is
        the number of rows a group had.

    Raises
    ------
    InputError
        If the table cannot be read, has no such column, or `how` is another word.

    Examples
    --------
    >>> import pandas as pd
    >>> import phenolens as pl
    >>> cells = pd.DataFrame({"Plate": "P1", "Well": ["A01", "A01", "A02"], "f0": [1.0, 2.0, 5.0]})
    >>> pl.aggregate(cells)
      Plate Well  Metadata_Count   f0
    0    P1  A01               2  1.5
    1    P1  A02               1  5.0
    """
    from phenolens import profiles
    from phenolens.errors import InputError
    from phenolens.io.given import open_table, put_back

    if how not in ("median", "mean"):
        raise InputError(f"Unknown way to aggregate {how!r}; choose median or mean.")
    given = open_table(data, features=features, layer=layer, obsm=obsm)
    return put_back(given, profiles.aggregate(given.table(), given.columns(by), how=how))
