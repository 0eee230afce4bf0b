"""Pictures for the montages: typical wells of a treatment beside controls of the same plate.

Treated and control pictures of a plate share one contrast per stain, taken from the controls, so
that brighter means brighter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from phenolens import profiles
from phenolens.prepared import Prepared
from phenolens.profiles import CONTROL, OBJECT, PLATE, SITE, TREATMENT, WELL

_DARK, _BRIGHT = 1.0, 99.7


@dataclass(frozen=True)
class Exemplars:
    """Pictures and where they come from.

    Attributes
    ----------
    table : DataFrame
        ``Metadata_Treatment``, ``role`` (treated, control), ``Metadata_Plate``, ``Metadata_Well``,
        ``Metadata_Site``, ``Metadata_ObjectNumber`` (null for fields), ``position``.
    pixels : ndarray of uint8, shape (n, C, H, W)
    channels : tuple of str
    pixel_size_um : float
        NaN when unknown.
    """

    table: pd.DataFrame
    pixels: np.ndarray
    channels: tuple[str, ...]
    pixel_size_um: float


def choose_exemplars(
    prepared: Prepared,
    wells: pd.DataFrame,
    treatments: Sequence[str],
    *,
    per_well: int = 6,
    largest: int = 320,
    side: int | None = None,
    contrasts: dict[str, np.ndarray] | None = None,
) -> Exemplars:
    """Take each treatment's most typical well, and the most typical control of its plate.

    Typical means nearest to the treatment's (or the plate's controls') median profile. Fields give
    one picture a well, single-cell crops ``per_well``.

    Parameters
    ----------
    prepared : Prepared
    wells : DataFrame
        Calibrated well profiles with ``Metadata_Treatment`` and ``Metadata_Control``.
    treatments : sequence of str
    per_well : int
        Crops a well.
    largest : int
        Fields are cropped to this many pixels a side around their centre.
    side : int, optional
        Pictures are then averaged down to at most this many pixels a side.
    contrasts : dict, optional
        Dark and bright end of each stain, (2, C), by plate, of plates that were looked at before;
        plates that are not in it are looked at and added.
    """
    chosen = [row for name in treatments for row in _pair(wells, name)]
    rows, records = [], []
    for treatment, role, plate, well in chosen:
        for row in _images_of(prepared, plate, well, per_well):
            rows.append(row)
            records.append({TREATMENT: treatment, "role": role, **_where(prepared, row)})
    table = pd.DataFrame(records).assign(position=np.arange(len(records)))
    known = {} if contrasts is None else contrasts
    for plate in sorted({prepared.images.table[PLATE].iloc[row] for row in rows} - set(known)):
        known[plate] = _contrast(prepared, wells, plate)
    pictures = [_picture(prepared, int(row), known, largest) for row in rows]
    share = min(1.0, (side or np.inf) / max((max(p.shape[1:]) for p in pictures), default=1))
    pixels = _stacked([_smaller(picture, share) for picture in pictures], len(prepared.channels))
    size = (prepared.images.pixel_size_um or np.nan) / share
    return Exemplars(table, pixels, prepared.channels, size)


def _pair(wells: pd.DataFrame, treatment: str) -> list[tuple[str, str, str, str]]:
    names = profiles.column(wells, TREATMENT)
    treated = _typical(wells, names == treatment)
    if treated is None:
        return []
    plate, well = treated
    found = [(treatment, "treated", plate, well)]
    controls = profiles.column(wells, CONTROL).astype(bool)
    control = _typical(wells, controls & (profiles.column(wells, PLATE) == plate))
    return found + ([(treatment, "control", *control)] if control else [])


def _typical(wells: pd.DataFrame, mask: np.ndarray) -> tuple[str, str] | None:
    """Plate and well nearest to the median profile of the rows where the mask is true."""
    if not mask.any():
        return None
    part = profiles.take(wells, mask)
    values = np.nan_to_num(part.to_numpy())
    nearest = int(np.abs(values - np.median(values, axis=0)).mean(axis=1).argmin())
    return profiles.column(part, PLATE)[nearest], profiles.column(part, WELL)[nearest]


def _images_of(prepared: Prepared, plate: str, well: str, per_well: int) -> np.ndarray:
    table = prepared.images.table
    rows = np.flatnonzero((table[PLATE] == plate) & (table[WELL] == well))
    if prepared.images.level != "cell":
        return rows[:1]
    return rows[np.linspace(0, len(rows) - 1, min(per_well, len(rows))).astype(int)]


def _where(prepared: Prepared, row: int) -> dict:
    values = prepared.images.table.iloc[row]
    number = values[OBJECT] if OBJECT in prepared.images.table else pd.NA
    return {PLATE: values[PLATE], WELL: values[WELL], SITE: values[SITE], OBJECT: number}


def _contrast(prepared: Prepared, wells: pd.DataFrame, plate: str) -> np.ndarray:
    """Dark and bright end of each stain (2, C) of a plate, from a few of its control images."""
    controls = profiles.column(wells, CONTROL).astype(bool)
    here = controls & (profiles.column(wells, PLATE) == plate)
    names = set(profiles.column(wells, WELL)[here])
    table = prepared.images.table
    on_plate = table[PLATE] == plate
    rows = np.flatnonzero(on_plate & table[WELL].isin(names) if names else on_plate)
    rows = rows[np.linspace(0, len(rows) - 1, min(24, len(rows))).astype(int)]
    pixels = [prepared.pixels(int(row)).reshape(len(prepared.channels), -1) for row in rows]
    return np.percentile(np.concatenate(pixels, axis=1), [_DARK, _BRIGHT], axis=1)


def _smaller(picture: np.ndarray, share: float) -> np.ndarray:
    """A picture (C, H, W) averaged down to a share of its size."""
    from PIL import Image

    if share >= 1:
        return picture
    tall, wide = (max(1, round(length * share)) for length in picture.shape[1:])
    stains = [Image.fromarray(s).resize((wide, tall), Image.Resampling.BOX) for s in picture]
    return np.stack([np.asarray(stain) for stain in stains])


def _stacked(pictures: list[np.ndarray], channels: int) -> np.ndarray:
    if not pictures:
        return np.zeros((0, channels, 1, 1), np.uint8)
    height, width = (max(p.shape[axis] for p in pictures) for axis in (1, 2))
    room = [(height - p.shape[1], width - p.shape[2]) for p in pictures]
    padded = [
        np.pad(p, ((0, 0), (0, down), (0, right)))
        for p, (down, right) in zip(pictures, room, strict=True)
    ]
    return np.stack(padded)


def _picture(prepared: Prepared, row: int, contrasts: dict, largest: int) -> np.ndarray:
    pixels = prepared.pixels(row)
    top, left = (max(0, (size - largest) // 2) for size in pixels.shape[1:])
    pixels = pixels[:, top : top + largest, left : left + largest]
    dark, bright = contrasts[prepared.images.table[PLATE].iloc[row]][..., None, None]
    scaled = (pixels - dark) / np.maximum(bright - dark, 1e-9)
    return np.round(255 * np.clip(scaled, 0, 1)).astype(np.uint8)
