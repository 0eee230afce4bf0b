"""Every representation, asked the same questions, beside its baselines."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from phenolens import profiles
from phenolens.evaluate.matching.labels import find_separator, in_common, parted
from phenolens.evaluate.results import join_results
from phenolens.learn.nearest import nearest_rows, unit_rows
from phenolens.normalize.harmony import harmonize
from phenolens.normalize.tvn import batch_column
from phenolens.profiles import PLATE, TREATMENT
from phenolens.study.asking import ask_all, has_treatments, unanswerable
from phenolens.study.session import Session
from phenolens.study.step import Made, step
from phenolens.tools.compare import comparisons
from phenolens.tools.design import Design
from phenolens.tools.files import write_annotated
from phenolens.tools.names import is_noise_control
from phenolens.tools.representation import Profiles

SPACE = "Metadata_Space"
ANSWERED = (
    "activity", "control_check", "share_active", "predictions", "clusters", "assay", "matching",
    "retrieval", "dose", "fusion",
)  # fmt: skip


@dataclass(frozen=True)
class Evaluation:
    """What evaluation found.

    Attributes
    ----------
    tables : dict of str to DataFrame
        By name of the study's file: ``results``, ``activity``, ``comparisons``, ...; empty where
        there is nothing to say.
    summaries : dict of str to dict
        What the tests of activity say as a whole, by representation.
    lead : str
        The representation that one-table files are about; empty where nothing was studied.
    """

    tables: dict[str, pd.DataFrame]
    summaries: dict[str, dict[str, Any]]
    lead: str


@step(
    "results.parquet", "similarity.parquet", "comparisons.parquet", "umap.parquet",
    *(f"{name}.parquet" for name in ANSWERED), "activity.json", "unanswered.json",
    "consensus.parquet", "consensus/*.parquet", "profiles/*.h5ad",
)  # fmt: skip
def evaluate(session: Session, *, splits: Design, fuse: list[Profiles]) -> Made:
    """Score every representation; the value is an :class:`Evaluation`."""
    answers = ask_all(session, [item for item in fuse if has_treatments(item)])
    answers.refused += [found for item in fuse for found in unanswerable(item.block)]
    tables = {name: answers.table(name) for name in ANSWERED}
    tables["results"] = join_results(answers.scores)
    predictions = tables["predictions"]
    tables["comparisons"] = comparisons(
        tables["activity"],
        predictions if len(predictions) else None,
        matching=answers.compared_matching(),
        seed=session.seed,
        split=splits.folds.leave_out if splits.folds else "none",
    )
    consensus = {
        item.name: _with_space(item.consensus(), item.space)
        for item in fuse
        if has_treatments(item) and len(item.wells) and item.whole
        if not is_noise_control(item.name)
    }
    spaces = {item.name: item.space for item in fuse}
    tables["similarity"] = _stacked(
        similar(name, table).assign(space=spaces[name])
        for name, table in consensus.items()
        if len(table) > 1
    )
    tables["umap"] = _maps(session, fuse)
    files: dict[str, Any] = {f"{name}.parquet": table for name, table in tables.items()}
    files |= {f"consensus/{name}.parquet": table for name, table in consensus.items()}
    files["consensus.parquet"] = next(iter(consensus.values()), None)
    files |= {
        f"profiles/{item.name}.h5ad": functools.partial(
            write_annotated, item, maps=_own(tables["umap"], item.name)
        )
        for item in fuse
        if item.stage == "measured"
    }
    files |= {"activity.json": answers.summaries, "unanswered.json": answers.refused}
    lead = tables["activity"]["representation"].iloc[0] if len(tables["activity"]) else ""
    return Made(Evaluation(tables, answers.summaries, lead), files)


def _own(table: pd.DataFrame, name: str) -> pd.DataFrame | None:
    return table[table["representation"] == name] if len(table) else None


def _with_space(consensus: pd.DataFrame, space: str) -> pd.DataFrame:
    """Consensus profiles that say in a column of their own what their values are."""
    return profiles.with_metadata(consensus, {SPACE: np.full(len(consensus), space, dtype=object)})


def _stacked(tables: Iterable[pd.DataFrame]) -> pd.DataFrame:
    found = list(tables)
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame()


def _maps(session: Session, items: list[Profiles]) -> pd.DataFrame:
    from phenolens.stats.projection import umap

    session.progress.say("Drawing maps of the wells")
    maps = []
    for item in items:
        if len(item.wells) > 2 and not is_noise_control(item.name):
            wells, space = _laid_over(session, item)
            make = functools.partial(umap, wells, seed=session.seed)
            drawn = session.store.frame("umap", wells, session.seed, make=make)
            maps.append(drawn.assign(representation=item.name, space=space))
    return _stacked(maps)


def _laid_over(session: Session, item: Profiles) -> tuple[pd.DataFrame, str]:
    """Wells of a map and their space; batches laid over one another where the study asks for it."""
    if session.study.evaluate.map_alignment == "none":
        return item.wells, item.space
    several = [
        column
        for column in (batch_column(item.wells), PLATE)
        if len(set(profiles.column(item.wells, column))) > 1
    ]
    if not several or len(item.wells) < 10:
        session.progress.say(f"Nothing to lay over one another in {item.name}: its map is as it is")
        return item.wells, item.space
    laid = harmonize(item.wells, batch=several[:1], seed=session.seed)
    return laid, f"{item.space}; for the map only, laid over one another by Harmony"


def similar(name: str, consensus: pd.DataFrame, *, nearest: int = 10) -> pd.DataFrame:
    """The nearest treatments of each treatment by cosine, as in ``similarity.parquet``."""
    order, cosine = nearest_rows(unit_rows(consensus.to_numpy(np.float64)), k=nearest)
    names = profiles.column(consensus, TREATMENT)
    rows, ranks = np.repeat(np.arange(len(names)), order.shape[1]), order.shape[1]
    return pd.DataFrame(
        {
            "representation": name,
            TREATMENT: names[rows],
            "neighbour": names[order.ravel()],
            "rank": np.tile(np.arange(1, ranks + 1), len(names)),
            "cosine": cosine.ravel(),
            "same_mechanism": _same_mechanism(consensus, rows, order.ravel()),
        }
    )


def _same_mechanism(consensus: pd.DataFrame, left: np.ndarray, right: np.ndarray) -> pd.Series:
    if profiles.MECHANISM not in consensus.index.names:
        return pd.Series(pd.NA, index=range(len(left)), dtype="boolean")
    told = profiles.column(consensus, profiles.MECHANISM)
    labels = parted(told, separator=find_separator(told))
    return in_common(labels, (left, right))
