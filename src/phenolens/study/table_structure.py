"""More statistics for people who only have profiles: retrieval, classes, clusters, plates, batches.

Each takes a profile table as :func:`phenolens.study.tables.read_profiles` gives it and names its
columns; each gives a table, most of them in the form of ``results.parquet``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from phenolens import profiles
from phenolens.profiles import CONTROL, MECHANISM, PLATE, TREATMENT

if TYPE_CHECKING:
    from phenolens.evaluate.found import Found


def named(
    table: pd.DataFrame, *, same_by: Sequence[str], controls: str | None, label: str | None = None
) -> pd.DataFrame:
    """The table with our names for what a perturbation, a control and a mechanism is.

    Rows without a perturbation that are no controls are left out.
    """
    from phenolens.evaluate.wells import select

    keys = profiles.metadata(table)
    control = select(table, controls) if controls else pd.Series(data=False, index=keys.index)
    treatment = keys[list(same_by)].astype("string").agg("|".join, axis=1)
    treatment = treatment.where(~keys[list(same_by)].isna().any(axis=1))
    columns = {TREATMENT: treatment.mask(control, "control").astype(object), CONTROL: control}
    if label is not None:
        columns[MECHANISM] = profiles.column(table, label)
    renamed = profiles.with_metadata(table, columns)
    return profiles.take(renamed, treatment.notna().to_numpy() | columns[CONTROL])


def comparable(table: pd.DataFrame) -> pd.DataFrame:
    """Features that vary and are measured, chosen without labels; no value missing."""
    from phenolens.learn.select import FeatureSelector

    return FeatureSelector().fit_transform(table)


def table_retrieval(
    table: pd.DataFrame,
    *,
    same_by: Sequence[str],
    controls: str,
    across: str,
    within: str | None = None,
    seed: int = 0,
) -> Found:
    """Do replicates find each other elsewhere? See :mod:`phenolens.evaluate.retrieval`."""
    from phenolens.evaluate.retrieval import retrieval

    return retrieval(
        table, same_by=list(same_by), controls=controls, across=across, within=within, seed=seed
    )


def table_classify(
    table: pd.DataFrame,
    *,
    same_by: Sequence[str],
    controls: str | None = None,
    leave_out: str = "auto",
    max_folds: int = 5,
    seed: int = 0,
) -> pd.DataFrame:
    """Held-out classification beside its baselines; see :mod:`phenolens.evaluate.classification`.

    Raises
    ------
    DesignError
        If no honest split exists, with the nearest design that has one.
    """
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from phenolens.evaluate.baselines import baselines, chance, shuffled
    from phenolens.evaluate.calibration import calibration_results
    from phenolens.evaluate.classification import Candidate, classify
    from phenolens.evaluate.results import join_results
    from phenolens.learn.select import FeatureSelector
    from phenolens.splits import make_folds

    ready = named(table, same_by=same_by, controls=controls)
    wells = profiles.metadata(ready)
    folds = make_folds(wells, label=TREATMENT, seed=seed, leave_out=leave_out, max_folds=max_folds)
    given = Candidate("profiles", ready, make_pipeline(FeatureSelector(), StandardScaler()))
    others = baselines(comparable(ready), seed=seed)
    scored = classify([given, *others, shuffled(given)], folds, seed=seed)
    sure = calibration_results(scored, split=folds.leave_out, seed=seed)
    return join_results([scored.results, chance(folds), sure])


def table_cluster(
    table: pd.DataFrame,
    *,
    same_by: Sequence[str],
    controls: str,
    label: str,
    clusters: int = 10,
    seed: int = 0,
) -> Found:
    """Clusters of consensus profiles against a label, and silhouette against treatment.

    The clusters of the treatments are ``more["members"]``.
    """
    from phenolens.evaluate.clustering import cluster
    from phenolens.evaluate.found import Found
    from phenolens.evaluate.results import join_results
    from phenolens.evaluate.silhouette import silhouette

    ready = comparable(named(table, same_by=same_by, controls=controls, label=label))
    treated = profiles.take(ready, ~profiles.column(ready, CONTROL).astype(bool))
    consensus = profiles.aggregate(
        profiles.keep_metadata(treated, [TREATMENT, MECHANISM]), [TREATMENT]
    )
    found = cluster(consensus, "profiles", seed=seed, k=clusters)
    apart = silhouette(ready, "profiles", seed=seed)
    return Found(join_results([found.results, apart.results]), {}, {"members": found.members})


def table_batch(
    table: pd.DataFrame,
    *,
    same_by: Sequence[str],
    controls: str,
    batch: str = PLATE,
    seed: int = 0,
) -> pd.DataFrame:
    """How much of the variance, and of the neighbours, the batch decides."""
    from phenolens.evaluate.batch_effect import batch_effect

    ready = comparable(named(table, same_by=same_by, controls=controls))
    return batch_effect(ready, "profiles", seed=seed, batch=batch)


def table_assay(
    table: pd.DataFrame,
    *,
    same_by: Sequence[str],
    controls: str,
    positive: str | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Quality of each plate: replicates, controls, grit; passed or why not."""
    from phenolens.evaluate.assay_quality import assay_quality
    from phenolens.evaluate.wells import select

    ready = comparable(named(table, same_by=same_by, controls=controls))
    strong = select(ready, positive) if positive else None
    return assay_quality(ready, "profiles", seed=seed, positive=strong).plates
