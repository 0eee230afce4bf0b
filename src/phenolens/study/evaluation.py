"""Step `evaluate`: every representation, asked the same questions, beside its baselines."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import pandas as pd

from phenolens import profiles
from phenolens.evaluate.results import join_results
from phenolens.files import write_json
from phenolens.profiles import write_frame
from phenolens.study.asking import ask_all, has_treatments
from phenolens.study.design import check, splits
from phenolens.study.disjoint import unjudged
from phenolens.study.scores import examined, similar
from phenolens.study.session import Session, once
from phenolens.tools.compare import comparisons
from phenolens.tools.files import write_annotated
from phenolens.tools.names import is_noise_control

SPACE = "Metadata_Space"
TABLES = (
    "control_check", "share_active", "predictions", "clusters", "assay", "matching", "retrieval",
    "dose",
)  # fmt: skip


@dataclass(frozen=True)
class Evaluation:
    """What evaluation found; each frame is also a file of the study.

    Attributes
    ----------
    results, activity, similarity : DataFrame
    consensus : dict of str to DataFrame
        Consensus profiles of each representation.
    """

    results: pd.DataFrame
    activity: pd.DataFrame
    similarity: pd.DataFrame
    consensus: dict[str, pd.DataFrame]


@once
def evaluate(session: Session) -> Evaluation:
    """Score every representation; write ``results.parquet`` and the tables beside it."""
    check(session)
    items = examined(session)
    answers = ask_all(session, [item for item in items if has_treatments(item)])
    answers.refused += [told for item in items for told in unjudged(item.block)]
    consensus = {
        item.name: _with_space(item.consensus(), item.space)
        for item in items
        if has_treatments(item) and item.whole and not is_noise_control(item.name)
    }
    spaces = {item.name: item.space for item in items}
    nearest = [
        similar(name, table).assign(space=spaces[name])
        for name, table in consensus.items()
        if len(table) > 1
    ]
    activity, predictions = answers.table("activity"), answers.table("predictions")
    found = Evaluation(join_results(answers.scores), activity, _stacked(nearest), consensus)
    folds = splits(session).folds
    tables = {name: answers.table(name) for name in TABLES}
    tables["comparisons"] = comparisons(
        activity,
        predictions if len(predictions) else None,
        seed=session.seed,
        split=folds.leave_out if folds else "none",
    )
    tables["umap"] = _maps(session)
    _write(session, found, tables)
    _annotate(session, tables["umap"])
    write_json(session.out / "activity.json", answers.summaries)
    write_json(session.out / "unanswered.json", answers.refused)
    return found


def _with_space(consensus: pd.DataFrame, space: str) -> pd.DataFrame:
    """Consensus profiles that say in a column of their own what their values are."""
    return profiles.with_metadata(consensus, {SPACE: np.full(len(consensus), space, dtype=object)})


def _annotate(session: Session, maps: pd.DataFrame) -> None:
    """Write ``profiles/NAME.h5ad`` of every representation that was studied."""
    for item in examined(session):
        if item.stage == "measured":
            own = maps[maps["representation"] == item.name] if len(maps) else None
            write_annotated(item, session.out / "profiles" / f"{item.name}.h5ad", maps=own)


def _stacked(tables: list[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def _write(session: Session, found: Evaluation, tables: dict[str, pd.DataFrame]) -> None:
    out = session.out
    tables |= {"activity": found.activity, "similarity": found.similarity}
    write_frame(found.results, out / "results.parquet")
    for name, frame in tables.items():
        if len(frame):
            write_frame(frame, out / f"{name}.parquet")
        else:
            (out / f"{name}.parquet").unlink(missing_ok=True)
    for number, (name, table) in enumerate(found.consensus.items()):
        profiles.write(table, out / "consensus" / f"{name}.parquet")
        if number == 0:
            profiles.write(table, out / "consensus.parquet")


def _maps(session: Session) -> pd.DataFrame:
    from phenolens.stats.projection import umap

    session.progress.say("Drawing maps of the wells")
    maps = []
    for item in examined(session):
        if len(item.wells) > 2 and not is_noise_control(item.name):
            make = functools.partial(umap, item.wells, seed=session.seed)
            drawn = session.store.frame("umap", item.wells, session.seed, make=make)
            maps.append(drawn.assign(representation=item.name, space=item.space))
    return _stacked(maps)
