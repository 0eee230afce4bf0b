"""Do treatments of one mechanism or target look alike?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import pandas as pd

from phenolens import profiles
from phenolens.errors import DesignError, InputError, named, shown
from phenolens.evaluate.matching.label_matching import match_labels
from phenolens.evaluate.matching.matching import accuracy, labels, nearest_neighbour
from phenolens.evaluate.results import result, result_table
from phenolens.findings import Finding
from phenolens.profiles import BATCH, COMPOUND, MECHANISM, TREATMENT
from phenolens.settings import one_of, yes_or_no
from phenolens.stats.intervals import bootstrap_mean, wilson_interval
from phenolens.tools.activity import activity_of
from phenolens.tools.by_position import matching_by_position
from phenolens.tools.cluster import not_asked, parts_refused
from phenolens.tools.fusions import blocks_table
from phenolens.tools.read import read
from phenolens.tools.representation import DESCRIBED, Profiles
from phenolens.tools.result import Result

if TYPE_CHECKING:
    from anndata import AnnData

Among = Literal["all", "active"]
Similarity = Literal["cosine", "abs_cosine", "correlation"]


def match(
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
    label: str | None = None,
    separator: str | None = None,
    among: Among = "all",
    not_same: str | Sequence[str] | None = None,
    similarity: Similarity = "cosine",
    hub_correction: bool | None = None,
    permutations: int | None = None,
    alpha: float | None = None,
    baselines: bool = True,
    seed: int | None = None,
) -> Result:
    """Match treatments by a label they share: mAP of each label, and the nearest neighbour.

    Each treatment is its consensus profile. A label's mAP asks whether its treatments find each
    other among all; the nearest neighbour of another compound (``nsc_accuracy``), and of another
    compound and batch (``nscb_accuracy``), is asked whether it shares the label.

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
    label : str, optional
        Column of the target or mechanism; ``A|B`` counts for both. The mechanism by default.
    separator : str, optional
        What parts the values of a label, such as ``;``; empty where each label is one value. By
        default ``|``, or ``;`` or ``,`` where the column shows that this is what they are.
    among : {"all", "active"}
        Treatments that take part: all, or those that are active.
    not_same : str or list of str, optional
        Matches differ in these columns; the compound by default, where it is known.
    similarity : {"cosine", "abs_cosine", "correlation"}
        ``abs_cosine`` lets opposite effects match, as between compounds and genes.
    hub_correction : bool, optional
        Lower the similarity to treatments that are near to everything (CSLS), so that none is
        everyone's neighbour [no, or what the study used].
    permutations : int, optional
        Labellings drawn for each number of treatments [10,000, or what the study used].
    alpha : float, optional
        Level of the false discovery rate [0.05, or what the study used].
    baselines : bool
        Ask the same of the wells' positions alone.
    seed : int, optional
        Seed of all draws [0, or what the study used].

    Returns
    -------
    Result
        ``table``: one row a label: ``n`` (treatments), ``map``, ``map_normalized`` (chance is 0),
        ``p``, ``q``, ``p_attainable``; ``summary``: share of labels found, the nearest neighbour's
        accuracy with its interval.

    Raises
    ------
    DesignError
        If no label is shared by two treatments that may match.
    InputError
        If the data or a column cannot be used.
    ConfigError
        If a setting has a value it cannot have.

    References
    ----------
    Ljosa et al., J. Biomol. Screen. 18:1321 (2013); Ando et al., bioRxiv 161422 (2017); Kalinin et
    al., Nat. Commun. 16:5181 (2025), for mAP.

    Examples
    --------
    >>> import phenolens as pl
    >>> screen, truth = pl.simulate_profiles(seed=3)
    >>> found = pl.match(screen, permutations=500)
    >>> found.table[["label", "n", "map"]].head(2)
              label  n  map
    0  mechanism-01  4  1.0
    1  mechanism-02  4  1.0
    """
    among = one_of("among", among, get_args(Among))
    similarity = one_of("similarity", similarity, get_args(Similarity))
    baselines = yes_or_no("baselines", baselines)
    item = read(
        data, same_by=same_by, controls=controls, features=features, layer=layer, obsm=obsm,
        normalized=normalized, same_plate=same_plate,
        distinct_plates=distinct_plates, measurement=measurement,
        trained_on=trained_on, labels_seen=labels_seen, seed=seed,
    )  # fmt: skip
    if not isinstance(separator, str | None):
        raise InputError(f"{named('separator')} is text, such as ';'; got {shown(separator)}.")
    item = item.with_settings(permutations=permutations, alpha=alpha, hub_correction=hub_correction)
    settings = item.settings
    name = item.column(label, setting="label", usual=MECHANISM)
    apart = item.columns(not_same, setting="not_same")
    own = [column for column in (name, *(apart or ())) if column not in DESCRIBED]
    consensus, space = item.consensus(keep=own, weighed=True), item.space_of_matching
    if not _known(consensus, name):
        about = {"representation": item.name, "label": None if label is None else name}
        raise DesignError(Finding("label-not-known", "error", about))
    consensus, separator, findings = _parted(consensus, name, separator)
    if among == "active":
        found = activity_of(item).table
        active = set(found.loc[found["active"], TREATMENT])
        kept = np.isin(profiles.column(consensus, TREATMENT), sorted(active))
        if kept.sum() < 2:
            values = {"active": int(kept.sum())}
            raise DesignError(Finding("too-few-active", "error", {}, values))
        consensus = profiles.take(consensus, kept)
    if apart is None:
        apart = [COMPOUND] if _known(consensus, COMPOUND) else []
    table, summary, refused = pd.DataFrame(), {}, []
    try:
        matched = match_labels(
            consensus, label=name, not_same=apart or None, similarity=similarity,
            hub_correction=settings.hub_correction,
            permutations=settings.permutations, alpha=settings.alpha, seed=settings.seed,
        )  # fmt: skip
        table, summary = matched.table.assign(space=space), matched.summary
        table["label"] = table["label"].str.replace(labels.WHOLE, labels.SEPARATOR)
    except (DesignError, InputError) as error:
        refused.append(("matching of labels", error.finding))
    near: dict[str, dict[str, Any]] = {}
    for metric, columns in _APART.items():
        try:
            if unknown := [column for column in columns if not _known(consensus, column)]:
                raise DesignError(Finding("columns-not-known", "error", {}, {"columns": unknown}))
            near[metric] = accuracy(
                nearest_neighbour(
                    consensus,
                    label=name,
                    not_same=columns,
                    similarity=similarity,
                    hub_correction=settings.hub_correction,
                )
            )
        except (DesignError, InputError) as error:
            refused.append((metric, error.finding))
    if not near and not len(table):
        raise DesignError(parts_refused(item.name, refused))
    placed: tuple[list[dict[str, Any]], dict[str, Any]] = [], {}
    if baselines:
        asked = {metric: _APART[metric] for metric in near}
        placed = matching_by_position(item, consensus, label=name, not_same=apart, near=asked)
    findings += map(not_asked, refused)
    whole = {
        "representation": item.name,
        "label": name,
        "treatments": len(consensus),
        "labels": len(table),
        "space": space,
    }
    return Result(
        question="match",
        table=table,
        summary=whole | summary | near | ({"by_position": placed[1]} if baselines else {}),
        findings=(
            *item.findings,
            *item.position_findings,
            *findings,
            *item.space_findings(),
        ),
        settings=item.settings_with(
            label=name,
            separator=separator,
            among=among,
            not_same=apart,
            similarity=similarity,
            baselines=baselines,
        ),
        scores=result_table([*_rows(table, near, item), *placed[0]]),
        more={"fusion": blocks_table([weighed], task="matching", names=list(item.block.features))}
        if (weighed := item.weighed_by_replicates)
        else {},
    )


def _parted(
    consensus: pd.DataFrame, label: str, separator: str | None
) -> tuple[pd.DataFrame, str, list[Finding]]:
    """The treatments with labels as ``A|B``, what parted them, and a finding if any has parts."""
    written = profiles.column(consensus, label).tolist()
    mark = labels.find_separator(written) if separator is None else separator
    whole = labels.parted(written, separator=mark)
    several = [value for value, one in zip(written, whole, strict=True) if "|" in str(one)]
    findings = []
    if several:
        values = {"treatments": len(several), "separator": mark, "example": several[0]}
        findings.append(Finding("labels-parted", "info", {"column": label}, values))
    return profiles.with_metadata(consensus, {label: whole}), mark, findings


_APART = {"nsc_accuracy": [COMPOUND], "nscb_accuracy": [COMPOUND, BATCH]}


def _known(table: pd.DataFrame, column: str) -> bool:
    """Whether the treatments have a value in a column."""
    return column in table.index.names and bool(pd.notna(profiles.column(table, column)).any())


def _rows(
    table: pd.DataFrame, near: dict[str, dict[str, Any]], item: Profiles
) -> list[dict[str, Any]]:
    common = {"space": item.space_of_matching}
    rows = [
        result(
            item.name, "matching", metric, value=record["value"], n=record["n"], unit="treatment",
            interval=(record["low"], record["high"]), **common,
        )
        for metric, record in near.items()
    ]  # fmt: skip
    if len(table):
        found, n = int((table["q"] < item.settings.alpha).sum()), len(table)
        interval = wilson_interval(found, n)
        rows.append(
            result(item.name, "matching", "fraction_matched", value=found / n, n=n, unit="label",
                   interval=interval, **common)
        )  # fmt: skip
    values = table["map_normalized"].dropna().to_numpy() if len(table) else np.zeros(0)
    if len(values):
        rows.append(
            result(item.name, "matching", "mean_map_normalized", value=values.mean(),
                   n=len(values), unit="label", interval=bootstrap_mean(values, seed=0), **common)
        )  # fmt: skip
    return rows
