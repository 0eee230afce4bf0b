"""Quality of fields and of cells: values and flags for the ``Metadata_`` columns.

Nothing is dropped here. Whether a field is out of focus is a question of its plate, so focus is
given as numbers; flags mark what is wrong by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

PREFIX = "Metadata_Quality_"
_TILE = 256
_BRIGHT = 0.999  # of the largest value the file can hold
_SATURATED_FIELD = 0.001
_SATURATED_CELL = 0.05
_OUTLYING = 5.0  # robust standard deviations of log area


def field_quality(
    pixels: np.ndarray, channels: Sequence[str], labels: Mapping[str, np.ndarray] | None = None
) -> dict[str, float | bool | int]:
    """Quality of one field.

    Parameters
    ----------
    pixels : ndarray of uint8, uint16 or float (0 to 1), shape (C, H, W)
    channels : sequence of str
    labels : mapping of str to ndarray of int, optional
        ``"Nuclei"`` and ``"Cells"``.

    Returns
    -------
    dict
        For every stain ``Metadata_Quality_PowerLogLogSlope_<stain>`` (steeper, that is more
        negative, when out of focus; Bray et al., J. Biomol. Screen. 17 (2012) 266),
        ``..._LaplacianVariance_<stain>`` (variance of the Laplacian over the mean intensity above
        the darkest, squared; smaller when out of focus), ``..._SaturatedShare_<stain>``,
        ``..._DebrisShare_<stain>`` (pixels outside cells as bright as the brighter half of the
        cells). Then ``..._CellCount`` and ``..._CoveredShare`` (with labels), and the flags
        ``..._Empty`` and ``..._Saturated``.
    """
    pixels = np.asarray(pixels)
    top = float(np.iinfo(pixels.dtype).max) if pixels.dtype.kind in "ui" else 1.0
    labels = labels or {}
    cells = next((labels[name] for name in ("Cells", "Nuclei") if name in labels), None)
    values: dict[str, float | bool | int] = {}
    for plane, channel in zip(pixels, channels, strict=True):
        values |= {f"{k}_{channel}": v for k, v in _plane_quality(plane, top, cells).items()}
    saturated = [v for k, v in values.items() if k.startswith("SaturatedShare_")]
    values["Saturated"] = bool(max(saturated, default=0.0) > _SATURATED_FIELD)
    if cells is not None:
        values["CellCount"] = len(np.unique(cells)) - bool((cells == 0).any())
        values["CoveredShare"] = float((cells > 0).mean())
        values["Empty"] = values["CellCount"] == 0
    else:
        values["Empty"] = bool(pixels.max() == pixels.min())
    return {PREFIX + name: value for name, value in values.items()}


def _plane_quality(plane: np.ndarray, top: float, cells: np.ndarray | None) -> dict[str, float]:
    plane = plane.astype(np.float32) / np.float32(top)
    values = {
        "PowerLogLogSlope": _power_slope(plane),
        "LaplacianVariance": _laplacian_variance(plane),
        "SaturatedShare": float((plane >= _BRIGHT).mean()),
    }
    if cells is not None:
        values["DebrisShare"] = _debris_share(plane, cells)
    return values


def _power_slope(plane: np.ndarray) -> float:
    """Slope of log power over log frequency, averaged over tiles; NaN for a flat image."""
    from scipy.fft import rfft2

    size = min(_TILE, *plane.shape)
    if size < 8:
        return np.nan
    tiles = _tiles(plane, size)
    window = np.hanning(size).astype(np.float32)
    tiles = (tiles - tiles.mean(axis=(1, 2), keepdims=True)) * np.outer(window, window)
    power = (np.abs(rfft2(tiles)) ** 2).mean(axis=0)
    frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)) * size
    rings = np.rint(frequency).astype(int).ravel()
    inner = slice(1, size // 2)
    spectrum = np.bincount(rings, power.ravel())[inner] / np.bincount(rings)[inner]
    if not (spectrum > 0).all():
        return np.nan
    return float(np.polyfit(np.log(np.arange(1, size // 2)), np.log(spectrum), 1)[0])


def _tiles(plane: np.ndarray, size: int) -> np.ndarray:
    rows, columns = plane.shape[0] // size, plane.shape[1] // size
    cut = plane[: rows * size, : columns * size].reshape(rows, size, columns, size)
    return cut.swapaxes(1, 2).reshape(-1, size, size)


def _laplacian_variance(plane: np.ndarray) -> float:
    if min(plane.shape) < 3:
        return np.nan
    middle = plane[1:-1, 1:-1]
    laplacian = plane[2:, 1:-1] + plane[:-2, 1:-1] + plane[1:-1, 2:] + plane[1:-1, :-2] - 4 * middle
    light = float(plane.mean()) - float(plane.min())
    return float(laplacian.var()) / light**2 if light > 0 else np.nan


def _debris_share(plane: np.ndarray, cells: np.ndarray) -> float:
    inside = cells > 0
    if not inside.any() or inside.all():
        return 0.0
    return float((plane[~inside] > np.median(plane[inside])).mean())


def cell_quality(
    pixels: np.ndarray, channels: Sequence[str], labels: Mapping[str, np.ndarray]
) -> pd.DataFrame:
    """Quality of every cell of one field.

    Parameters
    ----------
    pixels : ndarray of uint8, uint16 or float (0 to 1), shape (C, H, W)
    channels : sequence of str
    labels : mapping of str to ndarray of int
        ``"Nuclei"``, ``"Cells"`` and ``"Cytoplasm"``, or some of them.

    Returns
    -------
    pandas.DataFrame
        One row per id in ascending order: ``Metadata_ObjectNumber`` and
        ``Metadata_Quality_TouchesBorder`` (bool), ``..._Saturated`` (bool: over 5 % of the cell's
        pixels in some stain), ``..._NucleusShare`` (nucleus over cell area, NaN without both),
        ``..._Incomplete`` (bool: absent from a compartment), ``..._Missegmented`` (bool: no room
        for cytoplasm, or an area far from the field's other cells: merged, cut or debris).
    """
    ids, areas = _areas(labels)
    pixels = np.asarray(pixels)
    whole = labels.get("Cells", next(iter(labels.values())))
    share = _ratio(areas, "Nuclei", "Cells")
    outlying = np.zeros(len(ids), bool)
    for name in ("Nuclei", "Cells"):
        if name in areas:
            outlying |= _outlying(areas[name])
    return pd.DataFrame(
        {
            "Metadata_ObjectNumber": ids,
            f"{PREFIX}TouchesBorder": np.isin(ids, _on_border(whole)),
            f"{PREFIX}Saturated": _saturated(pixels, whole, ids),
            f"{PREFIX}NucleusShare": share,
            f"{PREFIX}Incomplete": np.any([a == 0 for a in areas.values()], axis=0),
            f"{PREFIX}Missegmented": outlying | (np.nan_to_num(share) > 0.95),
        }
    )


def _areas(labels: Mapping[str, np.ndarray]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    found = {name: np.unique(image, return_counts=True) for name, image in labels.items()}
    ids = np.unique(np.concatenate([values for values, _ in found.values()]))
    ids = ids[ids > 0].astype(np.int64)
    areas = {}
    for name, (values, counts) in found.items():
        areas[name] = pd.Series(counts, values).reindex(ids, fill_value=0).to_numpy()
    return ids, areas


def _ratio(areas: Mapping[str, np.ndarray], part: str, whole: str) -> np.ndarray:
    if part not in areas or whole not in areas:
        return np.full(len(next(iter(areas.values()))), np.nan)
    both = (areas[part] > 0) & (areas[whole] > 0)
    return np.where(both, areas[part] / np.maximum(areas[whole], 1), np.nan)


def _outlying(areas: np.ndarray) -> np.ndarray:
    """Areas far from the field's median, on a log scale; needs ten cells to say so."""
    if (areas > 0).sum() < 10:
        return np.zeros(len(areas), bool)
    logs = np.log(np.maximum(areas, 1))
    middle = np.median(logs[areas > 0])
    spread = 1.4826 * np.median(np.abs(logs[areas > 0] - middle))
    return (areas > 0) & (np.abs(logs - middle) > _OUTLYING * max(spread, 0.1))


def _on_border(image: np.ndarray) -> np.ndarray:
    return np.unique(np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]]))


def _saturated(pixels: np.ndarray, image: np.ndarray, ids: np.ndarray) -> np.ndarray:
    top = np.iinfo(pixels.dtype).max if pixels.dtype.kind in "ui" else 1.0
    at = np.searchsorted(ids, image.ravel()).clip(max=max(len(ids) - 1, 0))
    inside = image.ravel() > 0
    counts = np.bincount(at[inside], minlength=len(ids))
    flags = np.zeros(len(ids), bool)
    for plane in pixels:
        bright = inside & (plane.ravel() >= _BRIGHT * top)
        flags |= np.bincount(at[bright], minlength=len(ids)) > _SATURATED_CELL * counts
    return flags
