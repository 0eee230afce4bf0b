"""Tables that published studies print, made so that they can be read.

Nothing here is a new finding. Each table puts a number that readers look for beside the one that
answers their question; the report prints them side by side.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from phenolens.profiles import CONTROL, PLATE, TREATMENT, WELL
from phenolens.published.embedding_scores import embedding_scores, well_clusters
from phenolens.study.session import Session
from phenolens.study.step import Made, step
from phenolens.study.steps.attention import Attention
from phenolens.study.steps.evaluate import Evaluation
from phenolens.tools.names import is_fusion_proper
from phenolens.tools.representation import Profiles

_OUTCOMES = ("all", "right", "wrong")
_SCORED = ("well_clusters", "embedding_scores", "fusion_classes")
_LOOKED = ("activation_wells", "activation_summary")


@step(*(f"{name}.parquet" for name in (*_SCORED, *_LOOKED)), verb="interpret", name="published")
def published(
    session: Session, *, fuse: list[Profiles], evaluate: Evaluation, attention: Attention
) -> Made:
    """The tables that this study can fill."""
    found, clusters = evaluate.tables, well_clusters(session, fuse)
    scores = embedding_scores(fuse, found["results"], activity=found["activity"], clusters=clusters)
    tables = {
        "well_clusters": clusters,
        "embedding_scores": scores,
        "fusion_classes": fusion_classes(found["predictions"], found["comparisons"]),
        "activation_wells": activation_wells(attention.images),
    }
    tables["activation_summary"] = activation_summary(tables["activation_wells"])
    return Made(tables, {f"{name}.parquet": table for name, table in tables.items()})


def fusion_classes(predictions: pd.DataFrame, comparisons: pd.DataFrame) -> pd.DataFrame:
    """Treatments that a fusion names right where its best single block does not, and the reverse.

    Parameters
    ----------
    predictions, comparisons : DataFrame
        As ``predictions.parquet`` and ``comparisons.parquet``.

    Returns
    -------
    DataFrame
        ``task, fusion, block, Metadata_Treatment, n`` (wells), ``right_fusion, right_block``
        (wells named right), ``gained`` (by the fusion only), ``lost`` (by the block only).
    """
    if not len(predictions) or not len(comparisons):
        return pd.DataFrame()
    asked = comparisons[comparisons["metric"] == "accuracy_treated"]
    pairs = [
        (row.task, row.a, row.b)
        for row in asked.itertuples()
        if is_fusion_proper(row.a) and row.b in row.a.split("+")
    ]
    tables = [_gained(predictions, task, pair) for task, *pair in pairs]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def _gained(predictions: pd.DataFrame, task: str, pair: Sequence[str]) -> pd.DataFrame:
    fusion, block = pair
    treated = predictions[(predictions["task"] == task) & ~predictions["control"].astype(bool)]
    key = [PLATE, WELL, "fold", "label"]
    named = treated.set_index([*key, "representation"])["correct"].unstack()[[fusion, block]]
    known = named.dropna().astype(bool)
    counted = pd.DataFrame(
        {
            "n": 1,
            "right_fusion": known[fusion],
            "right_block": known[block],
            "gained": known[fusion] & ~known[block],
            "lost": known[block] & ~known[fusion],
        }
    )
    table = counted.groupby("label", sort=True).sum().astype("int64")
    table = table.rename_axis(TREATMENT).reset_index()
    return table.assign(task=task, fusion=fusion, block=block)[
        ["task", "fusion", "block", TREATMENT, *counted]
    ]


def activation_wells(looked: pd.DataFrame) -> pd.DataFrame:
    """Mean measures of each well's images, and of those named right and those named wrong.

    Parameters
    ----------
    looked : DataFrame
        As ``activation.parquet``: one row an image.

    Returns
    -------
    DataFrame
        Plate, well, treatment, ``Metadata_Control``, ``outcome`` (all, right, wrong), ``n_images``,
        ``n_zero``, and every measure.
    """
    from phenolens.interpret.activation import measures

    if not len(looked):
        return pd.DataFrame()
    right = looked["correct"].astype(bool)
    parts = dict(zip(_OUTCOMES, (looked, looked[right], looked[~right]), strict=True))
    names, tables = measures(looked), []
    for outcome, part in parts.items():
        grouped = part.groupby([PLATE, WELL, TREATMENT, CONTROL], sort=True)
        counts = grouped["zero_map"].agg(n_images="size", n_zero="sum")
        means = pd.concat([counts, grouped[names].mean()], axis=1).reset_index()
        tables.append(means.assign(outcome=outcome))
    table = pd.concat(tables, ignore_index=True)
    return table.sort_values([PLATE, WELL, "outcome"], ignore_index=True)


def activation_summary(wells: pd.DataFrame) -> pd.DataFrame:
    """Mean and standard deviation over treated wells of each measure, and its extremes.

    Returns
    -------
    DataFrame
        ``measure, n_wells, mean, sd, lowest, lowest_mean, highest, highest_mean``: the treatments
        with the lowest and the highest mean over their wells.
    """
    from phenolens.interpret.activation import measures

    if not len(wells):
        return pd.DataFrame()
    treated = wells[(wells["outcome"] == "all") & ~wells[CONTROL].astype(bool)]
    rows = [_extremes(treated[[TREATMENT, name]].dropna(), name) for name in measures(treated)]
    return pd.DataFrame([row for row in rows if row])


def _extremes(values: pd.DataFrame, name: str) -> dict:
    if not len(values):
        return {}
    means = values.groupby(TREATMENT, sort=True)[name].mean()
    low, high = means.idxmin(), means.idxmax()
    spread = {"mean": values[name].mean(), "sd": values[name].std()}
    ends = {"lowest": low, "lowest_mean": means[low], "highest": high, "highest_mean": means[high]}
    return {"measure": name, "n_wells": len(values)} | spread | ends
