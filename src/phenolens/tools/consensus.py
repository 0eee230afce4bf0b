"""One profile a treatment out of its replicate wells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData


def consensus(
    data: object,
    *,
    by: str | Sequence[str],
    how: str = "median",
    features: str | Sequence[str] | None = None,
    layer: str | None = None,
    obsm: str | None = None,
) -> pd.DataFrame | AnnData:
    """Make one profile of the replicates of each treatment.

    Parameters
    ----------
    data : path, list of paths, DataFrame or AnnData
        Profiles of wells, see :func:`phenolens.io.given.open_table`.
    by : str or sequence of str
        Metadata columns that name a treatment (and a condition: dose, cell line, time point).
    how : {"median", "mean", "modz"}
        ``modz`` weighs each replicate by its mean correlation with the others, see
        :func:`phenolens.normalize.consensus.consensus`.
    features : str or sequence of str, optional
        Prefix or names of the features; by default they are recognised by their names.
    layer, obsm : str, optional
        Where in an AnnData the features are, if not in ``X``.

    Returns
    -------
    DataFrame or AnnData
        What came in (a DataFrame for a path), one row a treatment, sorted. Metadata that is the
        same in all replicates of every treatment is kept; ``Metadata_Count`` is their number.

    Raises
    ------
    InputError
        If the table cannot be read, has no such column, or `how` is another word.

    References
    ----------
    Subramanian et al., Cell 171:1437 (2017), for MODZ.

    Examples
    --------
    >>> import pandas as pd
    >>> import phenolens as pl
    >>> wells = pd.DataFrame({"compound": ["taxol"] * 3 + ["ALLN"], "f0": [1.0, 2.0, 6.0, 4.0]})
    >>> pl.consensus(wells, by="compound")
      compound  Metadata_Count   f0
    0     ALLN               1  4.0
    1    taxol               3  2.0
    """
    from phenolens.io.given import open_table, put_back
    from phenolens.normalize.consensus import consensus as merged

    given = open_table(data, features=features, layer=layer, obsm=obsm)
    return put_back(given, merged(given.table(), given.columns(by), how=how))
