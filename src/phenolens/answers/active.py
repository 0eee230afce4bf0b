"""Which treatments are active?"""

from __future__ import annotations

import numpy as np
import pandas as pd

from phenolens.answers.answer import Answer
from phenolens.answers.reasons import because
from phenolens.answers.tables import Tables
from phenolens.evaluate.activity.control_check import certifies, in_words
from phenolens.evaluate.activity.share_active import remedy, share_in_words, why_no_hit
from phenolens.words import names
from phenolens.words.numbers import (
    count,
    fixed,
    interval,
    listed,
    p_value,
    percent,
    plural,
    sentence,
)

MOST_NAMED = 10
QUESTION = "Which treatments are active?"


def answer(tables: Tables) -> Answer:
    """Number, share with interval, and names of the active treatments of the lead."""
    rows = tables.of_lead(tables.activity)
    tested = None if rows is None else rows[rows["q"].notna()]
    if tested is None or tested.empty:
        return Answer("active", QUESTION, _untested(tables, rows), _notes(rows), tone="none")
    active = tested[tested["active"]].sort_values(["q", "map"], ascending=[True, False])
    share, checks = no_single_hit(tables), checks_of(tables)
    if share is None:
        short = _share(tables, rows, len(active))
        details = [_which(active), _plain_test(tables, tested), _floor(tested, tables.alpha)]
        details += [_rest(tested)]
    else:
        short = why_no_hit(share, alpha=tables.alpha)
        details = [share_in_words(share), _smoothed(tested, tables.alpha), remedy(share)]
        details += [_ranking(tested), _plain_test(tables, tested)]
    details += [*_check_words(checks), *_untested_some(rows), *_common_note(tested)]
    called = any(check["verdict"] == "calls-controls" for check in checks)
    position = by_position(tested)
    return Answer(
        key="active",
        question=QUESTION,
        short=short + position,
        details=[text for text in details if text],
        tone="warn" if called or share is not None or position else "plain",
        links=[("hits", "Treatments"), ("activity", "Activity"), *_neighbours(share)],
    )


def _neighbours(share: dict | None) -> list[tuple[str, str]]:
    """Where no hit has a name, what lies near what still says something."""
    return [] if share is None else [("similar", "Neighbours")]


def no_single_hit(tables: Tables) -> dict | None:
    """What ``share_active.parquet`` says of the lead; None where single hits could be named."""
    rows = tables.of_lead(tables.share_active)
    return None if rows is None else rows.iloc[0].to_dict()


def checks_of(tables: Tables) -> list[dict]:
    """The control checks of the test that the lead's treatments were tested by."""
    rows, tested = (tables.of_lead(t) for t in (tables.control_check, tables.activity))
    if rows is None or tested is None or "test" not in tested:
        return []
    return rows[rows["test"].isin(tested["test"].unique())].to_dict("records")


def certified(checks: list[dict]) -> bool:
    """Whether controls, grouped as the treatments lie, show that the test holds its level."""
    return bool(checks) and all(certifies(check) for check in checks)


def _check_words(checks: list[dict]) -> list[str]:
    told = list(dict.fromkeys(in_words(check) for check in checks))
    return [f"✓ {text}" for text in told] if certified(checks) else told


def _smoothed(tested: pd.DataFrame, alpha: float) -> str:
    if "q_smooth" not in tested or tested["q_smooth"].isna().all():
        return ""
    n = int((tested["q_smooth"] < alpha).sum())
    return (
        f"By a tail continued below the smallest p (normal scores assumed) {n} of "
        f"{plural(len(tested), 'treatment')} would have q < {alpha:g}."
    )


def _ranking(tested: pd.DataFrame) -> str:
    first = tested.sort_values(["p", "map"], ascending=[True, False])["Metadata_Treatment"]
    return f"Farthest from controls first, none of them certain: {listed(first, MOST_NAMED)}."


def _untested(tables: Tables, rows: pd.DataFrame | None) -> str:
    if rows is None:
        return f"No treatment was tested for activity{because(tables)}."
    return (
        f"No treatment could be tested: none of the {count(len(rows), 'treatment')} has a q-value."
    )


def _notes(rows: pd.DataFrame | None) -> list[str]:
    if rows is None or "note" not in rows:
        return []
    notes = rows["note"].fillna("").value_counts()
    return [sentence(f"{n} of {len(rows)}: {note}") for note, n in notes.items() if note]


