"""Does fusing help: each fusion of the study against its best block, in each of its questions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from phenolens.answers.answer import Answer, State
from phenolens.answers.tables import Tables
from phenolens.findings import Finding, Severity
from phenolens.words import names

TASKS = {
    "activity": "activity",
    "matching": "matching",
    "classification": "classification",
    "nearest-neighbour": "classification",
}
COMPARED = ("metric", "difference", "low", "high", "p_holm", "won", "lost", "n_clusters", "cluster")


def answer(tables: Tables) -> Answer | None:
    """What each fusion gains over its best block, and noise in its place; None without fusions."""
    rows = _fusions(tables)
    if rows is None:
        return None
    details = [found for _, own in rows.groupby(["a", "task"]) for found in _pair(tables, own)]
    details.sort(key=lambda found: names.task_rank(found.about["task"]))
    outcomes: dict[str, list[Finding]] = {"helps": [], "costs": [], "open": [], "alone": []}
    for found in details:
        outcomes[found.values["outcome"]].append(found)
    headline = [
        Finding(f"fusion-{outcome}", "info", {}, {"where": _where(told)})
        for outcome, told in outcomes.items()
        if told
    ]
    state: State = "answered" if not outcomes["costs"] else "doubtful"
    lacking = [task for task in ("activity", "matching", "classification")
               if task not in {found.about["task"] for found in details}]  # fmt: skip
    unasked = [Finding("fusion-not-asked", "info", {}, {"tasks": lacking})] if lacking else []
    return Answer("fusion", state, tuple(headline), (*details, *unasked), ("scores",))


def _fusions(tables: Tables) -> pd.DataFrame | None:
    """Comparisons of fusions with their best block and their controls; None where there is none."""
    if tables.comparisons is None:
        return None
    rows = tables.comparisons
    parts = rows["a"].astype(str).str.split("+")
    fused = [len(of) > 1 and not names.is_noise(a) for a, of in zip(rows["a"], parts, strict=True)]
    rival = [b in of or names.is_noise(b) for b, of in zip(rows["b"], parts, strict=True)]
    rows = rows[pd.Series(fused, index=rows.index) & pd.Series(rival, index=rows.index)]
    return rows if len(rows) else None


def _where(found: list[Finding]) -> list[dict[str, str]]:
    return [{"representation": f.about["representation"], "task": f.about["task"]} for f in found]


def _pair(tables: Tables, rows: pd.DataFrame) -> Iterator[Finding]:
    """One fusion in one question: against its best block, and what noise in its place does."""
    noisy = rows["b"].map(names.is_noise)
    if not (~noisy).any():
        return
    own = rows[~noisy].iloc[0].to_dict()
    values: dict[str, Any] = {name: own.get(name) for name in COMPARED}
    low, high, p = own["low"], own["high"], own["p_holm"]
    taken = _taken(tables, own["a"], TASKS.get(own["task"], own["task"]))
    alone = bool(taken["parts"]) and taken["alone"] == taken["parts"]
    if pd.notna(p) and p < tables.alpha and low > 0:
        outcome = "helps"
    elif pd.notna(p) and p < tables.alpha and high < 0:
        outcome = "costs"
    else:
        outcome = "alone" if alone and own["difference"] == 0 else "open"
    values |= {"outcome": outcome, **taken, "noise": None}
    if noisy.any():
        beside = rows[noisy].iloc[0]
        values["noise"] = {
            "representation": str(beside["b"]),
            **{name: float(beside[name]) for name in ("difference", "low", "high")},
        }
    about = {"representation": own["a"], "against": own["b"], "task": own["task"]}
    severity: Severity = "warning" if outcome == "costs" else "info"
    yield Finding("fusion-beside-best", severity, about, values)


def _taken(tables: Tables, fusion: str, task: str) -> dict[str, Any]:
    """In how many folds or groups the best block was left alone, and what was taken else."""
    shares = tables.table("fusion")
    if shares is None:
        return {"parts": 0, "alone": 0, "blocks": []}
    own = shares[(shares["representation"] == fusion) & (shares["task"] == task)]
    own = own[own["share"] > 0]
    blocks = [
        " + ".join(f"{row.block} {row.share:.2g}" for row in part.itertuples())
        for _, part in own.sort_values("share", ascending=False).groupby("part")
    ]
    single = int(own.groupby("part").size().eq(1).sum()) if len(own) else 0
    return {"parts": len(blocks), "alone": single, "blocks": blocks}
