"""What the page's script knows of marks in figures: names, wells and where to go."""

from __future__ import annotations

import json
from collections.abc import Mapping

from markupsafe import Markup

from phenolens.answers.tables import Tables
from phenolens.profiles import PLATE, TREATMENT, WELL
from phenolens.report.figures.marks import Placed, Well


class Pointed:
    """The marks of all figures of a page; what several figures share is held once.

    Parameters
    ----------
    tables : Tables
    anchors : mapping of str to str
        Where the panel of each treatment stands.
    """

    def __init__(self, tables: Tables, anchors: Mapping[str, str]) -> None:
        self._anchors = anchors
        self._treatments: dict[str, int] = {}
        self._wells: dict[Well, int] = {}
        self._maps: dict[Placed, int] = {}
        self._of_wells = _treatments_of(tables)

    def number(self, marks: Placed) -> int:
        """The number of a figure's marks in the page's list."""
        return self._maps.setdefault(marks, len(self._maps))

    def data(self) -> Markup:
        """Everything asked for so far, as JSON that may stand in a page.

        ``treatments``: name and anchor (empty without a panel); ``wells``: plate, well, number of
        the treatment (-1: none); ``maps``: of each figure ``of`` (wells, treatments, matrix),
        ``at`` (x, y in pixels and a number, one after another), ``shifts``.
        """
        found: dict[str, list] = {"maps": [self._map(marks) for marks in self._maps]}
        found["wells"] = [[*well, self._of(well)] for well in self._wells]
        found["treatments"] = [[name, self._anchors.get(name, "")] for name in self._treatments]
        text = json.dumps(found, separators=(",", ":"), ensure_ascii=False)
        return Markup(text.replace("<", "\\u003c").replace("\u2028", "\\u2028"))

    def _map(self, marks: Placed) -> dict:
        wells = isinstance(marks.of[0], tuple)
        numbers = [
            self._wells.setdefault(one, len(self._wells))
            if isinstance(one, tuple)
            else self._treatment(one)
            for one in marks.of
        ]
        at = [n for (x, y), one in zip(marks.points, numbers, strict=True) for n in (x, y, one)]
        of = "matrix" if marks.matrix else "wells" if wells else "treatments"
        return {"of": of, "at": at, "shifts": marks.shifts}

    def _treatment(self, name: str) -> int:
        return self._treatments.setdefault(name, len(self._treatments))

    def _of(self, well: Well) -> int:
        name = self._of_wells.get(well, "")
        return self._treatment(name) if name else -1


def _treatments_of(tables: Tables) -> dict[Well, str]:
    wells = tables.wells
    if wells is None or TREATMENT not in wells:
        return {}
    named = wells[[PLATE, WELL, TREATMENT]].fillna("").astype(str)
    return {(p, w): name for p, w, name in named.itertuples(index=False)}
