"""The join ledger, conflicts, and what was set aside."""

from __future__ import annotations

from pathlib import Path

from phenolens.answers.tables import Tables
from phenolens.report.sections import Section, register
from phenolens.words.numbers import number

MOST = 200


def view(tables: Tables) -> dict:
    ledger = tables.ledger
    if ledger is None:
        return {"ledger": None}
    aside = ledger.get("set_aside") or []
    return {
        "ledger": ledger,
        "joins": [_join(join) for join in ledger.get("joins") or []],
        "set_aside": [_texts(item) for item in aside[:MOST]],
        "more": max(len(aside) - MOST, 0),
        "conflicts": [_as_text(item) for item in (ledger.get("conflicts") or [])[:MOST]],
        "counts": [
            (name.replace("_", " "), _count(number))
            for step in (ledger.get("counts") or {}).values()
            for name, number in step.items()
        ],
    }


def _join(join: dict) -> dict:
    keys = [str(key) for key in join.get("unmatched_keys") or []]
    numbers = {k: number(join.get(k)) for k in ("rows", "matched", "unmatched", "duplicates")}
    return numbers | {
        "source": str(join.get("source", "")),
        "unmatched_keys": keys[:20],
        "more": max(len(keys) - 20, 0),
        "note": str(join.get("note") or ""),
        "lost": bool(join.get("unmatched")),
    }


def _texts(item: dict) -> dict:
    names = ("plate", "well", "site", "channel", "file", "reason")
    return {n: "" if item.get(n) is None else str(item[n]) for n in names}


def _as_text(item: object) -> str:
    if not isinstance(item, dict):
        return str(item)
    shown = {k: ", ".join(map(str, v)) if isinstance(v, list) else v for k, v in item.items()}
    return "; ".join(f"{k}: {v}" for k, v in shown.items() if v not in (None, ""))


def _count(value: object) -> str:
    return number(value) if isinstance(value, int | float) else str(value)


register(
    Section(
        key="data",
        title="Data integration",
        order=120,
        view=view,
        template=Path(__file__).with_suffix(".html"),
    )
)
