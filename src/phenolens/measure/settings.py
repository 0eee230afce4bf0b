"""What is measured and how: CellProfiler's parameters and defaults.

The JUMP production pipeline differs in one of them: it takes granularity on images subsampled to
0.5, and its background at 0.5 again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Scope = Literal["field", "object"]


@dataclass(frozen=True)
class MeasureSettings:
    """Parameters of the feature families.

    Attributes
    ----------
    texture_scales : tuple of int
        Distances of co-occurrence, pixels.
    texture_levels : int
        Gray levels of the co-occurrence table, 2 to 256.
    texture_spans : mapping of str to float
        Stain to the intensity that takes the highest gray level; 1 for stains not named, as
        CellProfiler has it. For dim stains, which would have one gray level or two.
    granularity_subsample, granularity_background : float
        Subsampling before the spectrum, and further before the background estimate.
    granularity_radius : int
        Radius of the background's structuring element, pixels after both subsamplings.
    granularity_length : int
        Steps of the spectrum.
    radial_bins : int
        Rings from an object's centre to its edge.
    closed_hull : bool
        Whether pixel centres on the lower border of an object's convex hull count in its area
        and solidity: no in CellProfiler 4 (scikit-image up to 0.19), yes in cp_measure.
    zernike_degree : int
        Highest degree of the Zernike polynomials.
    correlation_threshold : float
        Manders, overlap and RWC use pixels above this percentage of the object's maximum.
    rwc_ranks : {"field", "object"}
        Intensity ranks over all objects of the field (CellProfiler 4.2) or within each object
        (cp_measure).
    costes_threshold : {"field", "object"}
        One Costes threshold for all objects of the field (CellProfiler 4.2) or one for each
        object (cp_measure).
    neighbor_distances : tuple of (str, tuple of int)
        Compartment and expansion distances in pixels; 0 means "Adjacent".
    tubeness_channel : str or None
        Stain from which ``mito_tubeness`` and ``mito_skel`` are derived; measured when present.
    tubeness_sigma : float
        Scale of the tubeness filter, pixels.
    tubeness_compartments : tuple of str
        Where rings are measured on ``mito_tubeness``.
    tubeness_bins : tuple of two int
        Rings around the nucleus measured on ``mito_tubeness``: scaled to each cell, and of fixed
        width.
    tubeness_radius : float
        Radius of the outermost ring of fixed width, pixels; what lies beyond is ``Overflow``.
    """

    texture_scales: tuple[int, ...] = (3, 5, 10)
    texture_levels: int = 256
    texture_spans: Mapping[str, float] = field(default_factory=dict, hash=False)
    granularity_subsample: float = 0.25
    granularity_background: float = 0.25
    granularity_radius: int = 10
    granularity_length: int = 16
    radial_bins: int = 4
    closed_hull: bool = False
    zernike_degree: int = 9
    correlation_threshold: float = 15.0
    rwc_ranks: Scope = "field"
    costes_threshold: Scope = "field"
    neighbor_distances: tuple[tuple[str, tuple[int, ...]], ...] = (
        ("Nuclei", (1,)),
        ("Cells", (0, 5)),
    )
    tubeness_channel: str | None = "Mito"
    tubeness_sigma: float = 1.0
    tubeness_compartments: tuple[str, ...] = ("Cells", "Cytoplasm")
    tubeness_bins: tuple[int, int] = (16, 20)
    tubeness_radius: float = 200.0


def like_cp_measure(**changes: Any) -> MeasureSettings:
    """Settings under which every shared feature equals cp_measure's, with ``changes`` applied."""
    peer: dict[str, Any] = {
        "closed_hull": True,
        "rwc_ranks": "object",
        "costes_threshold": "object",
    }
    return MeasureSettings(**(peer | changes))
