"""Step `evaluate`: every representation, asked the same questions, beside its baselines."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import pandas as pd

from phenolens import profiles
from phenolens.files import write_json
from phenolens.profiles import CONTROL, TREATMENT, write_frame
from phenolens.study.activity import activity_results, position_results
from phenolens.study.activity_parts import activity_of
from phenolens.study.comparison import comparisons
from phenolens.study.design import check, splits
from phenolens.study.disjoint import unjudged
from phenolens.study.fusion import is_noise_control
from phenolens.study.scores import Examined, classification, consensus_of, examined, similar
from phenolens.study.session import Session, once
from phenolens.study.structure import structure


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
    from phenolens.evaluate.results import join_results, result_table

    check(session)
    asked = [item for item in examined(session) if _has_treatments(item)]
    activity, summaries = _activity(session, asked)
    studied = [item for item in asked if not is_noise_control(item.name)]
    consensus = {item.name: consensus_of(item) for item in studied if item.whole}
    nearest = [similar(name, table) for name, table in consensus.items() if len(table) > 1]
    predictions, scored = (classification(session) if asked else None) or (None, result_table([]))
    answers = structure(session, studied, consensus, activity)
    answers.refused += [told for item in examined(session) for told in unjudged(item.block)]
    results = join_results(
        [_activity_results(session, activity, summaries), scored, *answers.results]
    )
    found = Evaluation(results, activity, _stacked(nearest), consensus)
    tables = {name: _stacked(parts) for name, parts in answers.tables.items()}
    tables["comparisons"] = comparisons(session, activity, predictions)
    tables["predictions"] = pd.DataFrame() if predictions is None else predictions
    tables["umap"] = _maps(session)
    _write(session, found, tables)
    write_json(session.out / "unanswered.json", answers.refused)
    return found


def _activity_results(
    session: Session, activity: pd.DataFrame, summaries: dict[str, dict]
) -> pd.DataFrame:
    from phenolens.evaluate.results import result_table

    parts = activity.groupby("representation", sort=False) if len(activity) else ()
    alpha = session.study.evaluate.alpha
    rows = [row for _, part in parts for row in activity_results(part, alpha=alpha)]
    rows += [row for name, told in summaries.items() for row in position_results(name, told)]
    return result_table(rows)


def _has_treatments(item: Examined) -> bool:
    names = item.wells.index.names
    if TREATMENT not in names or CONTROL not in names:
        return False
    treated = ~profiles.column(item.wells, CONTROL).astype(bool)
    return bool(pd.notna(profiles.column(item.wells, TREATMENT)[treated]).any())


def _activity(session: Session, asked: list[Examined]) -> tuple[pd.DataFrame, dict]:
    design = splits(session)
    tables, summaries = [], {}
    for item in asked:
        session.progress.say(f"Testing activity: {item.name}")
        table, summaries[item.name] = activity_of(session, item, design)
        tables.append(table)
    write_json(session.out / "activity.json", summaries)
    return _stacked(tables), summaries


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
    from phenolens.evaluate.projection import umap

    session.progress.say("Drawing maps of the wells")
    maps = []
    for item in examined(session):
        if len(item.wells) > 2 and not is_noise_control(item.name):
            make = functools.partial(umap, item.wells, seed=session.seed)
            drawn = session.store.frame("umap", item.wells, session.seed, make=make)
            maps.append(drawn.assign(representation=item.name))
    return _stacked(maps)
