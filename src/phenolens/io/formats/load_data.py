"""CellProfiler's LoadData tables, and its Image tables: a column of files a stain."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd

from phenolens.errors import InputError
from phenolens.io.columns import is_blank
from phenolens.io.discovery.listing import nuclei, places, root_of, some_there
from phenolens.io.discovery.patterns import pattern
from phenolens.io.discovery.survey import HEAD, FoundTables, read_head
from phenolens.io.formats.base import ImageFormat, ImageProposal, Question, register
from phenolens.io.formats.cellprofiler import is_image_table
from phenolens.io.images.label_columns import label_columns
from phenolens.io.images.table import (
    Located,
    drawn_columns,
    load_data,
    load_data_channels,
    recorded_paths,
)
from phenolens.io.paths import stem

FIRST, MOST_TABLES = 20, 24


@register
class LoadData(ImageFormat):
    """``FileName_Orig<Stain>`` with ``PathName_Orig<Stain>``, or ``URL_Orig<Stain>``."""

    name = "load_data"
    describes: ClassVar[str] = "a CellProfiler LoadData table: FileName_OrigDNA, PathName_OrigDNA"
    rank = 10

    def recognises_table(self, head: pd.DataFrame, path: Path, source: Path) -> float | None:
        """By its columns, where an image that they name is there; surest of an Image table."""
        if not some_there(self.recorded(head), path, source):
            return None
        return 1.0 if is_image_table(list(head.columns), stem(path)) else 0.6

    def recorded(self, head: pd.DataFrame) -> list[str]:
        """Paths of the first fields' images."""
        if not load_data_channels(head):
            return []
        located = load_data(head.head(FIRST), channels=[], source="")
        return [text for texts in located.paths.values() for text in texts if text]

    def propose(self, found: FoundTables, source: Path) -> ImageProposal:
        """Its stains, and where the files lie."""
        named, asked, notes = _stains(found)
        section = {
            "table": pattern(found.paths, source),
            "layout": self.name,
            **root_of(self.recorded(found.head), found, source),
            "channels": list(named),
        } | nuclei(list(named))
        drawn = {
            of: column
            for of, column in drawn_columns(found.head).items()
            if some_there(recorded_paths(found.head.head(FIRST), column), found.paths[0], source)
        }
        columns, questions = places(found, next(iter(named.values())), source)
        return ImageProposal(
            section, columns, [*asked, *questions], tuple(notes), labels=label_columns(drawn)
        )

    def locate_listed(
        self, frame: pd.DataFrame, images: Mapping[str, Any], *, source: str
    ) -> Located:
        """See :func:`phenolens.io.images.table.load_data`."""
        return load_data(frame, channels=images["channels"], source=source)


def _stains(found: FoundTables) -> tuple[dict[str, str], list[Question], list[str]]:
    """Stains with their columns; those that not all tables name are asked about and left out.

    A column that is blank in all of the one table names none.
    """
    named = load_data_channels(found.head)
    whole = len(found.paths) == 1 and len(found.head) < HEAD
    blank = [n for n, column in named.items() if whole and found.head[column].map(is_blank).all()]
    if blank and len(blank) < len(named):
        notes = [f"no row names a file of {', '.join(blank)}: left out"]
        return {n: column for n, column in named.items() if n not in blank}, [], notes
    others: dict[Path, dict[str, str]] = {}
    for path in found.paths[1:MOST_TABLES]:
        with suppress(InputError):  # the join names what is damaged
            others[path] = load_data_channels(read_head(path))
    alike = {n: c for n, c in named.items() if all(n in other for other in others.values())}
    if not alike or all(set(other) == set(alike) == set(named) for other in others.values()):
        return named, [], []
    of_some = {
        n: path.name
        for path, held in ((found.paths[0], named), *others.items())
        for n in held
        if n not in alike
    }
    shown = ", ".join(f"{stain} (such as {file})" for stain, file in of_some.items())
    text = (
        f"not all tables name the stains {shown}: only those of all were taken. Where one stain "
        "has two names, give it one in the tables"
    )
    return alike, [("images.channels", text)], []
