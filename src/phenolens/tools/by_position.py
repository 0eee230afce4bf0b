"""The same question asked of position alone: what a score must beat.

Each function gives rows of ``results.parquet``, under ``baseline:position``, and what the summary
says of them; both are empty where position cannot be asked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from phenolens import profiles
from phenolens.errors import DesignError, InputError
from phenolens.evaluate.activity import activity as evaluated
from phenolens.evaluate.classification.baselines import POSITION
from phenolens.evaluate.classification.position_views import best_of_views
from phenolens.evaluate.matching.label_matching import match_labels
from phenolens.evaluate.matching.matching import nearest_neighbour
from phenolens.evaluate.matching.retrieval import retrieval
from phenolens.evaluate.results import result
from phenolens.profiles import PLATE, TREATMENT
from phenolens.stats.intervals import bootstrap_mean, wilson_interval
from phenolens.stats.multiple_testing import benjamini_hochberg
from phenolens.tools.representation import Profiles

PERMUTATIONS = 1_000
Answer = tuple[list[dict[str, Any]], dict[str, Any]]
Ask = Callable[[pd.DataFrame], pd.DataFrame]


def activity_by_position(
    item: Profiles,
    *,
    test: str,
    within: Sequence[str] | None = None,
    diff_by: Sequence[str] | None = None,
) -> Answer:
    """Share active and mean mAP by the plain test, of wells that are their position.

    Parameters
    ----------
    item : Profiles
    test : str
        That of the profiles: the position-safe one compares controls of the same position itself,
        so position is asked beside its plain share only.
    within, diff_by : sequence of str, optional
        As in :func:`phenolens.activity`.
    """
    if not item.whole:
        return [], {}
    settings, wells = item.settings, item.tested(item.wells[[]])  # places need no feature

    def ask(view: pd.DataFrame, null: str = "none") -> pd.DataFrame:
        return evaluated.activity(
            view, same_by=TREATMENT, controls=profiles.is_control(view), diff_by=diff_by,
            within=within, strata=PLATE if within is None else None, null=null,
            permutations=min(settings.permutations, PERMUTATIONS), seed=settings.seed,
        ).table  # fmt: skip

    found = _asked(
        wells, ask, score="map_normalized", seed=settings.seed,
        test=lambda view: ask(view, "label-permutation"),
    )  # fmt: skip
    if found is None:
        return [], {}
    called = benjamini_hochberg(found["p"].to_numpy()) < settings.alpha
    safe = test == "position-safe"
    share = "fraction_active_plain" if safe else "fraction_active"
    rows = _Scores(found, "activity")
    rows.add(share, called.astype(float), interval=wilson_interval(int(called.sum()), len(called)))
    for metric in () if safe else ("map", "map_normalized"):
        rows.add(f"mean_{metric}", found[metric])
    return rows.answer()


def retrieval_by_position(
    item: Profiles, place: str, *, within: Sequence[str] | None = None
) -> Answer:
    """Retrieval across `place`, of wells that are their position; as :func:`phenolens.retrieve`."""
    wells = item.tested(item.require_whole())

    def ask(view: pd.DataFrame) -> pd.DataFrame:
        return retrieval(
            view, same_by=TREATMENT, controls=profiles.is_control(view), across=place,
            within=within, seed=item.settings.seed,
        ).table  # fmt: skip

    found = _asked(wells, ask, score="map_across_normalized", seed=item.settings.seed)
    if found is None:
        return [], {}
    rows = _Scores(found, "retrieval")
    for metric in ("map_normalized", "map_across_normalized", "nearest_across", "drop"):
        rows.add(f"{metric}_{place.removeprefix(profiles.PREFIX).lower()}", found[metric])
    return rows.answer()


def matching_by_position(
    item: Profiles,
    consensus: pd.DataFrame,
    *,
    label: str,
    not_same: Sequence[str],
    near: dict[str, list[str]],
) -> Answer:
    """Matching of a label, of treatments that are the places of their wells.

    Parameters
    ----------
    item : Profiles
    consensus : DataFrame
        The treatments that are matched.
    label : str
    not_same : sequence of str
        Matches of labels differ in these columns.
    near : dict of str to list of str
        Columns in which the nearest neighbour differs, by the name of the accuracy.
    """
    wells = item.require_whole()
    names = profiles.column(consensus, TREATMENT)
    treated = ~profiles.is_control(wells) & np.isin(profiles.column(wells, TREATMENT), names)
    wells, settings = profiles.take(wells, treated), item.settings

    def places(view: pd.DataFrame) -> pd.DataFrame:
        means = view.groupby(profiles.column(view, TREATMENT)).mean()
        return means.loc[names].set_axis(consensus.index)

    def labels(view: pd.DataFrame, permutations: int = 1) -> pd.DataFrame:
        return match_labels(
            places(view), label=label, not_same=list(not_same) or None, seed=settings.seed,
            permutations=permutations,
        ).table  # fmt: skip

    record: list[dict[str, Any]] = []
    summary: dict[str, Any] = {}
    found = _asked(
        wells, labels, score="map_normalized", seed=settings.seed,
        test=lambda view: labels(view, min(settings.permutations, PERMUTATIONS)),
    )  # fmt: skip
    if found is not None:
        rows = _Scores(found, "matching", unit="label")
        called = benjamini_hochberg(found["p"].to_numpy()) < settings.alpha
        interval = wilson_interval(int(called.sum()), len(called))
        rows.add("fraction_matched", called.astype(float), interval=interval)
        rows.add("mean_map_normalized", found["map_normalized"])
        record, summary = rows.answer()
    for metric, columns in near.items():

        def nearest(view: pd.DataFrame, columns: list[str] = columns) -> pd.DataFrame:
            return nearest_neighbour(places(view), label=label, not_same=columns).table

        found = _asked(wells, nearest, score="correct", seed=settings.seed)
        if found is not None and found["correct"].notna().any():
            rows = _Scores(found, "matching")
            rows.add(metric, found["correct"])
            more, values = rows.answer()
            record, summary = record + more, summary | {metric: values[metric]}
    return record, summary


def _asked(wells: pd.DataFrame, ask: Ask, **how: Any) -> pd.DataFrame | None:
    try:
        return best_of_views(wells, ask, **how)
    except (DesignError, InputError):
        return None


class _Scores:
    """Rows of one table of answers, and what the summary says of them."""

    def __init__(self, found: pd.DataFrame, task: str, *, unit: str = "treatment") -> None:
        counts = Counter(found["view"]).most_common()
        self.views = " and ".join(name for name, _ in counts)
        self.task, self.unit = task, unit
        self.rows: list[dict[str, Any]] = []

    def add(
        self, metric: str, values: pd.Series, *, interval: tuple[float, float] | None = None
    ) -> None:
        known = np.asarray(values, dtype=float)
        known = known[np.isfinite(known)]
        if len(known):
            self.rows.append(
                result(
                    POSITION, self.task, metric, value=known.mean(), n=len(known), unit=self.unit,
                    interval=interval or bootstrap_mean(known, seed=0),
                    space=f"row and column, by {self.views}",
                )
            )  # fmt: skip

    def answer(self) -> Answer:
        values = {row["metric"]: row["value"] for row in self.rows}
        return self.rows, {"by": self.views} | values
