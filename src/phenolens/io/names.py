"""Feature names of the field, taken apart: compartment, family, stain."""

from __future__ import annotations

import re
from typing import NamedTuple

COMPARTMENTS = ("Cells", "Cytoplasm", "Nuclei", "Image")
FAMILIES = (
    "AreaShape|Intensity|Texture|Granularity|Correlation|Colocalization|Neighbors|"
    "RadialDistribution|Location|ObjectSkeleton|ImageQuality|AreaOccupied|Density|Overlap|Math|"
    "Skeleton|FilamentLength|Classify|Distance"
)
IMAGE_FAMILIES = ("Intensity", "Texture", "Granularity", "Correlation", "Colocalization")
# An object may have any name, of several words (Cell_Body, Large Cells), or be what the means over
# its children are named after (Cells_Mean_Nucleoli). The first family's name ends it.
_OBJECT = r"[A-Za-z][A-Za-z0-9]*(?:[ _-][A-Za-z0-9]+)*?"
_MEASUREMENT = re.compile(rf"^(?P<object>{_OBJECT})_(?P<family>{FAMILIES})_(?P<measurement>.+)$")
_BOOKKEEPING = re.compile(
    rf"^(?:[A-Za-z0-9]+_Parent_[\w ]+|{_OBJECT}_(?:Parent_[A-Z][\w ]*|Children_[\w ]+_Count|"
    r"Number_Object_Number|Location_Center_[XYZ]|Neighbors_(?:First|Second)ClosestObjectNumber\w*))$"
)
NO_CHANNEL = frozenset(
    {"AreaShape", "Neighbors", "Number", "Parent", "Children", "ObjectSkeleton", "Threshold"}
)
# What follows the family, with the stain's place in it. A stain's name may hold underscores.
_SHAPES = {
    "Correlation": r"[A-Za-z]+_(?P<pair>.+)",
    "Colocalization": r"[A-Za-z]+_(?P<pair>.+)",
    "Granularity": r"\d+_(?P<channel>.+)",
    "Intensity": r"[A-Za-z]+_(?P<channel>.+)",
    "Location": r"(?:CenterMassIntensity|MaxIntensity)_[XYZ]_(?P<channel>.+)",
    "RadialDistribution": (
        r"(?:Zernike(?:Magnitude|Phase)_(?P<channel>.+?)_\d+_\d+|[A-Za-z]+_(?P<ring>.+?)"
        r"_(?:\d+of\d+|Overflow))"
    ),
    "RadialZernikes": r"[A-Za-z]+_(?P<channel>.+?)_\d+_\d+",
    "Texture": r"[A-Za-z]+\d?_(?P<channel>.+?)_\d+(?:_\d+)*",
    "Costes": r"[A-Za-z]+_(?P<pair>.+)",
}
_PATTERNS = {family: re.compile(f"^{text}$") for family, text in _SHAPES.items()}
_DEEP = re.compile(r"^(?P<model>.+?)__(?P<channel>.+?)__\d+$")


class FeatureName(NamedTuple):
    """The parts of a feature's name; empty where it has none."""

    compartment: str = ""
    family: str = ""
    channel: str = ""
    channel_2: str = ""

    @property
    def n_channels(self) -> int:
        """How many stains the feature is about."""
        return bool(self.channel) + bool(self.channel_2)


def parse_feature(name: str) -> FeatureName:
    """Compartment, family and stains of a feature, by its name.

    ``Cells_Correlation_RWC_AGP_DNA`` is about two stains; ``cnn__DNA__0001`` is a learned feature
    of one stain and ``cnn__all__0001`` of all. A name of no known form has empty parts.

    Examples
    --------
    >>> parse_feature("Cytoplasm_Texture_InfoMeas1_DAPI_3_02_256").channel
    'DAPI'
    """
    deep = _DEEP.match(name)
    if deep:
        channel = "" if deep["channel"] == "all" else deep["channel"]
        return FeatureName(family=deep["model"], channel=channel)
    compartment, _, rest = name.partition("_")
    family, _, measurement = rest.partition("_")
    known = _MEASUREMENT.match(name)
    if known and not is_bookkeeping(name):
        compartment, family, measurement = known.groups()
    elif compartment not in COMPARTMENTS or not family:
        return FeatureName()
    return FeatureName(compartment, family, *_channels(family, measurement))


def measured_object(name: str) -> str:
    """The object a CellProfiler measurement is of, by its name; '' where it is none.

    Bookkeeping of the same form (parents, children, numbers, positions in the image) is none, nor
    are an image's counts and qualities.

    Examples
    --------
    >>> measured_object("Cell_Body_AreaShape_Area"), measured_object("Image_Count_Cells")
    ('Cell_Body', '')
    """
    known = _MEASUREMENT.match(name)
    if known is None or "Metadata_" in name or is_bookkeeping(name):
        return ""
    if known["object"] == "Image" and known["family"] not in IMAGE_FAMILIES:
        return ""
    return known["object"]


def is_bookkeeping(name: str) -> bool:
    """Whether a name is one of CellProfiler's parents, children, numbers or image positions."""
    return bool(_BOOKKEEPING.match(name))


def _channels(family: str, measurement: str) -> tuple[str, str]:
    pattern = _PATTERNS.get(family)
    match = None if pattern is None or family in NO_CHANNEL else pattern.match(measurement)
    if match is None:
        return "", ""
    parts = match.groupdict()
    if parts.get("pair"):
        return _pair(parts["pair"])
    return parts.get("channel") or parts.get("ring") or "", ""


def _pair(text: str) -> tuple[str, str]:
    """Two stains joined by an underscore; a stain's own underscore is before H, L or a number."""
    words = re.split(r"_(?!(?:H|L|\d+)(?:_|$))", text)
    if len(words) < 2:
        return text, ""
    middle = (len(words) + 1) // 2
    return "_".join(words[:middle]), "_".join(words[middle:])
