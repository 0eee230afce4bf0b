"""More commands for people who only have profiles: retrieve, classify, cluster, batch, assay."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from phenolens.cli.profiles import Controls, Features, Output, Profiles, SameBy, Seed, Within, write

if TYPE_CHECKING:
    import pandas as pd


def _say(results: pd.DataFrame) -> None:
    for row in results.itertuples():
        typer.echo(f"{row.task}, {row.metric}: {row.value:.3f} (n = {row.n})")


def retrieve(
    tables: Profiles,
    same_by: SameBy,
    controls: Controls,
    across: Annotated[
        str, typer.Option(help="position, or a column: matches that share it are left out.")
    ] = "position",
    within: Within = None,
    features: Features = None,
    seed: Seed = 0,
    output: Output = Path("retrieval.parquet"),
) -> None:
    """Do replicates find each other at another position, on another plate, in another batch?"""
    from phenolens.study.table_structure import table_retrieval
    from phenolens.study.tables import read_profiles

    table = read_profiles(tables, features=features)
    found = table_retrieval(
        table, same_by=same_by, controls=controls, across=across, within=within, seed=seed
    )
    write(found.table, output, found.summary)


def classify(
    tables: Profiles,
    same_by: SameBy,
    controls: Annotated[str | None, typer.Option(help="Query for negative controls.")] = None,
    leave_out: Annotated[
        str, typer.Option(help="auto, well, plate, batch, source, position, compound, target.")
    ] = "auto",
    max_folds: Annotated[int, typer.Option(min=2)] = 5,
    features: Features = None,
    seed: Seed = 0,
    output: Output = Path("classification.parquet"),
) -> None:
    """Classify held-out wells, beside every baseline; refused where no honest split exists."""
    from phenolens.study.table_structure import table_classify
    from phenolens.study.tables import read_profiles

    found = table_classify(
        read_profiles(tables, features=features),
        same_by=same_by,
        controls=controls,
        leave_out=leave_out,
        max_folds=max_folds,
        seed=seed,
    )
    pooled = found[(found["fold"] == "all") & (found["metric"] == "balanced_accuracy")]
    for row in pooled.itertuples():
        typer.echo(
            f"{row.representation} ({row.task}): balanced accuracy {row.value:.3f} "
            f"({row.low:.3f} to {row.high:.3f}, {row.n} wells)"
        )
    write(found, output)


def cluster(
    tables: Profiles,
    same_by: SameBy,
    controls: Controls,
    label: Annotated[str, typer.Option(help="Column of the mechanism or target.")],
    clusters: Annotated[int, typer.Option(min=2, help="k of k-means.")] = 10,
    features: Features = None,
    seed: Seed = 0,
    output: Output = Path("clusters.parquet"),
) -> None:
    """Do clusters of consensus profiles share a mechanism? k-means and Leiden, against chance."""
    from phenolens.study.table_structure import table_cluster
    from phenolens.study.tables import read_profiles

    found = table_cluster(
        read_profiles(tables, features=features),
        same_by=same_by,
        controls=controls,
        label=label,
        clusters=clusters,
        seed=seed,
    )
    _say(found.table)
    members = output.with_name(f"{output.stem}-members{output.suffix}")
    write(found.more["members"], members)
    write(found.table, output)


def batch(
    tables: Profiles,
    same_by: SameBy,
    controls: Controls,
    column: Annotated[str, typer.Option(help="Column of the batch.")] = "Metadata_Plate",
    features: Features = None,
    seed: Seed = 0,
    output: Output = Path("batch.parquet"),
) -> None:
    """How much does the batch decide, and is the biology kept across batches?"""
    from phenolens.study.table_structure import table_batch
    from phenolens.study.tables import read_profiles

    table = read_profiles(tables, features=features)
    found = table_batch(table, same_by=same_by, controls=controls, batch=column, seed=seed)
    _say(found)
    write(found, output)


def assay(
    tables: Profiles,
    same_by: SameBy,
    controls: Controls,
    positive: Annotated[str | None, typer.Option(help="Query for positive controls.")] = None,
    features: Features = None,
    seed: Seed = 0,
    output: Output = Path("assay.parquet"),
) -> None:
    """Is each plate good enough? Replicates, controls and grit; passed, or why not."""
    from phenolens.study.table_structure import table_assay
    from phenolens.study.tables import read_profiles

    table = read_profiles(tables, features=features)
    found = table_assay(table, same_by=same_by, controls=controls, positive=positive, seed=seed)
    for row in found.itertuples():
        typer.echo(f"{row.Metadata_Plate}: {'passed' if row.passed else row.reasons}")
    write(found, output)
