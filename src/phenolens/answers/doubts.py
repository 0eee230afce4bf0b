"""What should be distrusted?"""

from __future__ import annotations

from phenolens.answers.answer import Answer
from phenolens.answers.quality import LOST, flags, lost_cells, of_plates
from phenolens.answers.tables import Tables
from phenolens.words.numbers import count, listed, percent, plural, sentence

QUESTION = "What should be distrusted?"


def answer(tables: Tables) -> Answer:
    """Audit errors and warnings, hits that lost cells, flagged plates, data set aside."""
    faults = [*_findings(tables), *_cells(tables), *_plates(tables), *_set_aside(tables)]
    if tables.audit is None:
        faults.append("The design was not audited, so nothing here is vouched for.")
    if faults:
        short = (
            f"{count(len(faults), 'thing')} to keep in mind before acting on a hit.".capitalize()
        )
        links = [("audit", "Design audit"), ("plates", "Plates"), ("data", "Data integration")]
        return Answer("distrust", QUESTION, short, faults, tone="warn", links=links)
    return Answer(
        "distrust", QUESTION, "The audit raised no error or warning, and no hit lost many cells.",
        links=[("audit", "Design audit")],
    )  # fmt: skip


def findings(tables: Tables, *severities: str) -> list[dict]:
    """Audit findings of these severities, the gravest first."""
    found = [f for f in tables.audit or [] if f.get("severity") in severities]
    return sorted(found, key=lambda f: severities.index(f["severity"]))


def _findings(tables: Tables) -> list[str]:
    return [
        " ".join(sentence(text) for text in (f.get("what", ""), f.get("consequence", "")) if text)
        for f in findings(tables, "error", "warning")
    ]


def _cells(tables: Tables) -> list[str]:
    rows = tables.of_lead(tables.activity)
    if rows is None:
        return []
    active = rows[rows["active"]]
    lost = active[lost_cells(active)].sort_values("cell_count_ratio") if len(active) else active
    if lost.empty:
        return []
    named = [f"{r.Metadata_Treatment} ({percent(r.cell_count_ratio)})" for r in lost.itertuples()]
    return [
        f"{len(lost)} of {count(len(active), 'active treatment')} kept less than {percent(LOST)} "
        f"of their controls' cells and may simply be toxic: {listed(named)}."
    ]


def _plates(tables: Tables) -> list[str]:
    rows = of_plates(tables)
    if rows is None or not flags(rows).any():
        return []
    flagged = rows[flags(rows)].groupby("Metadata_Plate")["flag"].unique()
    named = [f"{plate} ({listed(why, 3)})" for plate, why in flagged.items()]
    plates = rows["Metadata_Plate"].nunique()
    return [f"{len(flagged)} of {plural(plates, 'plate')} flagged: {listed(named, 4)}."]


def _set_aside(tables: Tables) -> list[str]:
    ledger = tables.ledger or {}
    found = []
    if ledger.get("set_aside"):
        n = count(len(ledger["set_aside"]), "image, profile or well", "images, profiles or wells")
        found.append(f"Set aside because they could not be used: {n}.")
    if ledger.get("conflicts"):
        n = count(len(ledger["conflicts"]), "conflicting label")
        found.append(f"{n.capitalize()} in the metadata.")
    return found
