"""The nf-core sample sheet: one row a file, spread to one row a field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd

from phenolens.errors import InputError
from phenolens.io.columns import FILE, find, has, key_text
from phenolens.io.discovery.listing import nuclei, places, root_of, some_there
from phenolens.io.discovery.patterns import pattern
from phenolens.io.discovery.survey import FoundTables
from phenolens.io.formats.base import ImageFormat, ImageProposal, register
from phenolens.io.images.table import Located, channel_order


def spread_samplesheet(frame: pd.DataFrame, *, channels: Sequence[str], source: str) -> Located:
    """One row a field from a tall table with ``channel`` and ``path`` columns.

    Raises
    ------
    InputError
        If a column is missing, a stain is unknown, or one field has two files of one stain.
    """
    channel = find(frame, "channel", source=source)
    path = find(frame, "path", source=source)
    names = pd.Series(key_text(frame[channel]), index=frame.index)
    known = channel_order(dict.fromkeys(names))
    wanted = list(channels) or known
    absent = [name for name in wanted if name not in known]
    if absent:
        raise InputError(f"{source} has no channel {', '.join(absent)}; it has {', '.join(known)}.")
    rest = frame.drop(columns=[channel, path, FILE], errors="ignore")
    key = _field_key(rest, source=source)
    files = pd.DataFrame({"key": key, "channel": names, "path": key_text(frame[path])})
    _require_one(files, source=source)
    wide = files.pivot(index="key", columns="channel", values="path")
    first = rest.set_index(key).loc[lambda r: ~r.index.duplicated()].reindex(wide.index)
    paths = {name: key_text(wide[name]) for name in wanted}
    return Located(first.reset_index(drop=True), paths)


def _field_key(frame: pd.DataFrame, *, source: str) -> pd.Series:
    place = ("source", "batch", "plate", "well", "site", "row", "col", "field_id", "plane_id")
    names = [name for name in (has(frame, part) for part in place) if name]
    if not names:
        raise InputError(f"{source} has neither plate, well nor site columns.")
    parts = [key_text(frame[name]) for name in names]
    return pd.Series(["|".join(row) for row in zip(*parts, strict=True)], index=frame.index)


def _require_one(files: pd.DataFrame, *, source: str) -> None:
    twice = files[files.duplicated(["key", "channel"], keep=False)]
    if len(twice):
        row = twice.iloc[0]
        raise InputError(
            f"{source}: {row['channel']} of field {row['key']} is listed {len(twice)} times "
            f"({', '.join(twice['path'].iloc[:2])})."
        )


@register
class SampleSheet(ImageFormat):
    """The nf-core sample sheet: ``channel`` and ``path``, one row a file."""

    name = "samplesheet"
    describes: ClassVar[str] = "a sample sheet: one row a file, with columns channel and path"
    rank = 20

    def recognises_table(self, head: pd.DataFrame, path: Path, source: Path) -> float | None:
        """By its columns, where an image that they name is there."""
        return 0.7 if some_there(self.recorded(head), path, source) else None

    def recorded(self, head: pd.DataFrame) -> list[str]:
        """Paths of the first images."""
        path = has(head, "path")
        if path is None or not has(head, "channel") or not has(head, "well"):
            return []
        return [text for text in key_text(head[path].head(100)) if text]

    def propose(self, found: FoundTables, source: Path) -> ImageProposal:
        """Its stains, and where the files lie."""
        channel, path = find(found.head, "channel", source=""), find(found.head, "path", source="")
        channels = channel_order(list(dict.fromkeys(found.head[channel].astype(str))))
        section = {
            "table": pattern(found.paths, source),
            "layout": self.name,
            **root_of(found.head[path].head(20).astype(str), found, source),
            "channels": channels,
        } | nuclei(channels)
        return ImageProposal(section, *places(found, path, source))

    def locate_listed(
        self, frame: pd.DataFrame, images: Mapping[str, Any], *, source: str
    ) -> Located:
        """One row a field; see :func:`spread_samplesheet`."""
        return spread_samplesheet(frame, channels=images["channels"], source=source)
