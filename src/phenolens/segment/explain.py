"""Why the segmentation finds next to nothing in a field."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from phenolens.segment.contrast import STANDS_OUT, log_contrast, standing_out
from phenolens.segment.nuclei import SMOOTHING, find_nuclei
from phenolens.segment.settings import SegmentSettings, nuclei_index

Reason = Literal["no-contrast", "darker", "size", "few"]


@dataclass(frozen=True)
class Explanation:
    """What the nuclear stain of a field shows.

    Attributes
    ----------
    reason : {"no-contrast", "darker", "size", "few"}
        Nothing stands out; what stands out is darker than its surroundings; objects of other sizes
        than were asked for; objects, but few.
    stain : str
        The nuclear one.
    contrast : float
        How far its brightest pixels stand out from the middle: the logarithm of the intensity
        above the darkest, see :func:`phenolens.segment.contrast.log_contrast`.
    needed : float
        Contrast from which on objects are looked for.
    objects : int
        What stands out, of any size.
    diameter : float
        Of these, typically, pixels; 0 where there are none.
    expected : float
        Diameter that was asked for, pixels; 0 where it was left to the images.
    others : tuple of str
        Stains in which something stands out further.
    """

    reason: Reason
    stain: str
    contrast: float
    needed: float = STANDS_OUT
    objects: int = 0
    diameter: float = 0.0
    expected: float = 0.0
    others: tuple[str, ...] = ()


def explain(
    pixels: np.ndarray, channels: Sequence[str], settings: SegmentSettings | None = None
) -> Explanation:
    """Say why few nuclei are found, if any.

    Parameters
    ----------
    pixels : ndarray of number, shape (C, H, W)
        As they were segmented.
    channels : sequence of str
    settings : SegmentSettings, optional
    """
    settings = settings or SegmentSettings()
    at = nuclei_index(channels, settings)
    plane = np.asarray(pixels[at], np.float32)
    out = {
        channel: standing_out(log_contrast(one, SMOOTHING))
        for channel, one in zip(channels, pixels, strict=True)
    }
    stain, contrast = channels[at], out[channels[at]]
    expected = settings.nucleus_diameter or 0.0
    others = tuple(name for name, one in out.items() if one > max(contrast, STANDS_OUT))
    if contrast <= STANDS_OUT:
        inverted = standing_out(log_contrast(plane.max() - plane, SMOOTHING))
        reason: Reason = "darker" if inverted > STANDS_OUT else "no-contrast"
        return Explanation(reason, stain, contrast, expected=expected, others=others)
    any_size = replace(settings, nucleus_diameter=None, smallest=0.0, largest=np.inf)
    labels, diameter = find_nuclei(plane, any_size)
    objects = int(labels.max(initial=0))
    unlike = expected and not 0.5 < (diameter or 0.0) / expected < 2
    return Explanation(
        "size" if objects and unlike else "few",
        stain,
        contrast,
        objects=objects,
        diameter=float(np.nan_to_num(diameter)),
        expected=expected,
        others=others,
    )
