"""What did each treatment change: which property of which compartment and stain, and which way?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from phenolens import profiles
from phenolens.errors import DesignError, InputError
from phenolens.evaluate.results import result_table
from phenolens.evaluate.structure.clustering import chosen_kmeans
from phenolens.findings import Finding, Severity
from phenolens.interpret.changes import (
    ALPHA,
    CHANGED,
    PERMUTATIONS,
    GroupChanges,
    group_changes,
    pooled_changes,
)
from phenolens.io.names import parse_feature
from phenolens.learn.nearest import unit_rows
from phenolens.profiles import TREATMENT
from phenolens.tools.compared import never_scaled, scale_of, tested_rows
from phenolens.tools.read import read
from phenolens.tools.representation import Profiles
from phenolens.tools.result import Result

if TYPE_CHECKING:
    from anndata import AnnData

SAID, GROUPS_SAID = 12, 8
FEWEST_CLUSTERED = 4
CLUSTERS = "clusters"


def describe(
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
    pool_by: str | None = None,
    seed: int | None = None,
) -> Result:
    """Say what treatments changed: nuclei larger, mitochondria dimmer, their texture coarser.

    Measured features under CellProfiler's names are grouped by compartment, family, stain and
    property. Each group's change is given in standard deviations of controls, signed where its
    features have a direction, with an interval over wells and a test against controls of the same
    plate, corrected for the number of groups of the treatment. Controls that scaled a plate are not
    compared with.

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
    pool_by : str, optional
        Column of which treatments with one value are described together too (a mechanism); k-means
        clusters of the treatments by default, their number chosen by silhouette.
    seed : int, optional
        Seed of all draws [0, or what the study used].

    Returns
    -------
    Result
        ``table``: one row a treatment and group: ``compartment``, ``family``, ``stain``,
        ``property``; ``features``, ``directed``; ``change`` (mean size over the features) and
        ``effect`` (signed) with ``low`` and ``high``; ``p``, ``p_adjusted``, ``p_attainable``;
        ``rank``; ``direction`` (``more``, ``less`` or ``changed``; empty where the group is not
        called); ``n``, ``plates``, ``n_references``, ``note``; see
        :func:`phenolens.interpret.changes.group_changes`.
        ``more``: ``pools``, the same of clusters or of `pool_by`, with treatments as units.
        ``findings``: the treatments that changed most in words, and the features set aside.

    Raises
    ------
    DesignError
        If there is no treatment or no control, or no control is left beside a treatment.
    InputError
        If no feature has a name of CellProfiler's form, or the data or a column cannot be used.
    ConfigError
        If a setting has a value it cannot have.

    References
    ----------
    Westfall and Young, Resampling-based multiple testing (1993), for the correction; Goeman and
    Buehlmann, Bioinformatics 23:980 (2007), for tests of groups; Carpenter et al., Genome Biol.
    7:R100 (2006), for the features.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> import phenolens as pl
    >>> names = [f"Nuclei_AreaShape_{name}" for name in ("Area", "Perimeter", "MeanRadius")]
    >>> names += [f"Cells_Intensity_{name}_Mito" for name in ("MeanIntensity", "MaxIntensity")]
    >>> wells = pd.DataFrame(
    ...     {"Metadata_Plate": np.repeat(["P1", "P2"], 24),
    ...      "Metadata_Well": [f"{row}{n:02d}" for row in "ABCD" for n in range(1, 7)] * 2,
    ...      "Metadata_Compound": (["DMSO"] * 20 + ["taxol"] * 4) * 2}
    ... )
    >>> values = np.random.default_rng(0).normal(10, 1, size=(48, 5))
    >>> values[wells["Metadata_Compound"] == "taxol"] += [4, 4, 4, -3, -3]
    >>> found = pl.describe(pd.concat([wells, pd.DataFrame(values, columns=names)], axis=1))
    >>> found.table[["compartment", "stain", "property", "direction"]].values.tolist()
    [['Nuclei', 'none', 'size', 'more'], ['Cells', 'Mito', 'brightness', 'less']]
    >>> print(next(f for f in found.findings if f.code == "features-changed"))
    taxol: nuclei larger; mitochondria dimmer (cells).
    """
    item = read(
        data, same_by=same_by, controls=controls, features=features, layer=layer, obsm=obsm,
        normalized=normalized, same_plate=same_plate, distinct_plates=distinct_plates,
        measurement=measurement, seed=seed,
    )  # fmt: skip
    item.require_treatments()
    item.require_controls()
    block = item.normalized
    if not any(parse_feature(name).compartment for name in block.wells):
        examples = [str(name) for name in block.wells.columns[:2]]
        raise InputError(
            f"None of the {block.wells.shape[1]} features of {item.name!r} has a name of "
            f"CellProfiler's form, such as Nuclei_AreaShape_Area; got {' and '.join(examples)}. "
            "What learned features mean cannot be said in words."
        )
    found = describe_wells(item)
    if not len(found.table):
        raise DesignError(Finding("no-control-left", "error", {"representation": item.name}))
    pools, refused = _pools(item, pool_by)
    pooled = pooled_changes(found.table, pools)
    called = found.table["p_adjusted"] < ALPHA
    changed = found.table.loc[called, TREATMENT].nunique()
    space = scale_of(block)
    summary = {
        "representation": item.name,
        "treatments": int(found.table[TREATMENT].nunique()),
        "changed": int(changed),
        "groups": int(found.table.groupby(TREATMENT).size().max()),
        "features": int(found.table.groupby(TREATMENT)["features"].sum().max()),
        "pools": int(pooled["pool"].nunique()),
        "space": space,
    }
    return Result(
        question="describe",
        table=_with_space(found.table, item.name, space),
        summary=summary,
        findings=(
            *item.findings,
            *item.position_findings,
            *in_words(found.table),
            *set_aside(found),
            *refused,
        ),
        settings=item.settings_with(pool_by=pool_by or CLUSTERS),
        scores=result_table([]),
        more={"pools": _with_space(pooled, item.name, space)},
    )


def describe_wells(item: Profiles) -> GroupChanges:
    """What every treatment of profiles at hand changed; an empty table where nothing can be said.

    Profiles of which no control was left that did not scale its plate, that have no scale, or whose
    features have other names give no rows.
    """
    block = item.normalized
    named = any(parse_feature(name).compartment for name in block.wells)
    known = {TREATMENT, profiles.CONTROL} <= set(block.wells.index.names)
    wells = block.wells if known and named else block.wells.iloc[:0]
    if not len(wells) or never_scaled(block, wells) or item.stage == "compared":
        return GroupChanges(pd.DataFrame(), {}, 0, 0)
    tested = tested_rows(wells, item.design, calibrated_elsewhere=item.elsewhere)
    return group_changes(
        profiles.take(wells, tested),
        profiles.is_control(wells)[tested],
        permutations=min(item.settings.permutations, PERMUTATIONS),
        seed=item.settings.seed,
    )


def _with_space(table: pd.DataFrame, name: str, space: str) -> pd.DataFrame:
    table = table.assign(space=space)
    table.insert(0, "representation", name)
    return table


def _pools(item: Profiles, pool_by: str | None) -> tuple[pd.Series, list[Finding]]:
    """The pool of each treatment, and why there is none."""
    try:
        if pool_by is not None:
            column = item.column(pool_by, setting="pool_by")
            consensus = item.consensus(keep=(column,))
            names = profiles.column(consensus, column)
            return pd.Series(names, index=profiles.column(consensus, TREATMENT)), []
        consensus = item.consensus()
        if len(consensus) < FEWEST_CLUSTERED:
            counts = {"treatments": len(consensus), "needed": FEWEST_CLUSTERED}
            raise DesignError(Finding("too-few-treatments", "error", {}, counts))
        unit = unit_rows(consensus.to_numpy(np.float64))
        codes = chosen_kmeans(unit, seed=item.settings.seed) + 1
        return pd.Series(codes, index=profiles.column(consensus, TREATMENT)), []
    except DesignError as error:
        values = {"question": CLUSTERS, "why": error.finding.data()}
        return pd.Series(dtype=object), [Finding("not-asked", "warning", {}, values)]


def in_words(table: pd.DataFrame, *, most: int = SAID) -> Iterator[Finding]:
    """The treatments that changed most, each with its largest groups."""
    called = table[table["p_adjusted"] < ALPHA] if len(table) else table
    if not len(called):
        return
    largest = called.groupby(TREATMENT, sort=True)["change"].max()
    for name in largest.sort_values(ascending=False, kind="stable").index[:most]:
        yield changed_groups(str(name), called[called[TREATMENT] == name])
    if len(largest) > most:
        yield Finding("more-changed", "info", {}, {"treatments": len(largest) - most})


def changed_groups(name: str, rows: pd.DataFrame) -> Finding:
    """What one treatment, or pool, changed: the groups called, in the order they are told."""
    own = in_order(rows)
    columns = ["compartment", "stain", "property", "direction"]
    groups = own[columns].head(GROUPS_SAID).to_dict("records")
    values: dict[str, Any] = {"groups": groups, "called": len(own)}
    return Finding("features-changed", "info", {"treatment": name}, values)


def in_order(rows: pd.DataFrame) -> pd.DataFrame:
    """The groups called as a sentence tells them: with a direction first, of one stain before two.

    How two stains lie to one another changes where one of them does, which says more.
    """
    own = rows[rows["direction"] != ""]
    own = own.assign(
        vague=own["direction"] == CHANGED, pair=own["stain"].str.contains("+", regex=False)
    )
    return own.sort_values(["vague", "pair", "rank"]).drop(columns=["vague", "pair"])


def set_aside(found: GroupChanges) -> Iterator[Finding]:
    """Features that say nothing of a group, and wells that could not be compared."""
    for why, names in found.aside.items():
        severity: Severity = "warning" if why == "not-cellprofiler" else "info"
        values = {"why": why, "features": len(names), "examples": names[:2]}
        yield Finding("features-aside", severity, {}, values)
    if found.unmeasured:
        yield Finding("features-unmeasured", "warning", {}, {"features": found.unmeasured})
    low = found.table.drop_duplicates(TREATMENT) if len(found.table) else found.table
    if len(low) and (few := low["p_attainable"] >= ALPHA).any():
        values = {"treatments": int(few.sum()), "p": float(low.loc[few, "p_attainable"].min())}
        yield Finding("groups-untestable", "warning", {}, values)
    if found.wells_left_out:
        yield Finding("no-controls-beside", "warning", {}, {"wells": found.wells_left_out})
