"""Part of step `evaluate`: the questions that every representation is asked, one by one.

Each is the function that the command and a notebook call; a question that the design cannot
answer leaves its reason.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from phenolens import profiles
from phenolens.errors import DesignError, InputError, LeakError
from phenolens.evaluate.metrics import offered
from phenolens.evaluate.results import result_table
from phenolens.findings import Finding
from phenolens.profiles import BATCH, CONCENTRATION, CONTROL, PLATE, TREATMENT
from phenolens.study.disjoint import FEWEST
from phenolens.study.session import Session
from phenolens.tools.activity import activity_of
from phenolens.tools.assay import assay
from phenolens.tools.batch import batch
from phenolens.tools.block import NOBODY, Block
from phenolens.tools.classify import classify
from phenolens.tools.cluster import cluster
from phenolens.tools.dose import dose
from phenolens.tools.match import match
from phenolens.tools.names import is_noise_control
from phenolens.tools.representation import Profiles
from phenolens.tools.result import Result
from phenolens.tools.retrieve import retrieve


def refusal(representation: str, question: str, why: Finding) -> dict[str, Any]:
    """A question without an answer, as in ``unanswered.json``: its finding, and that in words."""
    asked = {"representation": representation, "question": question}
    return asked | why.data() | {"why": why.said.advice}


def unanswerable(block: Block) -> list[dict]:
    """What a network that saw every label cannot be asked, as in ``unanswered.json``."""
    if NOBODY not in block.unseen:
        return []
    why = Finding("too-few-compounds-unseen", "warning", {}, {"needed": 2 * FEWEST})
    if block.made_elsewhere:
        why = Finding("labels-seen", "warning", {"representation": block.name})
    questions = ("activity", "silhouette", "clustering")
    return [refusal(block.name, name, why) for name in questions]


@dataclass
class Answers:
    """What the questions gave.

    Attributes
    ----------
    scores : list of DataFrame
        Rows of ``results.parquet``.
    tables : dict of str to list of DataFrame
        Rows of the study's other tables, by file.
    summaries : dict of str to dict
        What the tests of activity say as a whole, by representation.
    refused : list of dict
        As :func:`refusal`.
    """

    scores: list[pd.DataFrame] = field(default_factory=list)
    tables: dict[str, list[pd.DataFrame]] = field(default_factory=dict)
    summaries: dict[str, dict] = field(default_factory=dict)
    refused: list[dict] = field(default_factory=list)

    def ask(
        self, item: Profiles, questions: tuple[str, ...], answer: Callable[[], Result]
    ) -> Result | None:
        """Ask, keep the scores, and note why a question (or a part of it) has no answer."""
        try:
            found = answer()
        except (DesignError, InputError) as error:
            for question in questions:
                self.refuse(item, question, error.finding)
            return None
        except LeakError as error:
            if not item.block.made_elsewhere:
                raise  # a network of ours on its own training wells is a fault of ours
            for question in questions:
                self.refuse(item, question, error.finding)
            return None
        for part in found.findings:
            if part.code == "not-asked":
                self.refuse(item, part.values["question"], Finding.of(part.values["why"]))
        self.scores.append(found.scores)
        return found

    def refuse(self, item: Profiles, question: str, why: Finding) -> None:
        """Keep why a question has no answer."""
        found = refusal(item.name, question, why)
        if found not in self.refused:
            self.refused.append(found)

    def keep(self, file: str, table: pd.DataFrame) -> None:
        """Add rows to a table of the study."""
        if len(table):
            self.tables.setdefault(file, []).append(table)

    def compared_matching(self) -> pd.DataFrame:
        """Labels matched by every representation, noise controls among them."""
        own, beside = self.table("matching"), self.table("matching of noise")
        return pd.concat([own, beside], ignore_index=True)

    def keep_fusion(self, item: Profiles, found: Result | None) -> None:
        """Keep how a fusion's blocks were weighed for a question."""
        if found is not None and "fusion" in found.more:
            self.keep("fusion", found.more["fusion"].assign(representation=item.name))

    def table(self, file: str) -> pd.DataFrame:
        """All rows of a table of the study."""
        parts = self.tables.get(file, [])
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def ask_all(session: Session, items: list[Profiles]) -> Answers:
    """Ask every representation every question; noise controls are compared with, not studied.

    Baselines are those of the first representation made without labels. One that saw every label is
    only asked to classify.
    """
    answers = Answers()
    lead = next((item for item in items if not item.block.unseen), items[0] if items else None)
    judged = [item for item in items if len(item.wells)]
    for item in judged:
        session.progress.say(f"Testing activity: {item.name}")
        found = answers.ask(item, ("activity",), partial(activity_of, item, baselines=item is lead))
        if found is not None:
            answers.summaries[item.name] = found.summary
            answers.keep("activity", found.table)
            answers.keep_fusion(item, found)
            for name in found.more.keys() - {"fusion"}:
                answers.keep(name, found.more[name])
    _classify(session, items, answers, lead=lead)
    for item in judged:
        if is_noise_control(item.name):
            _ask_noise(item, answers)
        else:
            session.progress.say(f"Asking what lies together: {item.name}")
            _ask_structure(item, answers, baselines=item is lead)
            _ask_offered(item, answers)
    return answers


