"""What each measured feature says of a cell: a property, and whether a larger value is more of it.

CellProfiler's families hold several properties (``AreaShape`` has size and shape), and a property
is measured by features that rise with it and by features that fall. The table below is the only
place that says which; what has no direction counts as *changed* and no more.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd

from phenolens.io.names import is_bookkeeping, parse_feature

GROUP = ["compartment", "family", "stain", "property"]
NO_STAIN = "none"
# Measurements by family, property and sign; the first that fits counts.
_SIZE = (
    "Area|BoundingBoxArea|BoundingBoxVolume|ConvexArea|EquivalentDiameter|FilledArea|Perimeter|"
    "MajorAxisLength|MinorAxisLength|MaxFeretDiameter|MinFeretDiameter|MaximumRadius|MeanRadius|"
    "MedianRadius|SurfaceArea|Volume|ConvexVolume"
)
_BRIGHT = "(?:Mean|Median|LowerQuartile|UpperQuartile|Min|Max|Integrated)Intensity(?:Edge)?"
_COARSE = "Contrast|DifferenceEntropy|Entropy|SumEntropy|Variance|SumVariance"
_ALIKE = "Correlation|RWC|Manders|Overlap|Costes"
_CROWDED = "NumberOfNeighbors|PercentTouching"
_BRANCHED = "NumberTrunks|NumberNonTrunkBranches|NumberBranchEnds|TotalObjectSkeletonLength"
_POSITION = "Center|BoundingBoxM|Orientation|CenterMassIntensity|MaxIntensity_[XYZ]"
PROPERTIES: tuple[tuple[str, str, str, float], ...] = (
    ("AreaShape", rf"(?:{_SIZE})$", "size", 1.0),
    ("AreaShape", r"(?:FormFactor|Solidity|Extent)$", "roundness", 1.0),
    ("AreaShape", r"(?:Eccentricity|Compactness)$", "roundness", -1.0),
    ("AreaShape", "", "outline", 0.0),
    ("Intensity", _BRIGHT, "brightness", 1.0),
    ("Intensity", r"(?:Std|MAD)Intensity", "unevenness", 1.0),
    ("Intensity", "MassDisplacement", "displacement", 1.0),
    ("Texture", rf"(?:{_COARSE})_", "texture", 1.0),
    ("Texture", r"(?:AngularSecondMoment|InverseDifferenceMoment)_", "texture", -1.0),
    ("Texture", "", "texture", 0.0),
    ("Granularity", r"\d+_", "granularity", 1.0),
    ("RadialDistribution", r"(?:FracAtD|MeanFrac)_.*_\d+of\d+$", "radial distribution", 1.0),
    ("RadialDistribution", "", "pattern", 0.0),
    ("RadialZernikes", "", "pattern", 0.0),
    ("Correlation", rf"(?:{_ALIKE})_", "likeness", 1.0),
    ("Correlation", "", "likeness", 0.0),
    ("Colocalization", rf"(?:{_ALIKE})_", "likeness", 1.0),
    ("Colocalization", "", "likeness", 0.0),
    ("Costes", "", "likeness", 1.0),
    ("Neighbors", rf"(?:{_CROWDED})", "crowding", 1.0),
    ("Neighbors", r"(?:First|Second)ClosestDistance", "crowding", -1.0),
    ("Neighbors", "", "crowding", 0.0),
    ("ObjectSkeleton", _BRANCHED, "branching", 1.0),
)
_COMPILED = tuple((family, re.compile(text), name, sign) for family, text, name, sign in PROPERTIES)
_PLACE = re.compile(rf"(?:{_POSITION})")
_BIN = re.compile(r"_(\d+)of\d+$")
_SCALE = re.compile(r"Granularity_(\d+)_")
_SKELETON = re.compile(r"_([A-Za-z0-9]+)_skel$")


def feature_properties(columns: Sequence[str]) -> pd.DataFrame:
    """Compartment, family, stain, property and sign of every feature.

    Parameters
    ----------
    columns : sequence of str
        Names of features, in any order.

    Returns
    -------
    DataFrame
        One row a feature, in the order given: ``feature``, ``compartment``, ``family``, ``stain``
        (``none`` where no stain is used; two joined by ``+``, sorted), ``property``, ``weight``
        and ``why``. A weight above 0 says that a larger value is more of the property: of texture,
        coarser; of granularity, larger grains; of the radial distribution, nearer to the edge. It
        is 0 where a feature has no direction, and mean 1 in size among those of a group that have
        one. ``why`` is a code where a feature is set aside: ``not-cellprofiler`` (a name of
        another form), ``position`` (where an object lies in its image) or ``bookkeeping``.

    Notes
    -----
    Granularity at a scale and the share of a stain at a distance are spectra: what rises at one
    place falls at another. Their weights are the scale's logarithm, or the ring's number, less the
    group's mean.

    Examples
    --------
    >>> names = ["Nuclei_AreaShape_Area", "Cells_Correlation_K_RNA_DNA", "f0"]
    >>> feature_properties(names)[["compartment", "stain", "property", "weight", "why"]]
      compartment    stain  property  weight               why
    0      Nuclei     none      size     1.0
    1       Cells  DNA+RNA  likeness     0.0
    2                 none               0.0  not-cellprofiler
    """
    rows = [_of(str(name)) for name in columns]
    found = pd.DataFrame(rows, columns=["feature", *GROUP, "weight", "why"])
    found["stain"] = _as_written(found["stain"])
    for name, place in (("granularity", _SCALE), ("radial distribution", _BIN)):
        _spectrum(found, found["property"] == name, place)
    return found


def _of(name: str) -> tuple[str, str, str, str, str, float, str]:
    parsed = parse_feature(name)
    stain = "+".join(sorted(filter(None, (parsed.channel, parsed.channel_2)))) or NO_STAIN
    if is_bookkeeping(name) or parsed.family in ("Number", "Parent", "Children"):
        return name, parsed.compartment, parsed.family, stain, "", 0.0, "bookkeeping"
    if not parsed.compartment:
        return name, "", "", NO_STAIN, "", 0.0, "not-cellprofiler"
    measurement = name[len(parsed.compartment) + len(parsed.family) + 2 :]
    if parsed.family == "ObjectSkeleton" and (own := _SKELETON.search(name)):
        stain = own[1]
    if parsed.family in ("AreaShape", "Location") and _PLACE.match(measurement):
        return name, parsed.compartment, parsed.family, stain, "", 0.0, "position"
    for family, pattern, label, sign in _COMPILED:
        if family == parsed.family and pattern.match(measurement):
            return name, parsed.compartment, family, stain, label, sign, ""
    return name, parsed.compartment, parsed.family, stain, parsed.family.lower(), 0.0, ""


def _as_written(stains: pd.Series) -> pd.Series:
    """Stains in one spelling: what is made of one (``mito_tubeness``, ``mito``) counts as Mito."""
    plain = {s.lower(): s for s in sorted(set(stains)) if "_" not in s and s != s.lower()}
    return stains.map(
        lambda text: "+".join(
            plain.get(part.lower(), plain.get(part.split("_")[0].lower(), part))
            for part in text.split("+")
        )
    )


def _spectrum(found: pd.DataFrame, rows: pd.Series, place: re.Pattern[str]) -> None:
    """Weights of a spectrum's features, from where they stand in it; centred in each group."""
    if not rows.any():
        return
    where = found.loc[rows, "feature"].str.extract(place)[0].astype(float)
    where = np.log2(where) if place is _SCALE else where
    keys = [found.loc[rows, name] for name in GROUP]
    centred = where - where.groupby(keys).transform("mean")
    size = centred.abs().groupby(keys).transform("mean")
    found.loc[rows, "weight"] = (centred / size.where(size > 0)).fillna(0.0)
