"""The ``[data.images]`` section for a folder that was surveyed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from phenolens.io.formats.base import ImageProposal, image_formats
from phenolens.io.survey import FoundTables


def image_section(
    found: Sequence[FoundTables], files: Sequence[Path], source: Path
) -> ImageProposal | None:
    """What a study file would say of the images; None where there are none.

    A table that lists images comes before names that say what they are.
    """
    formats = image_formats()
    for one in formats:
        items = [item for item in found if one.listed and item.kind == one.name]
        if items:
            return one.propose(_best(items), source)
    named = [one for one in formats if not one.listed]
    sure = {one: one.recognises_files(files) or 0.0 for one in named if files}
    best = max(sure, key=lambda one: sure[one], default=None)
    return best.propose(files, source) if best is not None and sure[best] else None


def _best(items: Sequence[FoundTables]) -> FoundTables:
    """The table that says most; with illumination functions before without."""
    return max(
        items, key=lambda item: (any("Illum" in str(c) for c in item.head), len(item.head.columns))
    )
