"""Names of what is measured, in CellProfiler's canonical form."""

from __future__ import annotations

from collections.abc import Sequence

from phenolens.errors import InputError
from phenolens.measure.settings import MeasureSettings

FAMILIES = (
    "AreaShape",
    "Moments",
    "Intensity",
    "Texture",
    "Granularity",
    "RadialDistribution",
    "RadialZernikes",
    "Correlation",
    "Costes",
    "Neighbors",
    "Location",
    "ObjectSkeleton",
)
_ON_REQUEST = ("Moments",)  # CellProfiler's "advanced features", off there by default too
COMPARTMENTS = ("Nuclei", "Cells", "Cytoplasm")


def check_families(families: Sequence[str] | None) -> tuple[str, ...]:
    """The families asked for, in the order of ``FAMILIES``; all but the moments by default.

    Raises
    ------
    InputError
        If a family is unknown.
    """
    if families is None:
        return tuple(name for name in FAMILIES if name not in _ON_REQUEST)
    wanted = (families,) if isinstance(families, str) else tuple(families)
    unknown = [name for name in wanted if name not in FAMILIES]
    if unknown:
        raise InputError(f"Unknown feature families {unknown}; known are {', '.join(FAMILIES)}.")
    return tuple(name for name in FAMILIES if name in wanted)


def feature_names(
    channels: Sequence[str],
    compartments: Sequence[str] = COMPARTMENTS,
    families: Sequence[str] | None = None,
    *,
    settings: MeasureSettings | None = None,
) -> list[str]:
    """Columns that :func:`measure_objects` returns, metadata left out.

    Parameters
    ----------
    channels : sequence of str
        Stain names.
    compartments : sequence of str
        Compartment names.
    families : sequence of str, optional
        Subset of ``FAMILIES``; all but ``"Moments"`` by default.
    settings : MeasureSettings, optional

    Returns
    -------
    list of str
    """
    from phenolens.measure.families import plan

    blocks = plan(
        channels, compartments, check_families(families), settings=settings or MeasureSettings()
    )
    return [n for block in blocks for n in block.names if not n.startswith("Metadata_")]


def metadata_names(
    channels: Sequence[str],
    compartments: Sequence[str] = COMPARTMENTS,
    families: Sequence[str] | None = None,
    *,
    settings: MeasureSettings | None = None,
) -> list[str]:
    """``Metadata_`` columns that :func:`measure_objects` returns; arguments as
    :func:`feature_names`."""
    from phenolens.measure.families import plan
    from phenolens.measure.relations import relation_names

    blocks = plan(
        channels, compartments, check_families(families), settings=settings or MeasureSettings()
    )
    names = [n for block in blocks for n in block.names if n.startswith("Metadata_")]
    return ["Metadata_ObjectNumber", *relation_names(compartments), *names]
