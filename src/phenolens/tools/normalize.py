"""Each plate scaled on its own negative controls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from phenolens.settings import CellCountEffect, Position, Transform

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData


def normalize(
    data: object,
    *,
    controls: str | Sequence[bool] | None = None,
    method: str = "mad",
    by: str | Sequence[str] = "Metadata_Plate",
    spread: str = "auto",
    clip: float | None = 50.0,
    position: Position = "none",
    cell_count: CellCountEffect = "none",
    transform: Transform = "none",
    features: str | Sequence[str] | None = None,
    layer: str | None = None,
    obsm: str | None = None,
) -> pd.DataFrame | AnnData:
    """Scale the features of each plate by the centre and spread of its negative controls.

    All controls that are named take part. A test of treatments against these same controls is
    then a little too sharp where a plate has few of them, for they sit around a centre of their own
    making: a study (``phenolens run``) sets evaluation controls aside for that, and `controls` may
    name the others only.

    Parameters
    ----------
    data : path, list of paths, DataFrame or AnnData
        Profiles, one row a well (or field, or cell); see :func:`phenolens.io.given.open_table`.
    controls : str or sequence of bool, optional
        The negative controls: a query (``"Metadata_control_type == 'negcon'"``) or one true or
        false per row; by default they are found by convention, see
        :func:`phenolens.io.controls.control_rows`. ``"all"`` scales on every well of a plate.
        Only do that where most treatments do nothing and are dealt out to plates at random:
        otherwise what the treatments of a plate have in common is taken away as if it were the
        plate's.
    method : {"mad", "standard", "center"}
        ``(x - median) / (1.4826 MAD)``; ``(x - mean) / SD``; or ``x - median``.
    by : str or sequence of str
        Metadata columns of the group that is scaled by itself; ``()`` for the table as a whole.
    spread : {"auto", "plate", "screen"}
        Whose controls give the spread: the group's own, or, centred, those of all groups;
        ``auto`` takes all where groups have fewer than 16 controls.
    clip : float, optional
        Values are limited to ``[-clip, clip]``; None leaves them.
    position : {"none", "remove"}
        ``remove`` subtracts the surface over the plate that the controls show, the same on all
        plates (:func:`phenolens.normalize.position.remove_position`). No treatment is erased, but
        where no control sits the surface is extrapolated. Never subtract the mean of each position
        over plates instead: where treatments keep their position it is their effect.
    cell_count : {"none", "remove"}
        ``remove`` then subtracts what features follow the cell count (``Metadata_CellCount``) by
        among the controls (:func:`phenolens.normalize.cell_count.remove_cell_count`). It hides that
        a treatment changes the number of cells; do so where that is not the question.
    transform : {"none", "rank-gaussian"}
        ``rank-gaussian`` makes of each value the normal quantile of its rank among the controls
        (:class:`phenolens.learn.gaussian.RankGaussian`): what lies beyond them all is one and the
        same value, however far it lies.
    features : str or sequence of str, optional
        Prefix or names of the features; by default they are recognised by their names.
    layer, obsm : str, optional
        Where in an AnnData the features are, if not in ``X``.

    Returns
    -------
    DataFrame or AnnData
        What came in (a DataFrame for a path) with scaled features and ``Metadata_Calibrated``.
        A feature that does not vary among a plate's controls has no scale there: it becomes 0 on
        that plate.

    Raises
    ------
    InputError
        If the table cannot be read, or a column or word is unknown.
    DesignError
        If a group has fewer than two controls; names it. If controls at fewer than eight positions
        are to show a surface, or fewer than eight have the cell count that is to be removed.

    References
    ----------
    Caicedo et al., Nat. Methods 14:849 (2017).

    Examples
    --------
    >>> import pandas as pd
    >>> import phenolens as pl
    >>> wells = pd.DataFrame(
    ...     {"Plate": "P1", "compound": ["DMSO"] * 3 + ["taxol"], "f0": [1.0, 2.0, 3.0, 9.0]}
    ... )
    >>> pl.normalize(wells).round(2)
      Plate compound  Metadata_Calibrated    f0
    0    P1     DMSO                 True -0.67
    1    P1     DMSO                 True  0.00
    2    P1     DMSO                 True  0.67
    3    P1    taxol                 True  4.72
    """
    import numpy as np

    from phenolens import profiles
    from phenolens.errors import DesignError, InputError
    from phenolens.io.controls import control_rows
    from phenolens.io.given import open_table, put_back
    from phenolens.learn.gaussian import RankGaussian
    from phenolens.normalize.cell_count import remove_cell_count
    from phenolens.normalize.position import remove_position
    from phenolens.normalize.scale import robust_scale, spread_group
    from phenolens.settings import WORDS, one_of

    position = one_of("position", position, WORDS["position"])
    cell_count = one_of("cell_count", cell_count, WORDS["cell_count"])
    transform = one_of("transform", transform, WORDS["transform"])
    given = open_table(data, features=features, layer=layer, obsm=obsm)
    table, groups = given.table(), given.columns(by)
    rows = control_rows(given.metadata(), controls)
    wide = spread_group(spread, table, rows, by=groups)
    scaled, report = robust_scale(table, rows, by=groups, spread_by=wide, method=method, clip=clip)
    if left := report["uncalibrated"]:
        named = [" ".join(key.values()) or "the table" for key in left]
        shown = ", ".join(named[:5]) + (", ..." if len(named) > 5 else "")
        raise DesignError(
            f"{len(left)} of {len(report['groups'])} groups ({', '.join(groups) or 'the table'}) "
            f"have fewer than two controls and cannot be scaled: {shown}. Name their controls, "
            "leave these rows out, or scale on every row with controls='all'."
        )
    if position == "remove":
        scaled, _ = remove_position(scaled, rows)
    if cell_count == "remove":
        scaled, _ = remove_cell_count(scaled, rows)
    if transform == "rank-gaussian":
        gaps = scaled.columns[np.isnan(scaled.to_numpy()).any(axis=0)]
        if len(gaps):
            raise InputError(
                f"{len(gaps)} feature(s) have missing values, such as {gaps[0]}; ranks need them "
                "all. Leave such features out, or fill them: select(..., fill=True)."
            )
        scaled = RankGaussian().fit(profiles.take(scaled, rows)).transform(scaled)
    return put_back(given, scaled)