def _classify(
    session: Session, items: list[Profiles], answers: Answers, *, lead: Profiles | None
) -> None:
    """Held-out wells."""
    folds = items[0].design.folds if items else None
    if folds is None:
        return
    session.progress.say(f"Classifying held-out wells (leave-{folds.leave_out}-out)")
    for item in items:
        found = answers.ask(
            item,
            ("classification",),
            partial(classify, item, baselines=item is lead),
        )
        if found is None:
            continue
        answers.keep("predictions", found.more["predictions"])
        answers.keep_fusion(item, found)
        for part in found.findings:
            if part.code in ("no-cell-count", "blocks-chosen", "blocks-not-judged"):
                session.progress.say(str(part))


def _ask_structure(item: Profiles, answers: Answers, *, baselines: bool) -> None:
    """What lies together, what a mechanism has to do with it, plates, batches, doses."""
    found = answers.ask(item, ("silhouette", "clustering"), lambda: cluster(item))
    if found is not None and len(found.table):
        own = answers.table("activity")
        own = own.loc[own["representation"] == item.name, [TREATMENT, "active"]]
        members = found.table.drop(columns="space").assign(representation=item.name)
        members = members.merge(own, on=TREATMENT, how="left").assign(space=item.space)
        answers.keep("clusters", members)
    answers.ask(item, ("batch effect",), lambda: batch(item))
    found = answers.ask(item, ("assay quality",), lambda: assay(item))
    if found is not None:
        result = found.more["metrics"].assign(representation=item.name, space=item.space)
        answers.keep("assay", result)
    found = answers.ask(
        item, ("nsc_accuracy", "nscb_accuracy"), lambda: match(item, baselines=baselines)
    )
    if found is not None and len(found.table):
        answers.keep("matching", found.table.assign(representation=item.name))
    answers.keep_fusion(item, found)
    for across in ("position", PLATE, BATCH):
        if across == BATCH and not _known(item, BATCH):
            continue
        what = f"retrieval across {across.removeprefix(profiles.PREFIX).lower()}"
        found = answers.ask(
            item, (what,),
            partial(retrieve, item, across=across, baselines=baselines),
        )  # fmt: skip
        if found is not None:
            answers.keep("retrieval", found.table)
    if _known(item, CONCENTRATION):
        found = answers.ask(item, ("dose response",), lambda: dose(item))
        if found is not None:
            answers.keep("dose", found.table)


def _ask_noise(item: Profiles, answers: Answers) -> None:
    """Matching of a fusion's control, which is compared with and not studied."""
    try:
        found = match(item, baselines=False)
    except (DesignError, InputError):
        return  # the fusion says the same of itself
    if len(found.table):
        answers.keep("matching of noise", found.table.assign(representation=item.name))


def _ask_offered(item: Profiles, answers: Answers) -> None:
    """The metrics that other packages offer."""
    if not item.whole:
        return
    try:
        answers.scores.append(result_table(offered(item.wells, item.name, space=item.space)))
    except InputError as error:
        answers.refuse(item, "metrics of other packages", error.finding)


def _known(item: Profiles, column: str) -> bool:
    """Whether the wells have a value in a column."""
    wells = item.wells
    return column in wells.index.names and bool(pd.notna(profiles.column(wells, column)).any())


def has_treatments(item: Profiles) -> bool:
    """Whether a well that is no control has a treatment."""
    wells = item.table
    if TREATMENT not in wells.index.names or CONTROL not in wells.index.names:
        return False
    treated = ~profiles.is_control(wells)
    return bool(np.any(pd.notna(profiles.column(wells, TREATMENT)[treated])))
