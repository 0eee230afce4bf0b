"""Which treatments are active?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from phenolens.answers.answer import Answer, State
from phenolens.answers.reasons import cause, notes
from phenolens.answers.tables import Tables
from phenolens.answers.treatments import best_first
from phenolens.evaluate.activity.control_check import LEVEL, certifies
from phenolens.findings import Finding, Severity
from phenolens.profiles import TREATMENT

MOST_NAMED = 10


def answer(tables: Tables) -> Answer:
    """Number, share with interval, and names of the active treatments of the lead."""
    rows = tables.of_lead(tables.activity)
    if rows is None:
        why = Finding("active-none-tested", "warning", {}, {"cause": cause(tables)})
        return Answer("active", "open", (why,))
    tested = rows[rows["q"].notna()]
    if tested.empty:
        none = Finding("active-none-testable", "warning", {}, {"treatments": len(rows)})
        return Answer("active", "open", (none,), tuple(_notes(rows)))
    ranked = best_first(tested, features=tables.features)
    active = ranked[ranked["active"].astype(bool)]
    share, checks, position = no_single_hit(tables), checks_of(tables), by_position(tested)
    details: list[Finding] = []
    if share is None:
        headline = _share(tables, rows)
        details += [*_strongest(active), *_plain_test(tables, tested)]
        details += [*_smallest_p(tested, tables.alpha), *_others(tested)]
    else:
        headline = share
        ranked = tested.sort_values(["p", "map"], ascending=[True, False])[TREATMENT]
        named = {"treatments": ranked.tolist(), "most": MOST_NAMED}
        details += [Finding("active-farthest", "info", {}, named), *_plain_test(tables, tested)]
    details += [*checks, *_untested(rows), *_common_note(tested)]
    found = [headline, *([position] if position else [])]
    called = any(check.severity == "warning" for check in checks)
    state: State = "doubtful" if called or share or position else "answered"
    evidence = ("hits", "activity", *(["similar"] if share else []))
    return Answer("active", state, tuple(found), tuple(details), evidence)


def no_single_hit(tables: Tables) -> Finding | None:
    """What ``share_active.parquet`` says of the lead; None where single hits could be named."""
    rows, tested = tables.of_lead(tables.share_active), tables.of_lead(tables.activity)
    if rows is None:
        return None
    smoothed = None
    if tested is not None and "q_smooth" in tested and tested["q_smooth"].notna().any():
        smoothed = int((tested["q_smooth"] < tables.alpha).sum())
    return share_of(rows.iloc[0].to_dict(), alpha=tables.alpha, called_smoothed=smoothed)


def share_of(
    row: Mapping[str, Any], *, alpha: float, called_smoothed: int | None = None
) -> Finding:
    """A row of ``share_active.parquet`` as a finding."""
    values = {name: value for name, value in row.items() if name != "representation"}
    values |= {"alpha": alpha, "called_smoothed": called_smoothed}
    about = {"representation": row["representation"]}
    return Finding("active-no-single-hit", "warning", about, values)


def checks_of(tables: Tables) -> list[Finding]:
    """The control checks of the test that the lead's treatments were tested by."""
    rows, tested = (tables.of_lead(t) for t in (tables.control_check, tables.activity))
    if rows is None or tested is None or "test" not in tested:
        return []
    mine = rows[rows["test"].isin(tested["test"].unique())]
    once = mine.drop_duplicates([name for name in mine if name != "part"])
    checks = once.to_dict("records")
    sound = all(map(certifies, checks))
    return [_checked(check, sound=sound) for check in checks]


def _checked(check: dict[str, Any], *, sound: bool) -> Finding:
    """A control check as a finding; `sound` where all checks of the test certify it."""
    about = {"representation": check.pop("representation")}
    severity: Severity = "warning" if check["outcome"] == "calls-controls" else "info"
    return Finding("control-check", "ok" if sound else severity, about, check)


