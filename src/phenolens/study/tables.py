"""The statistics for people who only have profiles, from CellProfiler or any network.

Each call reads profile tables (Parquet, CSV, CSV.GZ, h5ad), asks one question and returns a table,
with what it means as a whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from phenolens import profiles
from phenolens.errors import InputError

if TYPE_CHECKING:
    from phenolens.evaluate.found import Found


def read_profiles(files: Sequence[str | Path], *, features: str | None = None) -> pd.DataFrame:
    """Read profile tables and stack them.

    Parameters
    ----------
    files : sequence of path
        Parquet, CSV(.gz) or h5ad; each may hold a glob pattern.
    features : str, optional
        Prefix of the feature columns; by default they are recognised by convention.

    Returns
    -------
    DataFrame
        Profile table with metadata in the row index.
    """
    from phenolens.io.profile_files import read_block

    block = {"files": [str(file) for file in files], "prefix": features}
    frame, names, _ = read_block(block, Path.cwd())
    return profiles.from_frame(frame.drop(columns="_file", errors="ignore"), features=names)


def table_activity(
    table: pd.DataFrame,
    *,
    same_by: Sequence[str],
    controls: str,
    diff_by: Sequence[str] = (),
    within: str | None = None,
    position_safe: bool = False,
    null: str = "label-permutation",
    permutations: int = 10_000,
    seed: int = 0,
) -> Found:
    """Activity of each perturbation; see :func:`phenolens.evaluate.activity.activity`.

    With ``position_safe`` the null is made of control wells that share a position; see
    :func:`phenolens.evaluate.position_safe.position_safe`.
    """
    from phenolens.evaluate.activity import activity
    from phenolens.evaluate.position_safe import position_safe as against_positions

    common = {"same_by": list(same_by), "controls": controls, "within": within, "seed": seed}
    if not position_safe:
        return activity(
            table, diff_by=list(diff_by) or None, null=null, permutations=permutations, **common
        )
    if diff_by or null != "label-permutation":
        raise InputError("--position-safe has a null of its own: leave out --diff-by and --null.")
    return against_positions(table, permutations=permutations, **common)


def table_match(
    table: pd.DataFrame,
    *,
    same_by: Sequence[str],
    label: str,
    controls: str | None = None,
    not_same: Sequence[str] = (),
    within: str | None = None,
    opposite: bool = False,
    permutations: int = 10_000,
    seed: int = 0,
) -> Found:
    """Do perturbations of one label look alike? Consensus profiles, of active ones with controls.

    See :func:`phenolens.evaluate.label_matching.match_labels`; the summary adds the nearest
    neighbour's accuracy.
    """
    from phenolens.evaluate.label_matching import match_labels
    from phenolens.evaluate.matching import accuracy, consensus, nearest_neighbour

    active, treated = None, table
    if controls is not None:
        active = table_activity(
            table, same_by=same_by, controls=controls, within=within, seed=seed,
            permutations=permutations,
        ).table  # fmt: skip
    similarity = "abs_cosine" if opposite else "cosine"
    among = consensus(treated, same_by=list(same_by), active=active)
    apart = list(not_same) or None
    found = match_labels(
        among, label=label, not_same=apart, similarity=similarity,
        permutations=permutations, seed=seed,
    )  # fmt: skip
    near = nearest_neighbour(
        among, label=label, not_same=apart or list(same_by), similarity=similarity
    )
    return replace(found, summary=found.summary | {"nearest_neighbour": accuracy(near)})


def table_dose(
    table: pd.DataFrame, *, compound: Sequence[str], dose: str, controls: str, seed: int = 0
) -> Found:
    """From which dose on is a compound active? See :mod:`phenolens.evaluate.dose`."""
    from phenolens.evaluate.dose import dose_response

    return dose_response(table, same_by=list(compound), dose=dose, controls=controls, seed=seed)


def table_compare(
    one: pd.DataFrame,
    other: pd.DataFrame,
    *,
    names: tuple[str, str],
    same_by: Sequence[str],
    controls: str,
    within: str | None = None,
    cluster: str | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Which of two representations of the same wells sees the perturbations better, paired.

    Returns
    -------
    DataFrame
        As :func:`phenolens.evaluate.compare.compare_pairs`, on normalized mAP by perturbation.
    """
    from phenolens.evaluate.activity import activity
    from phenolens.evaluate.compare import compare_pairs

    if names[0] == names[1]:
        raise InputError(f"Both representations are called {names[0]!r}; rename one file.")
    parts = [
        activity(
            table, same_by=list(same_by), controls=controls, within=within, null="none", seed=seed
        ).table.assign(representation=name)
        for table, name in zip((one, other), names, strict=True)
    ]
    values = pd.concat(parts, ignore_index=True).rename(columns={"map_normalized": "value"})
    values = values.assign(task="activity", metric="map_normalized", split="none")
    known = cluster if cluster in values else None
    return compare_pairs(values, [names], key=list(same_by), seed=seed, cluster=known)


def tell_summary(summary: dict, indent: str = "") -> Iterator[str]:
    """A summary as lines of text."""
    for name, value in summary.items():
        label = name.replace("_", " ")
        if value == {}:
            continue
        if isinstance(value, dict):
            yield f"{indent}{label}:"
            yield from tell_summary(value, indent + "  ")
        else:
            yield f"{indent}{label}: {round(value, 4) if isinstance(value, float) else value}"
