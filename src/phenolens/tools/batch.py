"""How much of a representation is plate or batch, beside how much is biology?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from phenolens import profiles
from phenolens.errors import DesignError
from phenolens.evaluate.quality.batch_effect import batch_effect
from phenolens.evaluate.results import join_results
from phenolens.findings import Finding
from phenolens.profiles import BATCH, PLATE
from phenolens.tools.read import read
from phenolens.tools.representation import Profiles
from phenolens.tools.result import Result

if TYPE_CHECKING:
    from anndata import AnnData


def batch(
    data: str | Path | Sequence[str | Path] | pd.DataFrame | AnnData | Profiles,
    *,
    same_by: str | Sequence[str] | None = None,
    controls: str | Sequence[bool] | None = None,
    features: str | Sequence[str] | None = None,
    layer: str | None = None,
    obsm: str | None = None,
    normalized: bool | None = None,
    same_plate: str | Sequence[str] | None = None,
    distinct_plates: str | Sequence[str] | None = None,
    measurement: str | None = None,
    trained_on: str | Sequence[str] | None = None,
    labels_seen: str | Sequence[str] | None = None,
    by: str | None = None,
    seed: int | None = None,
) -> Result:
    """Variance and neighbours that plate or batch decide among controls, beside biology kept.

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
    same_plate, distinct_plates : str or list of str, optional
        Plates that are one, measured again (``"P1=P1_again"``), and plates that are not.
    measurement : str, optional
        Which of several measurements of a well counts: a query, or ``"average"``.
    trained_on, labels_seen : str or list of str, optional
        Wells and labels of this screen that the features learned from; see :func:`phenolens.read`.
    by : str, optional
        Column of batches; by default the plate and, where it is known, the batch.
    seed : int, optional
        Seed of all draws [0, or what the study used].

    Returns
    -------
    Result
        ``table`` (also ``scores``): the long result table: variance shares, whether a control's
        nearest control is of its batch, LISI, kBET-like rejection, and whether nearest treated
        wells of another batch share the treatment.

    Raises
    ------
    DesignError
        If there is only one plate or batch, or rows may not be compared.
    InputError
        If the data or a column cannot be used.
    ConfigError
        If a setting has a value it cannot have.

    References
    ----------
    Korsunsky et al., Nat. Methods 16:1289 (2019), for mixing; Büttner et al., Nat. Methods 16:43
    (2019), for kBET.

    Examples
    --------
    >>> import phenolens as pl
    >>> screen, truth = pl.simulate_profiles(seed=3)
    >>> pl.batch(screen).summary["by"]
    ['Metadata_Plate']
    """
    item = read(
        data, same_by=same_by, controls=controls, features=features, layer=layer, obsm=obsm,
        normalized=normalized, same_plate=same_plate,
        distinct_plates=distinct_plates, measurement=measurement,
        trained_on=trained_on, labels_seen=labels_seen, seed=seed,
    )  # fmt: skip
    wells = item.require_whole()
    item.require_treatments()
    known = [name for name in (PLATE, BATCH) if name in wells.index.names]
    columns = known if by is None else [item.column(by, setting="by")]
    columns = [name for name in columns if pd.Series(profiles.column(wells, name)).nunique() > 1]
    found = []
    for name in columns:
        part = batch_effect(wells, item.name, seed=item.settings.seed, batch=name)
        what = name.removeprefix(profiles.PREFIX).lower()
        found.append(part.assign(metric=part["metric"] + f"_{what}", space=item.space))
    rows = join_results(found)
    if not len(rows):
        what = "plate" if by is None else by
        about = {"representation": item.name, "column": what}
        raise DesignError(Finding("one-batch-only", "error", about))
    result = dict(zip(rows["metric"], rows["value"], strict=True))
    return Result(
        question="batch",
        table=rows,
        summary={"representation": item.name, "by": columns, "space": item.space} | result,
        findings=(*item.findings, *item.space_findings()),
        settings=item.settings_with(by=by),
        scores=rows,
    )
