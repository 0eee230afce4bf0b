"""What should be doubted?"""

from __future__ import annotations

from collections.abc import Iterator

from phenolens.answers.answer import Answer
from phenolens.answers.quality import LOST, flagged, flags, lost_cells, of_plates
from phenolens.answers.tables import Tables
from phenolens.findings import Finding


def answer(tables: Tables) -> Answer:
    """Audit errors and warnings, hits that lost cells, flagged plates, data set aside."""
    doubts = [*audited(tables, "error", "warning"), *_cells(tables), *_plates(tables)]
    doubts += [*_set_aside(tables)]
    if tables.audit is None:
        doubts.append(Finding("doubts-not-audited", "warning"))
    if not doubts:
        return Answer("doubts", "answered", (Finding("doubts-none", "ok"),), evidence=("audit",))
    counted = Finding("doubts-some", "warning", {}, {"doubts": len(doubts)})
    return Answer("doubts", "doubtful", (counted,), tuple(doubts), ("audit", "plates", "data"))


def audited(tables: Tables, *severities: str) -> list[Finding]:
    """Audit findings of these severities, the gravest first."""
    found = [one for one in tables.audit or [] if one.severity in severities]
    return sorted(found, key=lambda one: severities.index(one.severity))


def doubted(tables: Tables) -> dict[str, list[Finding]]:
    """By representation: what every number of it must be read with."""
    found: dict[str, list[Finding]] = {}
    for one in audited(tables, "error", "warning"):
        if one.code in ("agreement-jumps", "training-unknown"):
            found.setdefault(one.about["representation"], []).append(one)
    return found


def _cells(tables: Tables) -> Iterator[Finding]:
    rows = tables.of_lead(tables.activity)
    active = None if rows is None else rows[rows["active"]]
    if active is None or not lost_cells(active).any():
        return
    lost = active[lost_cells(active)].sort_values("cell_count_ratio")
    named = [
        {"treatment": row.Metadata_Treatment, "kept": row.cell_count_ratio}
        for row in lost.itertuples()
    ]
    values = {"treatments": named, "active": len(active), "limit": LOST}
    yield Finding("doubts-cells-lost", "warning", {}, values)


def _plates(tables: Tables) -> Iterator[Finding]:
    rows = of_plates(tables)
    if rows is None or not flags(rows).any():
        return
    values = {"flagged": flagged(rows), "plates": int(rows["Metadata_Plate"].nunique())}
    yield Finding("doubts-plates-flagged", "warning", {}, values)


def _set_aside(tables: Tables) -> Iterator[Finding]:
    ledger = tables.ledger or {}
    for name in ("set_aside", "conflicts"):
        if ledger.get(name):
            code = f"doubts-{name.replace('_', '-')}"
            yield Finding(code, "warning", {}, {"items": len(ledger[name])})
