"""Do replicates find each other at another position, on another plate, in another batch?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from phenolens import profiles
from phenolens.evaluate.matching.retrieval import retrieval
from phenolens.evaluate.results import result, result_table
from phenolens.profiles import TREATMENT
from phenolens.settings import yes_or_no
from phenolens.tools.by_position import retrieval_by_position
from phenolens.tools.read import read
from phenolens.tools.representation import Profiles
from phenolens.tools.result import Result

if TYPE_CHECKING:
    from anndata import AnnData

POSITION = "position"


def retrieve(
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
    across: str = "position",
    within: str | Sequence[str] | None = None,
    baselines: bool = True,
    seed: int | None = None,
) -> Result:
    """Retrieve replicates with matches that share position, plate or batch left out.

    Where treatments are found only by wells of the same position (plate, batch), what was found is
    the position's (plate's, batch's).

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
    across : str
        ``position``, or a column such as the plate or batch; treatments with one value of it are
        not asked.
    within : str or list of str, optional
        References share these columns with the query, usually the plate.
    baselines : bool
        Ask the same of the wells' positions alone.
    seed : int, optional
        Seed of all draws [0, or what the study used].

    Returns
    -------
    Result
        ``table``: one row a treatment: ``map`` and ``map_across`` (all matches, and those from
        elsewhere), both also ``_normalized`` (chance is 0), ``nearest`` and ``nearest_across``
        (share of wells whose nearest neighbour is a replicate), ``drop``. ``summary``: their means
        with bootstrap intervals.

    Raises
    ------
    DesignError
        If there is no control, or no treatment has wells in two places.
    InputError
        If the data or a column cannot be used.
    ConfigError
        If a setting has a value it cannot have.

    References
    ----------
    Kalinin et al., Nat. Commun. 16:5181 (2025).

    Examples
    --------
    >>> import phenolens as pl
    >>> screen, truth = pl.simulate_profiles(seed=3)
    >>> found = pl.retrieve(screen, across="position")
    >>> bool(found.summary["drop"] < 0.01)  # found from other positions as well as from all
    True
    """
    baselines = yes_or_no("baselines", baselines)
    item = read(
        data, same_by=same_by, controls=controls, features=features, layer=layer, obsm=obsm,
        normalized=normalized, same_plate=same_plate,
        distinct_plates=distinct_plates, measurement=measurement,
        trained_on=trained_on, labels_seen=labels_seen, seed=seed,
    )  # fmt: skip
    wells = item.require_whole()
    item.require_treatments()
    item.require_controls()
    place = POSITION
    if str(across).lower() != POSITION:
        place = item.column(across, setting="across")
    inside = item.columns(within, setting="within")
    wells = item.tested(wells)
    item.require_evaluation_controls(wells)
    found = retrieval(
        wells, same_by=TREATMENT, controls=profiles.is_control(wells), across=place,
        within=inside, seed=item.settings.seed,
    )  # fmt: skip
    table = found.table.assign(across=across, space=item.space)
    table.insert(0, "representation", item.name)
    summary = {"representation": item.name, "space": item.space} | found.summary
    rows = _rows(found.summary, item, place)
    if baselines:
        placed, by_position = retrieval_by_position(item, place, within=inside)
        rows, summary = rows + placed, summary | {"by_position": by_position}
    return Result(
        question="retrieve",
        table=table,
        summary=summary,
        findings=(*item.findings, *item.position_findings, *item.space_findings()),
        settings=item.settings_with(across=across, within=inside, baselines=baselines),
        scores=result_table(rows),
    )


def _rows(summary: dict[str, Any], item: Profiles, place: str) -> list[dict[str, Any]]:
    """Means over treatments, as rows of ``results.parquet``."""
    where = place.removeprefix(profiles.PREFIX).lower()
    return [
        result(
            item.name, "retrieval", f"{metric}_{where}", value=summary[metric],
            n=summary["perturbations"], unit="treatment",
            interval=(summary[f"{metric}_low"], summary[f"{metric}_high"]), space=item.space,
        )
        for metric in ("map_normalized", "map_across_normalized", "nearest_across", "drop")
    ]  # fmt: skip