def _share(tables: Tables, rows: pd.DataFrame, n: int) -> str:
    tested = rows[rows["q"].notna()]
    untested = len(rows) - len(tested)
    representation = names.spoken(tables.lead)
    rest = f" ({untested} more could not be tested)" if untested else ""
    if n == 0:
        several = f"None of the {len(tested)} treatments tested{rest} differs from its controls"
        one = f"The one treatment tested{rest} does not differ from its controls"
        differs = one if len(tested) == 1 else several
        return f"{differs} at q < {tables.alpha:g}, judged by {representation}."
    share = percent(n / len(tested))
    between = interval_of(tables, "fraction_active")
    return (
        f"{n} of {plural(len(tested), 'treatment')}{' tested' * bool(untested)} ({share}{between})"
        f"{rest} differ from the controls on "
        f"their plates at q < {tables.alpha:g}, judged by {representation}."
    )


def by_position(tested: pd.DataFrame) -> str:
    """How many of the active, or of the tested, position could explain; '' for none."""
    among = tested[tested["active"]] if tested["active"].any() else tested
    marked = int((among["position"] != "").sum()) if "position" in among else 0
    if not marked:
        return ""
    which = "it" if marked == len(among) else f"{marked} of them"
    return f" Position could explain {which}: the layout alone does not rule it out."


def interval_of(tables: Tables, metric: str) -> str:
    """``; 95 % interval 40 % to 75 %`` of a share the lead scored in ``activity``, or nothing."""
    row = _scored(tables, metric)
    text = "" if row is None else interval(row["low"], row["high"], of=percent)
    return f"; 95 % interval {text}" if text else ""


def _scored(tables: Tables, metric: str) -> pd.Series | None:
    rows = tables.of_lead(tables.results)
    if rows is None:
        return None
    mine = (rows["task"] == "activity") & (rows["metric"] == metric)
    mine &= rows["fold"].astype(str) == "all"
    return rows[mine].iloc[0] if mine.any() else None


def _which(active: pd.DataFrame) -> str:
    if active.empty:
        return ""
    first = active.iloc[0]
    tied = active[(active["q"] == first["q"]) & (active["map"] == first["map"])]
    if len(tied) > MOST_NAMED:
        return (
            f"{len(tied)} share the first place (mAP {fixed(first['map'])}), among them "
            f"{listed(tied['Metadata_Treatment'].head(MOST_NAMED), MOST_NAMED)}."
        )
    return f"Strongest first: {listed(active['Metadata_Treatment'], MOST_NAMED)}."


def position_safe(rows: pd.DataFrame) -> bool:
    """Whether treatments were tested against control positions, because the layout is fixed."""
    return "test" in rows and bool(rows["test"].eq("position-safe").any())


def _plain_test(tables: Tables, tested: pd.DataFrame) -> str:
    """What the usual test would have said, and how often it calls controls active."""
    if not position_safe(tested):
        return ""
    text = (
        "One layout is repeated on every plate, so treatments were tested against control wells "
        "that share a position, not by permuting wells."
    )
    checks = tables.of_lead(tables.control_check)
    plain = [] if checks is None else checks[checks["test"] == "label-permutation"]
    if not len(plain) or not plain["groups"].iloc[0]:
        return text
    told = plain.iloc[0]
    return (
        f"{text} At p <= 0.05, permuting wells would call {told['treatments_called']} of "
        f"{plural(told['treatments'], 'treatment')}, but also {told['called']} of "
        f"{plural(told['groups'], 'group')} of controls."
    )


def _common_note(tested: pd.DataFrame) -> list[str]:
    """A note that all tested treatments carry."""
    notes = tested["note"].fillna("").unique() if "note" in tested else []
    return [sentence(f"for all of them: {notes[0]}")] if len(notes) == 1 and notes[0] else []


def _floor(tested: pd.DataFrame, alpha: float) -> str:
    """Whether this design could reject at all (Benjamini-Hochberg over discrete p-values)."""
    floors = np.sort(tested["p_attainable"].dropna().to_numpy())
    if len(floors) == 0:
        return ""
    smallest = f"The smallest p this design can give is {p_value(floors[0])}"
    enough = floors * len(tested) / np.arange(1, len(floors) + 1) <= alpha
    if not enough.any():
        return (
            f"{smallest}, so no treatment could have been called active at q < {alpha:g}: more "
            "replicate wells or controls are needed."
        )
    needed = int(enough.argmax()) + 1
    if needed == 1:
        return f"{smallest}, low enough to call a single treatment active."
    return (
        f"{smallest}; with {len(tested)} tests, at least {count(needed, 'treatment')} must reach "
        "it before any can be called active."
    )


def _rest(tested: pd.DataFrame) -> str:
    rest = int((~tested["active"]).sum())
    if rest == 0 or "n" not in tested:
        return ""
    wells = int(tested["n"].median())
    return (
        f"The other {rest} could not be told from controls with {count(wells, 'well')} each; that "
        "is not evidence that they do nothing."
    )


def _untested_some(rows: pd.DataFrame) -> list[str]:
    missing = rows[rows["q"].isna()]
    if missing.empty:
        return []
    return [
        f"{count(len(missing), 'treatment').capitalize()} could not be tested.",
        *_notes(missing),
    ]
