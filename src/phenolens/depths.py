"""How deep the pixels of a screen are: which intensity counts as 1, the same in every image.

CellProfiler divides whole numbers by the largest value that their file can hold. That is kept for 8
and 16 bits without sign, which cameras write. Other files hold the same numbers in another
container (int16, int32, uint32, float): they are divided by what CellProfiler would have divided
them by in their own, so that the same pixels give the same features however they were saved.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np

UNIT = 16.0  # floats up to this are intensities around 0 to 1, as CellProfiler saves them
_LARGEST = 2.0**32  # no camera's number; floats beyond mark what is missing
_FEWEST_LEVELS = 4  # of 256 gray levels; a stain that reaches fewer has no texture to measure
_NEGATIVE = 0.9  # share of an image's pixels


@dataclass(frozen=True)
class PlaneLook:
    """What the pixels of one stain in one image show.

    Attributes
    ----------
    dtype : str
    size : str
        Width and height in pixels: ``"1080x1080"``.
    low, high : float
        Lowest and highest value.
    top : float
        Value that one pixel of a thousand reaches.
    at_high : float
        Share of pixels at the highest value.
    digest : str
        Of the pixels: the same for the same picture.
    absent, chunks : int
        Chunks of a Zarr store that are not there and read as the fill value, and all that there
        should be.
    """

    dtype: str
    size: str
    low: float = 0.0
    high: float = 0.0
    top: float = 0.0
    at_high: float = 0.0
    digest: str = ""
    absent: int = 0
    chunks: int = 0

    @property
    def flat(self) -> bool:
        """Whether all pixels have one value."""
        return self.low == self.high

    @property
    def scale(self) -> str:
        """What floats count: ``"0 to 1"`` or ``"counts"``; empty where they may be either."""
        if not self.dtype.startswith("float") or self.flat or 1 < self.high <= UNIT:
            return ""
        return "0 to 1" if self.high <= 1 else "counts"


@dataclass(frozen=True)
class Depth:
    """How one stain is scaled in every image of a screen.

    Attributes
    ----------
    dtype : str
        The usual one.
    scale : float
        Value that counts as intensity 1.
    high : float
        Highest value of the screen among stains of this dtype.
    low : float
        Lowest value of the stain; where it is negative, values below zero count as zero.
    span : float
        Intensity that takes the highest gray level of texture: 1, as CellProfiler has it, unless
        the stain would reach fewer than 4 of 256 levels.
    """

    dtype: str
    scale: float
    high: float
    low: float = 0.0
    span: float = 1.0

    @property
    def bits(self) -> int:
        """Bits that the screen uses; 0 for floats from 0 to 1."""
        return 0 if self.scale <= 1 else int(np.ceil(np.log2(self.high + 1)))


def fault_of(plane: np.ndarray) -> str:
    """Why the pixels of one stain cannot be used; empty where they can."""
    dtype = plane.dtype.newbyteorder("=").name
    if plane.dtype.kind not in "buif":
        return f"its pixels are {dtype}, no intensities"
    if plane.dtype.kind == "f":
        wide = plane.astype(np.float32) if plane.dtype == np.float16 else plane
        lost = int(np.count_nonzero(~(np.abs(wide) < _LARGEST)))
        if lost:
            return _lost(plane, lost)
    negative = np.count_nonzero(plane < 0) if plane.dtype.kind in "if" else 0
    if negative > _NEGATIVE * plane.size:
        return (
            f"nearly all of its pixels are negative (down to {plane.min():g}, {dtype}): were "
            "unsigned numbers written as signed, or an offset subtracted?"
        )
    return ""


def look(plane: np.ndarray) -> PlaneLook:
    """What the pixels of one stain show.

    Parameters
    ----------
    plane : ndarray, shape (..., H, W)
        One image, or a stack of crops, without fault.
    """
    sample = plane[..., ::4, ::4] if plane.size > 40_000 else plane
    place = int(0.999 * (sample.size - 1))
    whole = np.ascontiguousarray(plane)
    high = plane.max()
    return PlaneLook(
        dtype=plane.dtype.newbyteorder("=").name,
        size=f"{plane.shape[-1]}x{plane.shape[-2]}",
        low=float(plane.min()),
        high=float(high),
        top=float(np.partition(sample, place, axis=None)[place]),
        at_high=float(np.mean(plane == high)),
        digest=blake2b(whole.view(np.uint8).data, digest_size=8).hexdigest(),
    )


def _lost(plane: np.ndarray, lost: int) -> str:
    missing = int(np.count_nonzero(~np.isfinite(plane)))
    pixels = "pixel" if lost == 1 else "pixels"
    if missing:
        return f"it holds NaN or infinite intensities ({lost:,} of {plane.size:,} pixels)"
    most = float(np.abs(plane).max())
    return f"it holds values up to {most:.3g}, which no camera writes ({lost:,} {pixels})"


def depths(looks: Sequence[Sequence[PlaneLook]]) -> tuple[Depth, ...]:
    """How each stain of a screen is scaled.

    Parameters
    ----------
    looks : sequence of sequence of PlaneLook
        Of each image, its stains in one order.

    Returns
    -------
    tuple of Depth
        One a stain; stains of one dtype have one scale.
    """
    stains = list(zip(*looks, strict=True))
    usual = [Counter(one.dtype for one in stain).most_common(1)[0][0] for stain in stains]
    highest = [max(one.high for one in stain) for stain in stains]
    found = []
    for stain, dtype in zip(stains, usual, strict=True):
        high = max(h for h, d in zip(highest, usual, strict=True) if d == dtype)
        scale = _scale(dtype, high)
        bright = float(np.quantile([one.top for one in stain], 0.95)) / scale
        low = min(one.low for one in stain)
        found.append(Depth(dtype, scale, high, low, _span(bright, scale)))
    return tuple(found)


def _scale(dtype: str, high: float) -> float:
    """The value that counts as intensity 1."""
    native: Mapping[str, float] = {"uint8": 255.0, "uint16": 65_535.0}
    if high <= native.get(dtype, 0):
        return native[dtype]
    if dtype == "bool" or (dtype.startswith("float") and high <= UNIT):
        return 1.0
    deep = max(int(np.ceil(np.log2(high + 1))), 1)
    return 2.0 ** next((bits for bits in (8, 16) if deep <= bits), deep) - 1


def _span(bright: float, scale: float) -> float:
    """Intensity of the highest gray level, where 1 would leave next to none."""
    if not 0 < 255 * bright < _FEWEST_LEVELS:
        return 1.0
    if scale <= 1:
        return float(2.0 ** np.ceil(np.log2(bright)))
    return float(2.0 ** np.ceil(np.log2(bright * scale + 1)) - 1) / scale
