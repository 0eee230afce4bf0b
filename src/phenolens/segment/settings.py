"""Every parameter of the segmentation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from phenolens.errors import ConfigError, InputError

NUCLEAR = ("dna", "dapi", "hoechst", "nuclei", "nucleus", "draq5")
TRANSMITTED = ("brightfield", "bf", "phase", "zbf", "dic")


@dataclass(frozen=True)
class SegmentSettings:
    """How nuclei and cells are found.

    Attributes
    ----------
    nuclei_channel : str or None
        Stain that shows nuclei; by default the one called DNA, DAPI, Hoechst or alike.
    cell_channels : tuple of str or None
        Stains that show the cell body; by default all but the nuclear one and transmitted light.
    nucleus_diameter : float or None
        Typical diameter, pixels; guessed from the image by default.
    cell_diameter : float or None
        Typical diameter, pixels; by default 2.5 nuclear diameters. Cells are followed up to this
        distance from their nucleus.
    nuclei_threshold, cell_threshold : float
        Factors on the automatic thresholds (contrast above background); above 1 is stricter.
    neck : float
        Touching nuclei are parted where the joint is narrower than this share of the smaller one.
    valley : float
        Or where the intensity dips below this share of the dimmer one.
    smallest : float
        Nuclei below this share of the typical nuclear area are debris and left out.
    largest : float
        Nuclei above this multiple of the typical nuclear area are left out.
    edge_weight : float
        How much steps of intensity, in any stain, part touching cells; dim valleys always do.
    regularization : float
        0 lets intensity alone part touching cells, large values the distance from the nucleus.
    discard_border : bool
        Leave out cells whose nucleus touches the border of the image.
    """

    nuclei_channel: str | None = None
    cell_channels: tuple[str, ...] | None = None
    nucleus_diameter: float | None = None
    cell_diameter: float | None = None
    nuclei_threshold: float = 1.0
    cell_threshold: float = 1.0
    neck: float = 0.82
    valley: float = 0.75
    smallest: float = 0.15
    largest: float = 8.0
    edge_weight: float = 0.25
    regularization: float = 0.3
    discard_border: bool = False

    def __post_init__(self) -> None:
        for name in ("nucleus_diameter", "cell_diameter"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ConfigError(f"Segmentation: {name} must be positive, got {value}.")
        for name in ("nuclei_threshold", "cell_threshold", "largest"):
            if not getattr(self, name) > 0:
                raise ConfigError(f"Segmentation: {name} must be positive.")


def nuclei_index(channels: Sequence[str], settings: SegmentSettings) -> int:
    """Position of the nuclear stain.

    Raises
    ------
    InputError
        If the stain named is missing, or none is named and none is known by its name.
    """
    named = settings.nuclei_channel
    if named is not None:
        if named not in channels:
            raise InputError(f"Nuclear stain '{named}' is not among {', '.join(channels)}.")
        return list(channels).index(named)
    for known in NUCLEAR:
        for index, channel in enumerate(channels):
            if known in channel.lower():
                return index
    raise InputError(
        f"None of the stains {', '.join(channels)} is known to show nuclei: "
        f"name one with nuclei_channel."
    )


def cell_indices(channels: Sequence[str], settings: SegmentSettings) -> list[int]:
    """Positions of the stains that show the cell body; may be empty.

    Raises
    ------
    InputError
        If a stain named is missing.
    """
    if settings.cell_channels is not None:
        missing = [name for name in settings.cell_channels if name not in channels]
        if missing:
            raise InputError(f"Cell stains {missing} are not among {', '.join(channels)}.")
        return [list(channels).index(name) for name in settings.cell_channels]
    nuclei = nuclei_index(channels, settings)
    return [
        index
        for index, channel in enumerate(channels)
        if index != nuclei and not any(word in channel.lower() for word in TRANSMITTED)
    ]
