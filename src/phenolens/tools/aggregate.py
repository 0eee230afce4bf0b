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
    quality: str | Sequence[str] | None = None,
    controls: str | Sequence[bool] | None = None,
    features: str | Sequence[str] | None = None,
    layer: str | None = None,
    obsm: str | None = None,
) -> pd.DataFrame | AnnData:
    """Make one row of all rows that share a key: cells or fields become wells.

    Files may hold more cells than memory does: of Parquet tables some columns of the files of one
    plate are read at a time, and other tables one file after another
    (:func:`phenolens.io.wells_of_files.wells_of_files`). With `quality` all is read at once.

    Parameters
    ----------
    data : path, list of paths, DataFrame or AnnData
        Profiles, see :func:`phenolens.io.given.open_table`.
    by : str or sequence of str
        Metadata columns that name a row of the result. Rows that say nothing there are a group
        too, and none is lost.
    how : {"median", "mean"}
        NaN is ignored.
    quality : str or sequence of str, optional
        Measures of quality by which rows weigh: ``"all"`` for focus, saturation and debris of each
        stain (``Metadata_Quality_...``, as a study leaves them in ``cells/``), or names of metadata
        columns. A row within three robust standard deviations of its plate's control rows counts
        fully, one that is worse counts for less
        (:func:`phenolens.normalize.quality.quality_weights`).
    controls : str or sequence of bool, optional
        For `quality`: the negative controls, a query or one true or false per row; by default they
        are found by convention, see :func:`phenolens.io.controls.control_rows`.
    features : str or sequence of str, optional
        Prefix or names of the features; by default they are recognised by their names.
    layer, obsm : str, optional
        Where in an AnnData the features are, if not in ``X``.

    Returns
    -------
    DataFrame or AnnData
        What came in (a DataFrame for a path), one row a group, sorted by key. Metadata that is
        the same in all rows of every group is kept, the rest is dropped; ``Metadata_Count`` is
        the number of rows a group had; with `quality`, ``Metadata_Weight`` what they weighed.

    Raises
    ------
    InputError
        If the table cannot be read, has no such column, or `how` is another word.
    DesignError
        If fewer than eight control fields say what quality is usual.

    References
    ----------
    Bray et al., J. Biomol. Screen. 17:266 (2012), for measures of quality.

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
    import numpy as np

    from phenolens import profiles
    from phenolens.errors import InputError
    from phenolens.io.cards import card_of_files, put_card
    from phenolens.io.controls import control_rows
    from phenolens.io.given import open_table, paths_given, put_back, require_names, shared_stem
    from phenolens.io.wells_of_files import wells_of_files
    from phenolens.normalize.quality import quality_weights, weighted_middle

    if how not in ("median", "mean"):
        raise InputError(f"Unknown way to aggregate {how!r}; choose median or mean.")
    require_names(layer=layer, obsm=obsm)
    paths = paths_given(data)
    if paths is not None and quality is None:
        merged = wells_of_files(
            paths, by, how=how, name=shared_stem(paths), features=features, layer=layer, obsm=obsm
        )
        wells = profiles.to_frame(merged)
        put_card(wells, None if obsm else card_of_files(paths))
        return wells
    given = open_table(data, features=features, layer=layer, obsm=obsm)
    table, groups = given.table(), given.columns(by)
    merged = profiles.aggregate(table, groups, how=how)
    if quality is None:
        return put_back(given, merged)
    rows = given.metadata()
    measures = None if quality == "all" else given.columns(quality)
    weights, _ = quality_weights(rows, control_rows(rows, controls), measures=measures)
    codes, _ = profiles.groups(table, groups)
    values, out = table.to_numpy(), np.empty(merged.shape, dtype=np.float32)
    for group in range(len(merged)):
        out[group] = weighted_middle(values[codes == group], weights[codes == group], how=how)
    total = np.bincount(codes, weights=weights, minlength=len(merged))
    weighted = merged.copy()
    weighted[:] = out
    return put_back(given, profiles.with_metadata(weighted, {"Metadata_Weight": total}))