def by_position(tested: pd.DataFrame) -> Finding | None:
    """How many of the active, or of the tested, position could explain; None for none."""
    among = tested[tested["active"]] if tested["active"].any() else tested
    marked = int((among["position"] != "").sum()) if "position" in among else 0
    counts = {"marked": marked, "among": len(among)}
    return Finding("active-by-position", "warning", {}, counts) if marked else None


def scored(tables: Tables, metric: str) -> pd.Series | None:
    """The lead's pooled score of a metric of activity, or None."""
    rows = tables.of_lead(tables.results)
    if rows is None:
        return None
    mine = (rows["task"] == "activity") & (rows["metric"] == metric)
    mine &= rows["fold"].astype(str) == "all"
    return rows[mine].iloc[0] if mine.any() else None


def position_safe(rows: pd.DataFrame) -> bool:
    """Whether treatments were tested against control positions, because the layout is fixed."""
    return "test" in rows and bool(rows["test"].eq("position-safe").any())


def _share(tables: Tables, rows: pd.DataFrame) -> Finding:
    tested = rows[rows["q"].notna()]
    row = scored(tables, "fraction_active")
    values: dict[str, Any] = {
        "active": int(tested["active"].sum()),
        "tested": len(tested),
        "untested": len(rows) - len(tested),
        "low": None if row is None else row["low"],
        "high": None if row is None else row["high"],
        "alpha": tables.alpha,
    }
    return Finding("active-share", "info", {"representation": tables.lead}, values)


def _strongest(active: pd.DataFrame) -> Iterator[Finding]:
    """The active treatments, strongest first; of many that share the first place, some."""
    if active.empty:
        return
    first = active.iloc[0]
    tied = active[(active["q"] == first["q"]) & (active["map"] == first["map"])]
    values = {"tied": len(tied), "map": first["map"], "most": MOST_NAMED}
    values["treatments"] = active[TREATMENT].tolist()
    yield Finding("active-strongest", "info", {}, values)


def _plain_test(tables: Tables, tested: pd.DataFrame) -> Iterator[Finding]:
    """What the usual test would have said, and how often it calls controls active."""
    if not position_safe(tested):
        return
    checks = tables.of_lead(tables.control_check)
    counts = dict.fromkeys(("treatments_called", "treatments", "called", "groups"), 0)
    if checks is not None and (checks["test"] == "label-permutation").any():
        plain = checks[checks["test"] == "label-permutation"].iloc[0]
        counts = {name: int(plain[name]) for name in counts}
    yield Finding("active-against-positions", "info", {}, counts | {"level": LEVEL})


def _smallest_p(tested: pd.DataFrame, alpha: float) -> Iterator[Finding]:
    """Whether this design could reject at all (Benjamini-Hochberg over discrete p-values)."""
    floors = np.sort(tested["p_attainable"].dropna().to_numpy())
    if len(floors) == 0:
        return
    enough = floors * len(tested) / np.arange(1, len(floors) + 1) <= alpha
    needed = int(enough.argmax()) + 1 if enough.any() else 0
    values = {"smallest": float(floors[0]), "needed": needed, "tests": len(tested), "alpha": alpha}
    yield Finding("active-smallest-p", "info" if needed else "warning", {}, values)


def _others(tested: pd.DataFrame) -> Iterator[Finding]:
    rest = int((~tested["active"]).sum())
    if rest and "n" in tested:
        values = {"treatments": rest, "wells": int(tested["n"].median())}
        yield Finding("active-others", "info", {}, values)


def _untested(rows: pd.DataFrame) -> Iterator[Finding]:
    missing = rows[rows["q"].isna()]
    if len(missing):
        yield Finding("active-untested", "info", {}, {"treatments": len(missing)})
        yield from _notes(missing)


def _notes(rows: pd.DataFrame) -> Iterator[Finding]:
    """The notes of treatments, each with how many carry it."""
    for values in notes(rows):
        yield Finding("active-noted", "info", {}, values | {"of": len(rows)})


def _common_note(tested: pd.DataFrame) -> Iterator[Finding]:
    """A note that all tested treatments carry."""
    if "note" in tested and tested["note"].fillna("").nunique() == 1:
        yield from (Finding("active-noted-all", "info", {}, values) for values in notes(tested)[:1])
