"""Is each plate good enough?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from phenolens import profiles
from phenolens.errors import InputError, named, shown
from phenolens.evaluate.quality.assay_quality import assay_quality
from phenolens.findings import Finding
from phenolens.profiles import PLATE
from phenolens.query import evaluate_query, values_asked
from phenolens.tools.columns import POSITIVE
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
    same_plate: str | Sequence[str] | None = None,
    distinct_plates: str | Sequence[str] | None = None,
    measurement: str | None = None,
    trained_on: str | Sequence[str] | None = None,
    labels_seen: str | Sequence[str] | None = None,
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
    same_plate, distinct_plates : str or list of str, optional
        Plates that are one, measured again (``"P1=P1_again"``), and plates that are not.
    measurement : str, optional
        Which of several measurements of a well counts: a query, or ``"average"``.
    trained_on, labels_seen : str or list of str, optional
        Wells and labels of this screen that the features learned from; see :func:`phenolens.read`.
    positive : str, optional
        Query for positive controls; by convention (``poscon``) by default.
    seed : int, optional
        Seed of all draws [0, or what the study used].

    Returns
    -------
    Result
        ``table``: one row a plate with its metrics, ``passed`` and ``reasons`` (codes);
        ``scores``: the long result table; ``more["metrics"]``: one row a plate and metric.

    Raises
    ------
    DesignError
        If there is no control well.
    InputError
        If the data or a column cannot be used.
    ConfigError
        If a setting has a value it cannot have.

    Examples
    --------
    >>> import phenolens as pl
    >>> screen, truth = pl.simulate_profiles(seed=3)
    >>> len(pl.assay(screen).table)
    4
    """
    item = read(
        data, same_by=same_by, controls=controls, features=features, layer=layer, obsm=obsm,
        normalized=normalized, same_plate=same_plate,
        distinct_plates=distinct_plates, measurement=measurement,
        trained_on=trained_on, labels_seen=labels_seen, seed=seed,
    )  # fmt: skip
    wells = item.require_whole()
    item.require_treatments()
    item.require_controls()
    strong = _positive(wells, positive)
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
        findings=(*item.findings, *_passed(plates), *item.space_findings()),
        settings=item.settings_with(positive=positive),
        scores=found.results.assign(space=item.space),
        more={"metrics": _long(plates)},
    )


_MOST_PLATES = 20


def _positive(wells: pd.DataFrame, query: str | None) -> np.ndarray | None:
    """Wells that are positive controls: by the query, else by convention; None without any."""
    if query is None:
        flags = profiles.column(wells, POSITIVE) if POSITIVE in wells.index.names else np.zeros(0)
        return flags.astype(bool) if flags.any() else None
    if not isinstance(query, str) or not query.strip():
        example = "\"Metadata_Compound == 'nocodazole'\""
        raise InputError(f"{named('positive')} is a query, such as {example}; got {shown(query)}.")
    flags = evaluate_query(profiles.metadata(wells), query, named("positive"))
    if not flags.any():
        held = values_asked(profiles.metadata(wells), query)
        raise InputError(
            f"{named('positive')} = {query!r} matches none of {len(wells)} wells{held}."
        )
    return flags


def _passed(plates: pd.DataFrame) -> Iterator[Finding]:
    """Plates that passed, and why the others did not; those beyond twenty are counted."""
    good = plates.loc[plates["passed"], PLATE].astype(str)
    bad = plates[~plates["passed"]]
    for row in bad.head(_MOST_PLATES).to_dict("records"):
        about = {"plate": str(row.pop(PLATE))}
        yield Finding("plate-not-passed", "warning", about, row)
    if len(bad) > _MOST_PLATES:
        yield Finding("plates-not-passed", "warning", {}, {"plates": len(bad) - _MOST_PLATES})
    if len(good):
        about = {"plate": good.head(_MOST_PLATES).tolist()}
        yield Finding("plates-passed", "info", about, {"plates": len(good)})


def _long(plates: pd.DataFrame) -> pd.DataFrame:
    """One row a plate and metric; ``passed`` carries the codes of why a plate did not."""
    numeric = plates.assign(passed=plates["passed"].astype(float)).drop(columns="reasons")
    long = numeric.melt(id_vars=PLATE, var_name="metric", value_name="value")
    long = long[long["value"].notna()].astype({"value": np.float64})
    reasons = long[PLATE].map(plates.set_index(PLATE)["reasons"])
    long = long.assign(
        low=np.nan, high=np.nan, n=1, flag=reasons.where(long["metric"] == "passed", "")
    )
    return long.sort_values([PLATE, "metric"], ignore_index=True)
