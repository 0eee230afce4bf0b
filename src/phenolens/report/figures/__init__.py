"""Figures, one file a kind; each ``draw(tables)`` yields what the tables of a study allow.

A section names the kinds it shows (:mod:`phenolens.report.sections`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from phenolens.report.figures.style import Drawn, house_style, save

__all__ = ["Drawn", "house_style", "save", "unique"]


def unique(figures: Iterable[Drawn]) -> Iterator[Drawn]:
    """The figures, with a number added to a file name that was taken."""
    taken: dict[str, int] = {}
    for drawn in figures:
        taken[drawn.name] = taken.get(drawn.name, 0) + 1
        again = taken[drawn.name]
        yield drawn if again == 1 else drawn.called(f"{drawn.name}-{again}")
