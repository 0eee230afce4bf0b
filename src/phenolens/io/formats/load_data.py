"""CellProfiler's LoadData tables, and its Image tables: a column of files a stain."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd

from phenolens.io.discovery.listing import nuclei, places, root_of, some_there
from phenolens.io.discovery.patterns import pattern
from phenolens.io.discovery.survey import FoundTables
from phenolens.io.formats.base import ImageFormat, ImageProposal, register
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

FIRST = 20


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
        named = load_data_channels(found.head)
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
        return ImageProposal(section, columns, questions, labels=label_columns(drawn))

    def locate_listed(
        self, frame: pd.DataFrame, images: Mapping[str, Any], *, source: str
    ) -> Located:
        """See :func:`phenolens.io.images.table.load_data`."""
        return load_data(frame, channels=images["channels"], source=source)
