"""One treatment at a time: what was asked of it, and what came out, as a piece of a page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

import pandas as pd
from markupsafe import Markup

from phenolens import words
from phenolens.answers.quality import LOST
from phenolens.answers.tables import Tables
from phenolens.answers.treatments import Treatment
from phenolens.profiles import CELL_COUNT, COMPOUND, MECHANISM, PLATE, TREATMENT, WELL
from phenolens.report import colours, stills
from phenolens.report.environment import environment
from phenolens.words import names
from phenolens.words.activity import scored
from phenolens.words.changes import compartment, described, how, stain
from phenolens.words.numbers import (
    NONE,
    fixed,
    interval,
    missing,
    natural,
    number,
    p_value,
    percent,
    plural,
)

GROUPS, NEAR, LOOKED = 6, 10, 3
FULL = 100  # of so many treatments every one has a whole panel; of more, those that are active
PICTURES = 6_000_000  # characters of pictures in the panels of one page, the best hits' first
SAME = {True: "shared", False: "none shared", None: NONE}
NO_EFFECT = "not separated from controls"


class Panels:
    """The panels of a study, made when they are asked for.

    Parameters
    ----------
    tables : Tables
        A study folder; whatever is missing is left out of the panels.
    anchors : mapping of str to str, optional
        An id for each treatment, which its panel carries and links lead to. By default ``t0``,
        ``t1``, ... in the order of :attr:`names`.

    Examples
    --------
    >>> from pathlib import Path
    >>> from phenolens.answers.tables import Tables
    >>> Panels(Tables(Path("an-empty-folder"))).names
    []
    """

    def __init__(self, tables: Tables, anchors: Mapping[str, str] | None = None) -> None:
        self.tables = tables
        self._given = anchors

    @cached_property
    def names(self) -> list[str]:
        """Treatments that have a panel, in alphabetical order: tested ones, and those of wells."""
        tested = {one.name for one in self.tables.ranked}
        return sorted(tested | set(map(str, self.tables.treatments)), key=lambda n: (natural(n), n))

    @cached_property
    def anchors(self) -> dict[str, str]:
        """The id of each treatment's panel."""
        given = self._given
        return {
            name: f"t{i}" if given is None else given[name] for i, name in enumerate(self.names)
        }

    @cached_property
    def order(self) -> list[str]:
        """The same treatments, best first; those that were not tested last."""
        ranked = [one.name for one in self.tables.ranked]
        return ranked + [name for name in self.names if name not in set(ranked)]

    def state(self, name: str) -> str:
        """``active``, ``not separated from controls`` or ``not tested``."""
        one = self._ranked.get(name)
        if one is None or not one.tested:
            return "not tested"
        return "active" if one.active else NO_EFFECT

    def whole(self, name: str) -> bool:
        """Whether the page has a whole panel of it, or a line."""
        return len(self.names) <= FULL or self.state(name) == "active"

    def on_page(self, *, pictures: bool) -> Iterator[dict[str, Any]]:
        """Each treatment as the page has it, best first: ``html`` of its panel, or None for a line.

        Pictures of treatments that are not active are left out, and of hits beyond the room that
        one page has for them; ``left_out`` says so.
        """
        room = PICTURES if pictures else 0
        for name in self.order:
            shown: list[stills.Still] = []
            hit = self.state(name) == "active"
            if pictures and hit and room > 0:
                shown = self.stills(name)
                room -= sum(len(still.uri) for still in shown)
            html = self._html(name, shown) if self.whole(name) else None
            left_out = pictures and hit and not shown and self._pictured(name)
            yield self.line(name) | {"html": html, "left_out": left_out}

    def _pictured(self, name: str) -> bool:
        return any(self._of(table, name) is not None for table in ("exemplars", "stills"))

    def html(self, name: str, *, pictures: bool = True) -> str:
        """The panel of one treatment as a fragment of HTML: ``<article class="panel" ...>``.

        Parameters
        ----------
        name : str
            A treatment of :attr:`names`.
        pictures : bool
            Whether its pictures are in it, as JPEG within the text. Without them the fragment is a
            few kilobytes.

        Returns
        -------
        str
            Names from files are text in it, never markup. Links to other treatments carry
            ``data-treatment``, links to wells ``data-plate`` and ``data-well``.

        Raises
        ------
        KeyError
            If no treatment has that name.
        """
        return self._html(name, self.stills(name) if pictures else [])

    def _html(self, name: str, shown: list[stills.Still]) -> str:
        template = environment().get_template("panel.html")
        return Markup(template.render(panel=self.view(name), stills=shown, anchors=self.anchors))

    def stills(self, name: str) -> list[stills.Still]:
        """Pictures of the treatment beside controls, and where the network looked."""
        return [
            *stills.beside_controls(self._of("exemplars", name), self.tables.pictures),
            *stills.beside_controls(self._of("stills", name), self.tables.small_pictures),
            *stills.looked_at(
                self._of("attention", name, by="shown_for"), self.tables.attention_pictures
            ),
        ]

    def view(self, name: str) -> dict[str, Any]:
        """What the template shows of one treatment."""
        one = self._ranked.get(name)
        row = one.row if one else {}
        anchor = self.anchors[name]
        asked = {
            "rows": self._activity(name),
            "cells": _cells(row),
            "place": self._place(name, row),
            "near": self._near(name),
            "mechanism": self._mechanism(self._fact(name, MECHANISM)),
            "dose": self._dose(self._fact(name, COMPOUND)),
            "changed": self._changed(name),
            "looked": self._looked(name),
        }
        return asked | {
            "anchor": anchor,
            "name": name,
            "facts": [*self._facts(name)],
            "state": self.state(name),
            "lead": names.label(self.tables.lead) if self.tables.lead else "",
            "alpha": self.tables.alpha,
            "first": None if one is None else scored(one.row),
            "doubts": words.noted(" ".join(one.doubts), **row) if one else "",
            "wells": self._wells(name),
        }

    def line(self, name: str) -> dict[str, Any]:
        """What is said of a treatment in one line."""
        one = self._ranked.get(name)
        return {
            "anchor": self.anchors[name],
            "name": name,
            "state": self.state(name),
            "first": None if one is None else scored(one.row),
            "wells": self._wells(name),
            "near": self._near(name)[:1],
        }

    @cached_property
    def _ranked(self) -> dict[str, Treatment]:
        return {one.name: one for one in self.tables.ranked}

    @cached_property
    def _parts(self) -> dict[tuple[str, str], dict[str, pd.DataFrame]]:
        return {}

    def _of(self, table: str, name: str, *, by: str = TREATMENT) -> pd.DataFrame | None:
        """The rows of a table that are about a treatment, or about what `by` names; or None."""
        key = (table, by)
        if key not in self._parts:
            rows = self.tables.table(table)
            if rows is None or by not in rows:
                self._parts[key] = {}
            else:
                self._parts[key] = {str(value): part for value, part in rows.groupby(by)}
        return self._parts[key].get(name)

    def _fact(self, name: str, column: str) -> Any:
        """What the plate map, or the table of activity, says of it in a column; or None."""
        for rows in (self._of("wells", name), self._of("activity", name)):
            if rows is not None and column in rows and rows[column].notna().any():
                return rows[column].dropna().iloc[0]
        return None

    def _facts(self, name: str) -> Iterator[tuple[str, str]]:
        """What the plate map says of it beside its name."""
        columns = {COMPOUND: "Compound", MECHANISM: "Mechanism", "Metadata_Target": "Target"}
        for column, called in columns.items():
            value = self._fact(name, column)
            if value is not None and str(value) != name:
                yield called, str(value).replace("|", ", ")

    def _activity(self, name: str) -> list[dict]:
        """Its test in every representation, the lead first."""
        rows = self._of("activity", name)
        if rows is None:
            return []
        palette = colours.palette(self.tables)
        known = rows.set_index("representation")
        return [
            {
                "representation": names.label(which),
                "colour": palette.get(which, colours.GREY),
                "map": fixed(known.at[which, "map"]),
                "between": interval(known.at[which, "low"], known.at[which, "high"], of=fixed),
                "chance": fixed(known["map_chance"].get(which)) if "map_chance" in known else NONE,
                "q": p_value(known.at[which, "q"]),
                "floor": p_value(known.at[which, "p_attainable"]),
                "wells": number(int(known.at[which, "n"])),
                "active": bool(_yes(known.at[which, "active"])),
            }
            for which in self.tables.studied
            if which in known.index
        ]

    def _place(self, name: str, row: Mapping[str, Any]) -> dict | None:
        """Whether its position could explain it, and whether its wells are alike elsewhere too."""
        if not row:
            return None
        rows = self._of("retrieval", name)
        elsewhere = []
        if rows is not None:
            mine = rows[rows["representation"] == self.tables.lead]
            elsewhere = [
                {
                    "place": names.place(one.across),
                    "all": fixed(one.map_normalized),
                    "there": fixed(one.map_across_normalized),
                }
                for one in mine.itertuples()
            ]
        codes = row.get("position")
        return {
            "safe": row.get("test") == "position-safe",
            "could": isinstance(codes, str) and bool(codes),
            "elsewhere": elsewhere,
        }

    def _near(self, name: str) -> list[dict]:
        """Its nearest treatments, each with whether it is itself active."""
        rows = self._of("similarity", name)
        if rows is None:
            return []
        mine = rows[rows["representation"] == self.tables.lead].nsmallest(NEAR, "rank")
        return [
            {
                "name": str(one.neighbour),
                "cosine": fixed(one.cosine),
                "same": SAME[_yes(one.same_mechanism)],
                "q": p_value(self._ranked[one.neighbour].row["q"])
                if one.neighbour in self._ranked
                else NONE,
                "state": self.state(str(one.neighbour)),
            }
            for one in mine.itertuples()
        ]

    def _mechanism(self, label: Any) -> dict | None:
        rows = None if missing(label) else self._of("matching", str(label), by="label")
        mine = None if rows is None else rows[rows["representation"] == self.tables.lead]
        if mine is None or mine.empty:
            return None
        row = mine.iloc[0]
        return {
            "label": str(label).replace("|", ", "),
            "n": plural(int(row["n"]), "treatment"),
            "score": fixed(row["map_normalized"]),
            "q": p_value(row["q"]),
            "found": bool(row["q"] < self.tables.alpha),
        }

    def _dose(self, compound: Any) -> dict | None:
        rows = None if missing(compound) else self._of("dose", str(compound), by=COMPOUND)
        mine = None if rows is None else rows[rows["representation"] == self.tables.lead]
        if mine is None or mine.empty:
            return None
        row = mine.iloc[0]
        reached, closed = (row[end] < float("inf") for end in ("benchmark_dose", "high"))
        return {
            "compound": str(compound),
            "doses": plural(int(row["doses"]), "dose"),
            "dose": number(row["benchmark_dose"]) if reached else "",
            "between": interval(row["low"], row["high"]) if reached and closed else "",
            "q": p_value(row["q"]),
            "order": row["order"],
            "lost": "" if missing(row["cell_loss_dose"]) else number(row["cell_loss_dose"]),
        }

    def _changed(self, name: str) -> dict | None:
        """Groups of features in words and numbers; single features where there are no groups."""
        groups = self._of("feature_groups", name)
        if groups is not None:
            first = groups[groups["representation"] == groups["representation"].iloc[0]]
            called = first[first["direction"] != ""].sort_values("rank")
            return {
                "said": described(called.to_dict("records"), most=GROUPS),
                "called": f"{len(called)} of {plural(len(first), 'group')}",
                "rows": [_group(row) for row in called.head(GROUPS).itertuples()],
                "features": self._features(name),
            }
        features = self._features(name)
        return {"said": "", "called": "", "rows": [], "features": features} if features else None

    def _features(self, name: str) -> list[tuple[str, str]]:
        one = self._ranked.get(name)
        return [(feature, fixed(effect, 1)) for feature, effect in one.features] if one else []

    def _looked(self, name: str) -> dict | None:
        """Where the network looked more than the area gives, and whether features agree."""
        rows = self._of("activation_compartments", name)
        if rows is None or "withheld_because" in (self.tables.activation or {}):
            return None
        agreed = self._of("agreement", name)
        return {
            "rows": [
                {
                    "where": row.compartment,
                    "stain": "" if row.stain == "all" else stain(row.stain),
                    "enrichment": fixed(row.enrichment),
                    "between": interval(row.low, row.high, of=fixed),
                    "p": p_value(row.p_adjusted),
                }
                for row in rows.nsmallest(LOOKED, "rank").itertuples()
            ],
            "features": "" if agreed is None else _agreed(agreed.iloc[0]),
        }

    def _wells(self, name: str) -> list[dict]:
        """Plate by plate, its wells with their cells."""
        rows = self._of("wells", name)
        if rows is None:
            return []
        counts = rows[CELL_COUNT].map(number) if CELL_COUNT in rows else [""] * len(rows)
        found: dict[str, list[tuple[str, str]]] = {}
        for plate, well, cells in sorted(zip(rows[PLATE], rows[WELL], counts, strict=True)):
            found.setdefault(str(plate), []).append((str(well), cells))
        return [{"plate": plate, "wells": found[plate]} for plate in sorted(found, key=natural)]


def _cells(row: Mapping[str, Any]) -> dict | None:
    kept: Any = row.get("cell_count_ratio")
    if missing(kept):
        return None
    return {
        "kept": percent(kept),
        "p": p_value(row.get("cell_count_p")),
        "lost": bool(kept < LOST),
    }


def _group(row: Any) -> dict:
    return {
        "where": compartment(row.compartment),
        "stain": "" if row.stain == "none" else stain(row.stain),
        "family": row.family,
        "how": how(row.property, row.direction),
        "effect": fixed(row.effect, 1),
        "between": interval(row.low, row.high, of=lambda value: fixed(value, 1)),
        "p": p_value(row.p_adjusted),
    }


def _agreed(row: pd.Series) -> str:
    own = "" if row["features_stain"] == "none" else f"{stain(row['features_stain'])}, "
    what = how(row["features_property"], row["features_direction"])
    return f"{own}{compartment(row['features_compartment'])}: {what}"


def _yes(value: Any) -> bool | None:
    return None if missing(value) else bool(value)


def panel_style() -> str:
    """The style sheet of panels. Colours are custom properties that the page around them sets."""
    loader = environment().loader
    assert loader is not None
    return loader.get_source(environment(), "panel.css")[0]
