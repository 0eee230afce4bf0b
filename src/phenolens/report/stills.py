"""Small pictures for the panel of a treatment: a few kilobytes each, made from stored pixels."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO

import numpy as np
import pandas as pd
from PIL import Image

from phenolens.profiles import PLATE, WELL
from phenolens.report.figures import attention
from phenolens.report.figures.montage import GAMMA, bar_length, composite, pairs
from phenolens.words.numbers import listed

FIELD, CELL, GAP = 144, 72, 3  # pixels: a side of a field, of a single cell; between them
MOST_CELLS = 6
QUALITY = 82  # of JPEG, with colour at full resolution: stains differ in nothing but colour


@dataclass(frozen=True)
class Still:
    """A picture as the page holds it: data URI, size in pixels, words."""

    uri: str
    width: int
    height: int
    alt: str
    caption: str


def beside_controls(
    rows: pd.DataFrame | None, stored: dict[str, np.ndarray] | None
) -> Iterator[Still]:
    """A treatment's exemplars above controls of the same plate; a column a stain, or a cell.

    Parameters
    ----------
    rows : DataFrame or None
        Its rows of ``exemplars.parquet`` or ``stills.parquet``.
    stored : dict or None
        ``pixels``, ``channels`` and ``pixel_size_um`` that belong to them.
    """
    if stored is None or rows is None or rows.empty:
        return
    channels = [str(name) for name in stored["channels"]]
    cells = rows["role"].ne("control") & rows.duplicated(["role", PLATE, WELL], keep=False)
    shown = _sides(rows) if cells.any() else pairs(rows, 1)
    pixels = stored["pixels"][shown["position"].to_numpy(dtype=int)].astype(np.float32) / 255
    side = CELL if cells.any() else FIELD
    tiles = [[composite(image, channels), *image**GAMMA] for image in pixels]
    if cells.any():
        where = [shown[shown["role"].eq("control") == one] for one in (False, True)]
        kept = [part for part in where if len(part)]
        told = "; ".join(f"{_said(part.iloc[0])}, {len(part)} cells" for part in kept)
        lines = [list(line) for line in zip(*tiles, strict=True)]
        order = f"Columns: {told}. Lines: composite, {listed(channels, 99)}."
    else:
        lines = tiles
        told = "; below: ".join(_said(row) for _, row in shown.iterrows())
        order = f"Above: {told}. From the left: composite, {listed(channels, 99)}."
    size = float(stored["pixel_size_um"])
    bar, length = bar_length(stored["pixels"].shape[3], size)
    sheet = sheet_of(lines, side=side)
    _mark_scale(sheet, round(bar * side / max(stored["pixels"].shape[2:])))
    yield _still(sheet, f"{order} One contrast a stain for both. Bar: {length}.")


def looked_at(rows: pd.DataFrame | None, stored: dict[str, np.ndarray] | None) -> Iterator[Still]:
    """The images whose maps are stored for a treatment: composite above, map over image below.

    Parameters
    ----------
    rows : DataFrame or None
        Its rows of ``attention.parquet``.
    stored : dict or None
        ``pixels``, ``maps`` and ``channels`` that belong to them.
    """
    if stored is None or rows is None or rows.empty:
        return
    shown = pd.concat([part.head(3) for _, part in rows.groupby("role", sort=False)])
    given = attention.pictures(shown, stored)
    channels = [str(name) for name in stored["channels"]]
    drawn = [
        attention.panels(image, seen, channels)
        for image, seen in zip(given["images"], given["maps"], strict=True)
    ]
    lines = [[one[what] for one in drawn] for what in ("Composite", "Map over image")]
    told = "; ".join(
        f"{_said(row)}, named {'right' if row['correct'] else 'wrong'}"
        for _, row in shown.iterrows()
    )
    yield _still(
        sheet_of(lines, side=FIELD),
        f"Where the network looked. Above: composite; below: its map, bright where it looked most. "
        f"From the left: {told}.",
    )


def sheet_of(lines: list[list[np.ndarray]], *, side: int) -> Image.Image:
    """Tiles in lines and columns.

    Parameters
    ----------
    lines : list of list of ndarray, shape (H, W) or (H, W, 3)
        Values from 0 to 1; a line has its tiles from left to right.
    side : int
        The longer side of a tile, in pixels.
    """
    tiles = [[_tile(one, side) for one in line] for line in lines]
    wide, tall = tiles[0][0].size
    across, down = max(map(len, tiles)), len(tiles)
    size = (across * (wide + GAP) - GAP, down * (tall + GAP) - GAP)
    sheet = Image.new("RGB", size, "white")
    for line, row in enumerate(tiles):
        for place, tile in enumerate(row):
            sheet.paste(tile, (place * (wide + GAP), line * (tall + GAP)))
    return sheet


def _tile(values: np.ndarray, side: int) -> Image.Image:
    image = Image.fromarray(np.round(255 * np.clip(values, 0, 1)).astype(np.uint8)).convert("RGB")
    share = side / max(image.size)
    wide, tall = (max(1, round(length * share)) for length in image.size)
    how = Image.Resampling.BOX if share < 1 else Image.Resampling.BICUBIC
    return image.resize((wide, tall), how)


def _sides(rows: pd.DataFrame) -> pd.DataFrame:
    """The cells of one treated well, then those of one control."""
    control = rows["role"] == "control"
    return pd.concat([rows[~control].head(MOST_CELLS), rows[control].head(MOST_CELLS)])


def _said(row: pd.Series) -> str:
    return f"{row['role']}, {row[PLATE]} {row[WELL]}"


def _mark_scale(sheet: Image.Image, length: int) -> None:
    """A white bar in the corner of the first tile."""
    from PIL import ImageDraw

    draw = ImageDraw.Draw(sheet)
    draw.rectangle((6, 6, 6 + length, 9), fill="white", outline="black")


def _still(sheet: Image.Image, caption: str) -> Still:
    buffer = BytesIO()
    sheet.save(buffer, format="jpeg", quality=QUALITY, subsampling=0, optimize=True)
    uri = f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"
    return Still(uri, *sheet.size, alt=f"Pictures. {caption}", caption=caption)
