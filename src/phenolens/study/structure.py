"""Parts of step `evaluate`: what lies together, what a mechanism has to do with it, plate quality.

Each question returns result rows and a table of its own; a question that the design cannot answer
returns nothing and a note with the reason.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from phenolens import profiles
from phenolens.errors import DesignError, InputError
from phenolens.profiles import BATCH, COMPOUND, CONTROL, MECHANISM, PLATE, TREATMENT
from phenolens.study.scores import Examined
from phenolens.study.session import Session

_POSITIVE = "Metadata_PositiveControl"
_APART = {"nsc_accuracy": [COMPOUND], "nscb_accuracy": [COMPOUND, BATCH]}


@dataclass
class Answers:
    """What the questions gave: result tables, further tables by name, and what was refused."""

    results: list[pd.DataFrame] = field(default_factory=list)
    tables: dict[str, list[pd.DataFrame]] = field(default_factory=dict)
    refused: list[dict] = field(default_factory=list)

    def ask(self, name: str, question: str, answer: Callable[[], None]) -> None:
        """Run a question; note why the design or the table cannot answer it."""
        try:
            answer()
        except (DesignError, InputError) as error:
            self.refused.append({"representation": name, "question": question, "why": str(error)})

    def keep(self, file: str, name: str, table: pd.DataFrame) -> None:
        """Add rows to a table of the study."""
        if len(table):
            self.tables.setdefault(file, []).append(table.assign(representation=name))


def structure(
    session: Session,
    asked: list[Examined],
    consensus: dict[str, pd.DataFrame],
    active: pd.DataFrame,
) -> Answers:
    """Ask every representation what lies together and how good its plates are."""
    answers = Answers()
    for item in asked:
        session.progress.say(f"Asking what lies together: {item.name}")
        if not item.whole:
            _ask_parts(session, item, answers)
            continue
        questions = {
            "silhouette": lambda i=item: _silhouette(session, i, answers),
            "clustering": lambda i=item: _clusters(session, i, consensus[i.name], active, answers),
            "batch effect": lambda i=item: _batch(session, i, answers),
            "assay quality": lambda i=item: _assay(session, i, answers),
        }
        for metric in _APART:
            questions[metric] = lambda i=item, m=metric: _matching(
                i, consensus[i.name], answers, metric=m
            )
        for question, answer in questions.items():
            answers.ask(item.name, question, answer)
    return answers


def _ask_parts(session: Session, item: Examined, answers: Answers) -> None:
    """What can be asked of networks that each saw some labels: within their own treatments."""
    answers.ask(item.name, "silhouette", lambda: _silhouettes(session, item, answers))
    for question in ("clustering", "batch effect", "assay quality", *_APART):
        why = "its treatments were seen by several networks, whose profiles cannot be compared"
        answers.refused.append({"representation": item.name, "question": question, "why": why})


def _silhouettes(session: Session, item: Examined, answers: Answers) -> None:
    """Silhouette within each group of treatments, and its mean over wells."""
    from phenolens.evaluate.silhouette import silhouette

    tables = [silhouette(part, item.name, seed=session.seed).results for part in item.parts]
    for number, table in enumerate(tables):
        answers.results.append(table.assign(fold=f"group-{number}"))
    answers.results.append(_mean_over_parts(pd.concat(tables, ignore_index=True)))


def _mean_over_parts(found: pd.DataFrame) -> pd.DataFrame:
    """Means weighted by wells; the p-values of groups stay apart."""
    found = found[found["metric"] != "silhouette_p"]
    weighted = found.assign(value=found["value"] * found["n"])
    key = [c for c in found.columns if c not in ("value", "low", "high", "n")]
    pooled = weighted.groupby(key, as_index=False, sort=True)[["value", "n"]].sum()
    return pooled.assign(value=pooled["value"] / pooled["n"], low=np.nan, high=np.nan)


def _silhouette(session: Session, item: Examined, answers: Answers) -> None:
    from phenolens.evaluate.silhouette import silhouette

    answers.results.append(silhouette(item.wells, item.name, seed=session.seed).results)


def _clusters(
    session: Session,
    item: Examined,
    consensus: pd.DataFrame,
    active: pd.DataFrame,
    answers: Answers,
) -> None:
    from phenolens.evaluate.clustering import cluster

    found = cluster(consensus, item.name, seed=session.seed, k=session.study.evaluate.clusters)
    answers.results.append(found.results)
    own = active.loc[active["representation"] == item.name, [TREATMENT, "active"]]
    kept = [c for c in ("method", TREATMENT, MECHANISM, "cluster") if c in found.members]
    answers.keep("clusters", item.name, found.members[kept].merge(own, on=TREATMENT, how="left"))


def _matching(item: Examined, consensus: pd.DataFrame, answers: Answers, *, metric: str) -> None:
    """Whether the nearest treatment of another compound (and batch) shares the mechanism."""
    from phenolens.evaluate.matching import accuracy, nearest_neighbour
    from phenolens.evaluate.results import result, result_table

    if MECHANISM not in consensus.index.names:
        raise DesignError("no mechanism is named, so nothing can be matched to it")
    apart = _APART[metric]
    if not set(apart) <= set(consensus.index.names):
        raise DesignError(f"the screen does not name {' and '.join(apart)}")
    found = accuracy(nearest_neighbour(consensus, label=MECHANISM, not_same=apart))
    row = result(
        item.name,
        "matching",
        metric,
        value=found["value"],
        interval=(found["low"], found["high"]),
        n=found["n"],
        unit="treatment",
    )
    answers.results.append(result_table([row]))


def _batch(session: Session, item: Examined, answers: Answers) -> None:
    from phenolens.evaluate.batch_effect import batch_effect

    for column in (PLATE, BATCH):
        if column in item.wells.index.names:
            found = batch_effect(item.wells, item.name, seed=session.seed, batch=column)
            what = column.removeprefix(profiles.PREFIX).lower()
            answers.results.append(found.assign(metric=found["metric"] + f"_{what}"))


def _assay(session: Session, item: Examined, answers: Answers) -> None:
    from phenolens.evaluate.assay_quality import assay_quality

    if not profiles.column(item.wells, CONTROL).astype(bool).any():
        raise DesignError("no control wells, so plates cannot be judged")
    positive = None
    if _POSITIVE in item.wells.index.names:
        positive = profiles.column(item.wells, _POSITIVE).astype(bool)
        positive = positive if positive.any() else None
    found = assay_quality(item.wells, item.name, seed=session.seed, positive=positive)
    answers.results.append(found.results)
    answers.keep("assay", item.name, _long(found.plates))


def _long(plates: pd.DataFrame) -> pd.DataFrame:
    """One row a plate and metric; ``passed`` carries the reasons why a plate did not."""
    numeric = plates.assign(passed=plates["passed"].astype(float)).drop(columns="reasons")
    long = numeric.melt(id_vars=PLATE, var_name="metric", value_name="value")
    long = long[long["value"].notna()].astype({"value": np.float64})
    reasons = long[PLATE].map(plates.set_index(PLATE)["reasons"])
    long = long.assign(
        low=np.nan, high=np.nan, n=1, flag=reasons.where(long["metric"] == "passed", "")
    )
    return long.sort_values([PLATE, "metric"], ignore_index=True)
