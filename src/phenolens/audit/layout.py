"""What replication, position and batches allow."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from phenolens.audit.finding import Finding, Screen, listed, number_of
from phenolens.audit.layout_words import in_words
from phenolens.profiles import BATCH, MECHANISM, PLATE, WELL

INTERVAL_WELLS = 3
FIXED_SHARE = 0.1


def check_replicates(screen: Screen) -> Iterable[Finding]:
    """Treatments in one well, in fewer than three, or on one plate."""
    grouped = screen.treated.groupby(screen.label)
    wells, plates = grouped.size(), grouped[PLATE].nunique()
    if len(wells):
        yield _one_well(wells)
        yield from _few_wells(wells)
    if len(wells) or len(screen.plates) == 1:
        yield _one_plate(screen, plates)


def _one_well(wells: pd.Series) -> Finding:
    alone = wells[wells == 1]
    if alone.empty:
        what = f"All {number_of(len(wells), 'treatment')} have two or more wells."
        return Finding("class-is-one-well", "ok", "", what)
    return Finding(
        "class-is-one-well", "error" if len(alone) > len(wells) / 2 else "warning",
        listed(alone.index),
        f"{len(alone)} of {number_of(len(wells), 'treatment')} sit in a single well.",
        "What is learned about such a treatment cannot be told from its well: splitting its fields "
        "or cells puts one well on both sides.",
        "Treat them on more plates; until then they are left out of training and testing.",
    )  # fmt: skip


def _few_wells(wells: pd.Series) -> Iterable[Finding]:
    few = wells[wells < INTERVAL_WELLS]
    if len(few):
        yield Finding(
            "no-well-interval", "error" if len(few) == len(wells) else "warning", listed(few.index),
            f"{len(few)} of {number_of(len(wells), 'treatment')} have fewer than "
            f"{INTERVAL_WELLS} wells.",
            "No interval over wells is possible for them. Fields and cells of one well are no "
            "replicates: what they show is descriptive.",
            f"Give every treatment {INTERVAL_WELLS} wells or more, on different plates.",
        )  # fmt: skip


def _one_plate(screen: Screen, plates: pd.Series) -> Finding:
    count = len(screen.plates)
    if count == 1:
        return Finding(
            "single-plate", "warning", screen.plates[0],
            "The screen is one plate.",
            "Nothing shows that an effect would repeat on another plate.",
            "Add replicate plates, best with another layout.",
        )  # fmt: skip
    alone = plates[plates == 1]
    if alone.empty:
        what = f"Every treatment is on two or more of {count} plates."
        return Finding("no-replicate-plates", "ok", "", what)
    return Finding(
        "no-replicate-plates", "error" if len(alone) == len(plates) else "warning",
        listed(alone.index),
        f"{len(alone)} of {number_of(len(plates), 'treatment')} are on one plate only.",
        "Their effect cannot be told from that plate's, and leave-plate-out cannot test them.",
        "Repeat them on another plate.",
    )  # fmt: skip


def keeping_positions(treated: pd.DataFrame, label: str) -> pd.Series:
    """Whether each replicated treatment keeps its position, or its positions, on all its plates.

    It does where it is on two plates or more and holds no more positions in all than on a single
    one of them: one well at the same place everywhere, or several scattered ones repeated.

    Parameters
    ----------
    treated : DataFrame
        Plain frame, one row a treated well, with ``Metadata_Plate`` and ``Metadata_Well``.
    label : str
        Column of the treatment.

    Returns
    -------
    Series of bool
        By treatment; those in a single well are left out.
    """
    found = treated.groupby(label).agg(
        wells=(WELL, "size"), plates=(PLATE, "nunique"), positions=(WELL, "nunique")
    )
    most = treated.groupby([label, PLATE])[WELL].nunique().groupby(label).max()
    kept = (found["plates"] > 1) & (found["positions"] <= most)
    return kept[found["wells"] > 1]


def layout_is_fixed(kept: pd.Series) -> bool:
    """Whether so many treatments keep their position that it cannot be told from their effect."""
    return bool(len(kept)) and bool(kept.mean() > FIXED_SHARE)


def check_layout(screen: Screen) -> Iterable[Finding]:
    """Replicates that share their location, treatments at one location only, doses side by side."""
    layout = screen.layout
    if why := layout.unasked.get("replicates"):
        if "no treatment" not in why and "no well" not in why:
            what = f"Whether position explains replicates cannot be seen: {why}."
            yield Finding("layout-not-seen", "info", "", what)
    elif not layout.replicates:
        what = "Replicates share no position, block, edge or order beyond what scrambling gives."
        yield Finding("layout-confounded", "ok", "", what)
    findings = [*layout.replicates, layout.elsewhere, layout.doses]
    yield from (in_words(finding) for finding in findings if finding is not None)


def check_batches(screen: Screen) -> Iterable[Finding]:
    """Mechanisms that only one batch has seen."""
    known = screen.treated[screen.treated[MECHANISM].notna() & screen.treated[BATCH].notna()]
    if known[BATCH].nunique() < 2:
        return
    batches = known.groupby(MECHANISM)[BATCH].nunique()
    alone = batches[batches == 1]
    if alone.empty:
        what = f"Every mechanism occurs in two or more of {known[BATCH].nunique()} batches."
        yield Finding("batch-confounded", "ok", "", what)
        return
    asked = known[known[MECHANISM].isin(alone.index)][screen.label].nunique()
    yield Finding(
        "batch-confounded", "warning", listed(alone.index),
        f"{len(alone)} of {number_of(len(batches), 'mechanism')} occur in one batch only "
        f"({number_of(asked, 'treatment')}).",
        "What they share may be their batch; matching across batches cannot ask about them.",
        "Repeat them in another batch, or read the scores that leave them out.",
    )  # fmt: skip
