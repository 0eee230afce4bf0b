"""Pixels to nuclei, cells and cytoplasm, without training.

The public names are loaded on first use, so that importing this package costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from phenolens.segment.crop import crop_labels
    from phenolens.segment.field import segment_field
    from phenolens.segment.given import as_labels, complete_labels
    from phenolens.segment.outlines import labels_from_outlines
    from phenolens.segment.settings import SegmentSettings
    from phenolens.segment.with_cellpose import require_cellpose, segment_with_cellpose

__all__ = [
    "SegmentSettings",
    "as_labels",
    "complete_labels",
    "crop_labels",
    "labels_from_outlines",
    "require_cellpose",
    "segment_field",
    "segment_with_cellpose",
]

_HOME = {
    "SegmentSettings": "settings",
    "as_labels": "given",
    "complete_labels": "given",
    "crop_labels": "crop",
    "labels_from_outlines": "outlines",
    "require_cellpose": "with_cellpose",
    "segment_field": "field",
    "segment_with_cellpose": "with_cellpose",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
