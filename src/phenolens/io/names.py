"""Feature names of the field, taken apart: compartment, family, stain."""

from __future__ import annotations

import re
from typing import NamedTuple

COMPARTMENTS = ("Cells", "Cytoplasm", "Nuclei", "Image")
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
    if compartment not in COMPARTMENTS or not family:
        return FeatureName()
    return FeatureName(compartment, family, *_channels(family, measurement))


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
