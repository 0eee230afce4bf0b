"""Commands for people who only have profiles: activity, match, dose, compare."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import pandas as pd

Profiles = Annotated[
    list[str], typer.Argument(help="Profile tables: Parquet, CSV, CSV.GZ or h5ad; globs allowed.")
]
SameBy = Annotated[
    list[str], typer.Option("--same-by", help="Column that names a perturbation; repeatable.")
]
Controls = Annotated[
    str, typer.Option(help="Query for negative controls: \"Metadata_control_type == 'negcon'\".")
]
Within = Annotated[
    str | None, typer.Option(help="References share this column, e.g. Metadata_Plate.")
]
Features = Annotated[
    str | None, typer.Option(help="Prefix of feature columns [default: by convention].")
]
Permutations = Annotated[int, typer.Option(min=1)]
Seed = Annotated[int, typer.Option(min=0)]
Output = Annotated[Path, typer.Option("-o", "--output", help=".parquet or .csv")]


def write(table: pd.DataFrame, output: Path, summary: dict[str, object] | None = None) -> None:
    """Print what a table says as a whole, and write it."""
    from phenolens.profiles import write_frame
    from phenolens.study.tables import tell_summary

    for line in tell_summary(summary or {}):
        typer.echo(line)
    write_frame(table, output)
    typer.echo(f"Wrote {output}")


def activity(
    tables: Profiles,
    same_by: SameBy,
    controls: Controls,
    diff_by: Annotated[list[str] | None, typer.Option("--diff-by")] = None,
    within: Within = None,
    position_safe: Annotated[
        bool, typer.Option("--position-safe", help="Null of control wells that share a position.")
    ] = False,
    null: Annotated[str, typer.Option(help="label-permutation or copairs.")] = "label-permutation",
    permutations: Permutations = 10_000,
    features: Features = None,
    seed: Seed = 0,
    output: Output = Path("activity.parquet"),
) -> None:
    """Which perturbations differ from controls: mAP with valid p and q."""
    from phenolens.study.tables import read_profiles, table_activity

    found = table_activity(
        read_profiles(tables, features=features),
        same_by=same_by,
        controls=controls,
        diff_by=diff_by or (),
        within=within,
        position_safe=position_safe,
        null=null,
        permutations=permutations,
        seed=seed,
    )
    write(found.table, output, found.summary)


def match(
    tables: Profiles,
    same_by: SameBy,
    label: Annotated[str, typer.Option(help="Column of target or mechanism; 'A|B' holds both.")],
    controls: Annotated[
        str | None, typer.Option(help="With it, only active perturbations are matched.")
    ] = None,
    not_same: Annotated[
        list[str] | None, typer.Option("--not-same", help="Matches differ in this; repeatable.")
    ] = None,
    within: Within = None,
    opposite: Annotated[
        bool, typer.Option("--opposite", help="Opposite effects match too (|cosine|).")
    ] = False,
    permutations: Permutations = 10_000,
    features: Features = None,
    seed: Seed = 0,
    output: Output = Path("match.parquet"),
) -> None:
    """Do perturbations of one target or mechanism look alike?"""
    from phenolens.study.tables import read_profiles, table_match

    found = table_match(
        read_profiles(tables, features=features),
        same_by=same_by,
        label=label,
        controls=controls,
        not_same=not_same or (),
        within=within,
        opposite=opposite,
        permutations=permutations,
        seed=seed,
    )
    write(found.table, output, found.summary)


def dose(
    tables: Profiles,
    compound: Annotated[list[str], typer.Option(help="Column that names a compound.")],
    controls: Controls,
    concentration: Annotated[
        str, typer.Option(help="Column of the dose.")
    ] = "Metadata_Concentration",
    features: Features = None,
    seed: Seed = 0,
    output: Output = Path("dose.parquet"),
) -> None:
    """From which dose on is a compound active, and does it lose cells before?"""
    from phenolens.study.tables import read_profiles, table_dose

    table = read_profiles(tables, features=features)
    found = table_dose(table, compound=compound, dose=concentration, controls=controls, seed=seed)
    write(found.table, output, found.summary)


def compare(
    one: Annotated[str, typer.Argument(help="Profiles of one representation (globs allowed).")],
    other: Annotated[str, typer.Argument(help="Profiles of the other, of the same wells.")],
    same_by: SameBy,
    controls: Controls,
    within: Within = None,
    cluster: Annotated[
        str | None, typer.Option(help="Column whose rows are resampled together.")
    ] = None,
    seed: Seed = 0,
    output: Output = Path("comparison.parquet"),
) -> None:
    """Is one representation better than another? Paired, with what the design could have seen."""
    from phenolens.study.tables import read_profiles, table_compare

    found = table_compare(
        read_profiles([one]),
        read_profiles([other]),
        names=(Path(one).name, Path(other).name),
        same_by=same_by,
        controls=controls,
        within=within,
        cluster=cluster,
        seed=seed,
    )
    for line in found.iloc[0].astype(str).items():
        typer.echo(": ".join(line))
    write(found, output)
