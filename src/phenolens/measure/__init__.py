"""CellProfiler-compatible measurements of labelled cells, compiled.

The public names are loaded on first use: importing this package costs nothing, and numba is
imported only when something is measured.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from phenolens.measure.names import FAMILIES, feature_names, metadata_names
    from phenolens.measure.objects import measure_objects
    from phenolens.measure.quality import cell_quality, field_quality
    from phenolens.measure.settings import MeasureSettings

__all__ = [
    "FAMILIES",
    "MeasureSettings",
    "cell_quality",
    "feature_names",
    "field_quality",
    "measure_objects",
    "metadata_names",
]

_HOME = {
    "FAMILIES": "names",
    "feature_names": "names",
    "metadata_names": "names",
    "MeasureSettings": "settings",
    "measure_objects": "objects",
    "cell_quality": "quality",
    "field_quality": "quality",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
