"""Why something is not on the page, in a biologist's words and from the tables alone."""

from __future__ import annotations

import re

from phenolens.answers.tables import Tables
from phenolens.words import names
from phenolens.words.numbers import count, sentence

UNLABELLED = "no well is labelled with a treatment"
UNCONTROLLED = "the screen has no control wells"
# What the command or a notebook would be told to do about it.
_ADVICE = re.compile(r": (?:say which are|name (?:the|its) column).*", flags=re.DOTALL)
_COLUMN = re.compile(r"'?Metadata_(\w+)'?")
_CLASSES = re.compile(r"No class of '(?:Metadata_)?(\w+)' \((\d+) class(?:es)?\) occurs")


def cause(tables: Tables) -> str:
    """What the plate map lacks for a treatment to be compared with controls, or nothing."""
    if tables.wells is None:
        return ""
    if not tables.treatments:
        return UNLABELLED
    return "" if tables.controls.any() else UNCONTROLLED


def because(tables: Tables) -> str:
    """``, because ...``, to end a sentence with; empty where no cause is known."""
    known = cause(tables)
    return f", because {known}" if known else ""


def own_spread(tables: Tables) -> str:
    """What distances mean where no well of the screen is a control; empty where some are."""
    if tables.wells is None or tables.controls.any():
        return ""
    return (
        "Without control wells there is no untreated state to measure from: the map and the "
        "similarities read in the screen's own spread (standard deviations over all its wells), "
        "and tell only which wells differ from one another."
    )


def plainly(why: str, tables: Tables) -> str:
    """A reason of the study in a reader's words: no columns, settings or short names."""
    said = _COLUMN.sub(lambda found: found[1].replace("_", " ").lower(), _ADVICE.sub("", why))
    for name in tables.representations:
        said = said.replace(f"'{name}'", names.label(name))
    return said


def refusals(tables: Tables, *questions: str) -> str:
    """The study's own reasons for leaving questions open, said once each, as sentences."""
    whys = [
        plainly(str(item.get("why", "")), tables)
        for item in tables.unanswered or []
        if item.get("question") in questions
    ]
    return " ".join(sentence(why) for why in dict.fromkeys(whys) if why)


def unsplit(tables: Tables) -> str:
    """Why wells could not be held out; empty where they were."""
    refused = (tables.splits or {}).get("refused")
    if not isinstance(refused, str) or not refused:
        return ""
    if tables.wells is not None and not tables.treatments:
        return sentence(f"{UNLABELLED}, so there is nothing to recognise")
    return sentence(_CLASSES.sub(_none_occurs, refused))


def _none_occurs(match: re.Match) -> str:
    name, n = match[1].lower(), int(match[2])
    return f"The only {name} does not occur" if n == 1 else f"None of {count(n, name)} occurs"


def unjudged(tables: Tables) -> list[str]:
    """Representations by which no treatment could be tested, each with the table's reason."""
    if tables.activity is None:
        return []
    rows = tables.activity[tables.activity["representation"].isin(tables.real)]
    parts = [(name, part) for name, part in rows.groupby("representation") if len(part)]
    return [_unjudged(name, part) for name, part in parts if part["q"].isna().all()]


def _unjudged(name: str, part: object) -> str:
    notes = part["note"].replace("", None).dropna() if "note" in part else []
    why = f": {notes.mode().iloc[0]}" if len(notes) else ""
    n = count(len(part), "treatment")
    return sentence(f"By {names.spoken(name)} no treatment could be tested ({n}){why}")
