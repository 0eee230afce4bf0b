"""Any table with a column of image files: one file for all stains, or a column a stain."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd

from phenolens.io.columns import has, key_text, place
from phenolens.io.discovery.contents import contents
from phenolens.io.discovery.listing import (
    image_columns,
    image_root,
    nuclei,
    places,
    root_of,
    stain_of,
)
from phenolens.io.discovery.patterns import pattern
from phenolens.io.discovery.screen_of_table import numbers_objects
from phenolens.io.discovery.survey import FoundTables
from phenolens.io.formats.base import ImageFormat, ImageProposal, Question, register
from phenolens.io.images.label_columns import label_columns
from phenolens.io.images.table import (
    Located,
    channel_order,
    image_table,
    is_image_name,
)
from phenolens.io.paths import ImageFinder
from phenolens.profiles import PLATE, SITE, WELL
from phenolens.readers.series import Series

CROP = 256
"""Pixels of the longest side of a cell's crop."""
CELLS = re.compile(r"cell|crop|nucle|object", re.IGNORECASE)
INDEX_NAMES = ("index", "stack_index", "frame", "page", "slice", "plane", "crop")


@register
class ImageTable(ImageFormat):
    """``file`` (all stains, or a stack with ``index``) or ``files`` (a column a stain)."""

    name = "table"
    describes: ClassVar[str] = "a table with a column of image files, or one a stain"
    rank = 30

    def recognises_table(self, head: pd.DataFrame, path: Path, source: Path) -> float | None:
        """By a column of names of images that are there."""
        return 0.5 if image_columns(head, path, source) else None

    def propose(self, found: FoundTables, source: Path) -> ImageProposal:
        """Its columns; the stains are asked for where no column names them."""
        named = image_columns(found.head, found.paths[0], source)
        labels = label_columns({stain_of(name): name for name in named})
        named = [name for name in named if name not in labels.values()] or named
        section: dict = {"table": pattern(found.paths, source), "layout": self.name}
        section |= root_of(found.head[named[0]].head(20).astype(str), found, source)
        first = _first_contents(found, named[0], source)
        shape = first[0].shape
        index = next((c for c in (has(found.head, n) for n in INDEX_NAMES) if c), None)
        index = index if index and (len(shape) > 2 or len(first) > 1) else None
        section |= {"index": index} if index else {}
        columns, more = places(found, named[0], source)
        section |= {"level": _level(found, columns, index=index, shape=shape)}
        questions: list[Question] = []
        if len(named) > 1:
            stains = {stain_of(name): name for name in named}
            section |= {"files": stains, "channels": channel_order(list(stains))}
        else:
            channels = _stains(first[0], index)
            section |= {"file": named[0], "channels": channels}
            questions += [] if first[0].channels else [_ask_stains(channels)]
        section |= nuclei(section["channels"])
        labels = {} if section["level"] == "cell" else labels
        return ImageProposal(section, columns, questions + more, labels=labels)

    def locate_listed(
        self, frame: pd.DataFrame, images: Mapping[str, Any], *, source: str
    ) -> Located:
        """See :func:`phenolens.io.images.table.image_table`."""
        return image_table(frame, images, source=source)


def _first_contents(item: FoundTables, column: str, source: Path) -> tuple[Series, ...]:
    texts = [text for text in item.head[column].head(20) if is_image_name(text)]
    finder = ImageFinder([image_root(texts, item.paths[0], source) or source])
    present = [path for path, there in map(finder.find, texts) if there]
    return contents(Path(present[0]))


def _level(
    found: FoundTables, columns: Mapping[str, str], *, index: str | None, shape: tuple[int, ...]
) -> str:
    """What one image is. Crops of cells are small, and several of one site or of a well."""
    small = max(shape[-2:]) <= CROP
    if numbers_objects(found.head) or (small and index is not None):
        return "cell"
    if index is not None:
        return "tile"
    values = {
        role: place(found.head, columns.get(role[9:].lower()), role, source="")
        for role in (PLATE, WELL, SITE)
    }
    keys = pd.DataFrame({role: key_text(one) for role, one in values.items() if one is not None})
    names = [found.paths[0].name, *map(str, found.head.columns), *found.head.iloc[0].astype(str)]
    crops = SITE in keys or any(CELLS.search(name) for name in names)
    return "cell" if small and crops and WELL in keys and keys.duplicated().any() else "field"


def _stains(series: Series, index: str | None) -> list[str]:
    """The stains as the file names them, or placeholders."""
    if series.channels:
        return list(series.channels)
    if series.said and index is None:
        return [f"channel{number + 1}" for number in range(series.count("C"))]
    return _numbered(series.shape, index)


def _numbered(shape: tuple[int, ...], index: str | None) -> list[str]:
    """Placeholder names for the stains of a file of this shape."""
    leading = shape[:-2]
    if len(leading) == 2:
        count = leading[1] if leading[1] <= 16 else leading[0]
    elif len(leading) == 1 and index is None:
        count = leading[0]
    else:
        count = 1
    return [f"channel{number + 1}" for number in range(count)]


def _ask_stains(channels: Sequence[str]) -> Question:
    text = (
        f"the files hold {len(channels)} stain(s) and do not name them; "
        "write the names here, in the files' order"
    )
    return "images.channels", text
