"""What a file says of one of its images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

KNOWN_AXES = "TCZYX"


@dataclass(frozen=True)
class Series:
    """One image of a file: a field, with its planes, stains and time points.

    Attributes
    ----------
    axes : str
        A letter an axis, in the order of the pixels: T, C, Z, Y, X, S (colours of a picture), and
        Q where nothing says what an axis is.
    shape : tuple of int
        Their lengths.
    dtype : str
        As numpy calls it.
    number : int or None
        Its number among the file's images; None where there is one.
    name : str
    channels : tuple of str
        Names of the stains, or empty.
    pixel_size_um : float or None
        Micrometres a pixel along x.
    bits : int or None
        How many bits of the depth are used, where it is said.
    place : dict
        ``plate``, ``well``, ``site`` and ``measurement``, where the file knows them.
    planes : dict or None
        Where planes do not lie in order in one file: position in the leading axes to file and
        page; a page of -1 is missing.
    """

    axes: str
    shape: tuple[int, ...]
    dtype: str
    number: int | None = None
    name: str = ""
    channels: tuple[str, ...] = ()
    pixel_size_um: float | None = None
    bits: int | None = None
    place: Mapping[str, str] = field(default_factory=dict)
    planes: Mapping[tuple[int, ...], tuple[Path, int]] | None = None

    @property
    def said(self) -> bool:
        """Whether the file says what each of its axes is."""
        return set(self.axes) <= set(KNOWN_AXES)

    @property
    def leading(self) -> str:
        """The axes before the plane's own two, and before the colours of a picture."""
        return self.axes.removesuffix("S")[:-2]

    def count(self, axis: str) -> int:
        """How many positions an axis has; 1 where there is none."""
        return self.shape[self.axes.index(axis)] if axis in self.axes else 1

    def text(self) -> str:
        """Axes with their lengths, such as ``C 5, Y 1080, X 1080``."""
        return ", ".join(f"{a} {n}" for a, n in zip(self.axes, self.shape, strict=True))
