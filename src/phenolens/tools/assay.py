"""Is each plate good enough?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from phenolens import profiles
from phenolens.evaluate.assay_quality import assay_quality
from phenolens.evaluate.wells import select
from phenolens.profiles import PLATE
from phenolens.tools.read import read
from phenolens.tools.representation import Profiles
from phenolens.tools.result import Result

if TYPE_CHECKING:
    from anndata import AnnData


def assay(
    data: str | Path | Sequence[str | Path] | pd.DataFrame | AnnData | Profiles,
    *,
    same_by: str | Sequence[str] | None = None,
    controls: str | Sequence[bool] | None = None,
    features: str | Sequence[str] | None = None,
    layer: str | None = None,
    obsm: str | None = None,
    normalized: bool | None = None,
    positive: str | None = None,
    seed: int | None = None,
) -> Result:
    """Judge each plate: replicates, controls, grit; passed, or why not.

    Parameters
    ----------
    data : path, list of paths, DataFrame, AnnData or Profiles
        Profiles, one row a well (cells and fields become wells); see :func:`phenolens.read`.
    same_by : str or list of str, optional
        Columns that name a perturbation; found by their usual names by default.
    controls : str or list of bool, optional
        Query for negative controls, or a mask; by convention by default.
    features : str or list of str, optional
        Prefix of the feature columns, or their names; by convention by default.
    layer, obsm : str, optional
        Layer or embedding of an AnnData to take instead of ``X``.
    normalized : bool, optional
        Whether the profiles were scaled on controls already; the values tell by default.
    positive : str, optional
        Query for positive controls; by convention (``poscon``) by default.
    seed : int, optional
        Seed of all draws [0, or what the study used].

    Returns
    -------
    Result
        ``table``: one row a plate with its metrics, ``passed`` and ``reasons``; ``scores``: the
        long result table; ``more["metrics"]``: one row a plate and metric.

    Raises
    ------
    DesignError
        If there is no control well.
    InputError
        If the data, a column or a setting cannot be used.

    Examples
    --------
    >>> import phenolens as pl
    >>> screen, truth = pl.simulate_profiles(seed=3)
    >>> len(pl.assay(screen).table)
    4
    """
    item = read(
        data, same_by=same_by, controls=controls, features=features, layer=layer, obsm=obsm,
        normalized=normalized,
    )  # fmt: skip
    item = item.with_settings(seed=seed)
    wells = item.require_whole()
    item.require_treatments()
    item.require_controls()
    strong = select(wells, positive) if positive else None
    if strong is None and POSITIVE in wells.index.names:
        strong = profiles.column(wells, POSITIVE).astype(bool)
        strong = strong if strong.any() else None
    found = assay_quality(wells, item.name, seed=item.settings.seed, positive=strong)
    plates = found.plates
    return Result(
        question="assay",
        table=plates.assign(space=item.space),
        summary={
            "representation": item.name,
            "plates": len(plates),
            "passed": int(plates["passed"].sum()),
            "space": item.space,
        },
        notes=(*item.notes, *item.space_notes()),
        settings=item.settings_with(positive=positive),
        scores=found.results.assign(space=item.space),
        more={"metrics": _long(plates)},
    )


POSITIVE = "Metadata_PositiveControl"


def _long(plates: pd.DataFrame) -> pd.DataFrame:
    """One row a plate and metric; ``passed`` carries the reasons why a plate did not."""
    numeric = plates.assign(passed=plates["passed"].astype(float)).drop(columns="reasons")
    long = numeric.melt(id_vars=PLATE, var_name="metric", value_name="value")
    long = long[long["value"].notna()].astype({"value": np.float64})
    reasons = long[PLATE].map(plates.set_index(PLATE)["reasons"])
    long = long.assign(
        low=np.nan, high=np.nan, n=1, flag=reasons.where(long["metric"] == "passed", "")
    )
    return long.sort_values([PLATE, "metric"], ignore_index=True)
