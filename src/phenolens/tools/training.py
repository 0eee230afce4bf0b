"""What profiles made elsewhere were trained on, and what of them may therefore be scored.

Whoever made them knows; a person says it (`Told`), and it becomes their card. Wells whose labels
they learned from are taken out, and treatments whose labels they saw are judged by nobody but a
classifier of other wells: what holds for our own networks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from phenolens import profiles
from phenolens.audit.audited import AuditedBlock
from phenolens.errors import ConfigError, InputError, LeakError, did_you_mean
from phenolens.findings import Finding
from phenolens.io.cards import UNSAID
from phenolens.normalize.harmony import refuse_marked
from phenolens.profiles import COMPOUND, PLATE, TREATMENT, WELL, well_name
from phenolens.query import evaluate_query
from phenolens.represent.base import ALL, Card
from phenolens.splits.folds import Folds
from phenolens.tools.block import NOBODY, TRAINING_UNKNOWN, Block

UNKNOWN, NOTHING, OTHER = "unknown", "nothing", "other data"
EVERY, NONE = "all", "none"
UNSEEN = "labels-unseen"


@dataclass(frozen=True)
class Told:
    """What a person says of how profiles were made.

    Attributes
    ----------
    trained_on : str or sequence of str, optional
        Plates, or wells as ``plate/well``; a query for wells; or ``nothing``, ``other data``,
        ``unknown``.
    labels_seen : str or sequence of str, optional
        Treatments or compounds; or ``all``, ``none``, ``unknown``.
    licence, url : str
        Of what made them, and where it is described.
    spelled : callable
        From the name of a setting to how an error spells it.
    """

    trained_on: str | Sequence[str] | None = None
    labels_seen: str | Sequence[str] | None = None
    licence: str = ""
    url: str = ""
    spelled: Callable[[str], str] = str


def told_by(
    card: Mapping[str, Any] | None, told: Told, *, source: str, wells: pd.DataFrame
) -> Told:
    """What a person says, or the card that came with a table instead of it.

    Parameters
    ----------
    card : mapping, optional
        See :mod:`phenolens.io.cards`.
    told : Told
    source : str
        What the table is called in errors.
    wells : DataFrame
        Every well of the screen, metadata in columns.

    Raises
    ------
    ConfigError
        If both say it, or of several files one has no card and nobody says it.
    """
    silent = told.trained_on is None and told.labels_seen is None
    if card is None:
        return told
    if (unsaid := card.get(UNSAID)) and silent:
        raise ConfigError(
            f"{source}: a file says what its features learned from, and {unsaid} does not; say "
            f"{told.spelled('trained_on')} and {told.spelled('labels_seen')} for all of them."
        )
    if not silent:
        if unsaid:
            return told
        raise ConfigError(
            f"{source} says itself what its features learned from (its card names "
            f"{len(card['trained_on'])} wells); leave {told.spelled('trained_on')} and "
            f"{told.spelled('labels_seen')} out."
        )
    keys = wells[PLATE].astype(str) + "/" + wells[WELL].astype(str)
    trained_on = sorted(set(card["trained_on"]) & set(keys))
    nothing = card["learns"] == "nothing" and not card["weights"]
    seen = set()
    if card["learns"] == "labels":
        named = [wells[column] for column in (TREATMENT, COMPOUND) if column in wells]
        seen = {str(n) for one in named for n in one.dropna()} & set(card["labels_seen"])
        # what the wells are called here, whatever they were called when it learned
        shown = named[0][keys.isin(trained_on)] if named else pd.Series(dtype=object)
        seen |= set(shown.dropna().astype(str))
    unknown = card.get("unknown", ())
    elsewhere = None if "trained_on" in unknown else NOTHING if nothing else OTHER
    return replace(
        told,
        trained_on=trained_on or elsewhere,
        labels_seen=sorted(seen) or (None if "labels_seen" in unknown else NONE),
        licence=told.licence or card["licence"],
        url=told.url or card.get("url", ""),
    )


def given_block(
    name: str,
    rows: pd.DataFrame,
    *,
    told: Told,
    kind: str,
    normalized: bool,
    wells: pd.DataFrame,
) -> Block:
    """The block of profiles made elsewhere, less the wells whose labels they learned from.

    Parameters
    ----------
    name : str
    rows : DataFrame
        Profile table, one row a well.
    told : Told
    kind : str
        ``measured``, ``unsupervised``, ``supervised``, ``pretrained``; empty where nothing says.
    normalized : bool
        Whether they are scaled on controls already.
    wells : DataFrame
        Every well of the screen, metadata in columns.

    Raises
    ------
    ConfigError
        If what was said names no plate, well or treatment of the screen.
    LeakError
        If no treated well is left, or the table says that it is not for scoring.
    """
    refuse_marked(rows, name)
    card = card_of(name, told, kind=kind, normalized=normalized, wells=wells)
    block = Block(name, {ALL: rows}, {ALL: card}, calibrated=normalized)
    return held_out(block) if card.learns == "labels" else block


def card_of(name: str, told: Told, *, kind: str, normalized: bool, wells: pd.DataFrame) -> Card:
    """The card of profiles made elsewhere; see :func:`given_block`."""
    # What CellProfiler measured has learned nothing; of all else nobody knows until it is said.
    silent = NOTHING if kind == "measured" else UNKNOWN
    said = silent if told.trained_on is None else told.trained_on
    trained_on = _wells_named(said, told.spelled("trained_on"), wells)
    blind = said in (NOTHING, OTHER) or kind == "unsupervised"
    labels = (NONE if blind else UNKNOWN) if told.labels_seen is None else told.labels_seen
    seen = _treatments_named(labels, told.spelled("labels_seen"), wells)
    if told.trained_on == NOTHING and seen:
        raise ConfigError(
            f"{told.spelled('trained_on')} = {NOTHING!r}, and {told.spelled('labels_seen')} names "
            f"labels: what learned from nothing saw none. Say what it was trained on: {OTHER!r}, "
            "where that was another screen."
        )
    unknown = {"trained_on": said == UNKNOWN, "labels_seen": labels == UNKNOWN}
    by_label = bool(seen) or (labels == UNKNOWN and bool(trained_on))
    return Card(
        name,
        "well",
        (),
        learns="labels" if by_label else "pixels" if trained_on else "nothing",
        kind=kind,
        preprocessing={"given": True, "normalized": normalized},
        licence=told.licence,
        url=told.url,
        trained_on=trained_on,
        labels_seen=seen,
        unknown=tuple(what for what, holds in unknown.items() if holds),
    )


def _wells_named(said: str | Sequence[str], setting: str, wells: pd.DataFrame) -> tuple[str, ...]:
    """``plate/well`` of the wells that were trained on, sorted."""
    if said in (UNKNOWN, NOTHING, OTHER):
        return ()
    if not said:
        raise ConfigError(f"{setting} is empty; choose {NOTHING!r}, {OTHER!r} or {UNKNOWN!r}.")
    plates = wells[PLATE].astype(str)
    keys = plates + "/" + wells[WELL].astype(str)
    if isinstance(said, str) and said not in set(plates) and _canonical(said) not in set(keys):
        try:
            rows = evaluate_query(wells, said, setting)
        except InputError as error:
            raise ConfigError(
                f"{error} {setting} lists plates, or wells as 'plate/well'; or is a query for "
                f"wells, or one of {UNKNOWN!r}, {NOTHING!r}, {OTHER!r}."
            ) from None
        if not rows.any():
            raise ConfigError(f"{setting} = {said!r} selects no well of this screen.")
        return tuple(sorted(keys[rows]))
    found: set[str] = set()
    for name in [said] if isinstance(said, str) else said:
        if name == OTHER:
            continue
        here = (plates == name) | (keys == _canonical(name))
        if not here.any():
            raise ConfigError(
                f"{setting}: this screen has no plate or well {name!r}"
                f"{did_you_mean(name, plates.unique())} Plates of another screen are "
                f"{OTHER!r}."
            )
        found |= set(keys[here])
    return tuple(sorted(found))


def _canonical(name: str) -> str:
    plate, _, well = name.rpartition("/")
    try:
        return f"{plate}/{well_name(well)}"
    except InputError:
        return name


def _treatments_named(
    said: str | Sequence[str], setting: str, wells: pd.DataFrame
) -> tuple[str, ...]:
    """Treatments whose labels were seen, sorted."""
    if said in (UNKNOWN, NONE):
        return ()
    if not said:
        raise ConfigError(f"{setting} is empty; choose {NONE!r}, {EVERY!r} or {UNKNOWN!r}.")
    blank = pd.Series(None, index=wells.index, dtype=object)
    names = [wells.get(column, blank).astype("string") for column in (TREATMENT, COMPOUND)]
    if said == EVERY:
        return tuple(sorted(names[0].dropna().unique()))
    found: set[str] = set()
    for name in [said] if isinstance(said, str) else said:
        here = (names[0] == name).fillna(False) | (names[1] == name).fillna(False)
        if not here.any():
            known = pd.concat(names).dropna().unique()
            raise ConfigError(
                f"{setting}: this screen has no treatment or compound {name!r}"
                f"{did_you_mean(name, known)} It lists those of this screen, or is {EVERY!r}, "
                f"{NONE!r} or {UNKNOWN!r}."
            )
        found |= set(names[0][here].dropna())
    return tuple(sorted(found))


def held_out(block: Block) -> Block:
    """A block that learned labels, as far as it may be scored.

    Wells that it learned from are taken out. Where treatments on the other wells are among those
    whose labels it saw, ``unseen`` names the rest, which alone are judged; held-out wells of all
    can be classified.

    Raises
    ------
    LeakError
        If no treated well is left.
    """
    rows, (card,) = block.wells, block.cards.values()
    keep = ~np.isin(profiles.well_names(rows), card.trained_on)
    left = profiles.take(rows, keep)
    if not len(left) or profiles.is_control(left).all():
        values = {"wells": int((~keep).sum()), "labels": bool(card.labels_seen)}
        if card.kind == "fusion":
            raise LeakError(
                Finding("fused-on-everything", "error", {"representation": block.name}, values)
            )
        raise LeakError(
            Finding("trained-on-all-wells", "error", {"representation": block.name}, values)
        )
    notes = {"trained_here": int((~keep).sum())} if not keep.all() else {}
    block = replace(block, tables={ALL: left}, notes=block.notes | notes)
    named = _treatments(left)
    unseen = sorted(named - set(card.labels_seen))
    if len(unseen) == len(named):
        return block
    group = UNSEEN if unseen else NOBODY
    return replace(block, tables={ALL: left, group: left}, unseen={group: tuple(unseen)})


def _treatments(rows: pd.DataFrame) -> set[str]:
    if TREATMENT not in rows.index.names:
        return set()
    treated = profiles.column(rows, TREATMENT)[~profiles.is_control(rows)]
    return {str(name) for name in treated if pd.notna(name)}


def training_findings(block: Block) -> list[Finding]:
    """What a reader of any number of a representation must know of how it came to be.

    Parameters
    ----------
    block : Block
        Of a fusion, the part that a finding is of is in its values.
    """
    found, about = [], {"representation": block.name}
    for card in block.cards_of(ALL):
        if card.unknown:
            unknown = {"of": card.name, "unknown": list(card.unknown)}
            found.append(Finding(TRAINING_UNKNOWN, "warning", about, unknown))
        if card.preprocessing.get("given") and card.trained_on:
            values = {"of": card.name, "wells": len(card.trained_on), "learns": card.learns}
            found.append(Finding("trained-on-wells", "info", about, values))
    return found


def folds_held_out(folds: Folds, block: Block) -> Folds:
    """The folds, less the test of wells that profiles made elsewhere were trained on.

    Those wells may still train a readout: what is asked is whether the others are told.

    Raises
    ------
    LeakError
        If they were trained on every well that a fold tests.
    """
    given = [card for card in block.cards_of(ALL) if card.preprocessing.get("given")]
    seen = [name for card in given for name in card.trained_on]
    table = folds.table
    names = table[PLATE].astype(str) + "/" + table[WELL].astype(str)
    lost = (table["fold"] >= 0) & names.isin(seen)
    if not lost.any():
        return folds
    if lost.sum() == (table["fold"] >= 0).sum():
        about, values = {"representation": block.name}, {"wells": int(lost.sum()), "labels": False}
        raise LeakError(Finding("trained-on-all-wells", "error", about, values))
    changed = table.assign(
        fold=table["fold"].mask(lost, -1), reason=table["reason"].mask(lost, "trained-on-well")
    )
    return replace(folds, table=changed)


def audited_block(block: Block) -> AuditedBlock:
    """The block as a check looks at it; what was said of its training needs no check."""
    cards = block.cards_of(ALL)
    return AuditedBlock(
        block.name,
        block.wells,
        measured=bool(cards) and all(card.kind == "measured" for card in cards),
        made_elsewhere=block.made_elsewhere and not any(card.trained_on for card in cards),
    )
