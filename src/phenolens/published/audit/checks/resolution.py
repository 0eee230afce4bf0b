"""Heatmaps whose squares are larger than what they are read for."""

from __future__ import annotations

from collections.abc import Iterable

from phenolens.audit.basis import DECLARATION, AuditFinding, unchecked
from phenolens.published.audit.audit import check
from phenolens.published.audit.declared import (
    Declared,
)

COARSE = 14


@check(100)
def check_resolution(declared: Declared) -> Iterable[AuditFinding]:
    """Heatmaps whose squares are larger than what they are read for."""
    told = declared.design.attribution
    if told.map_size is None:
        if told.threshold is not None:
            yield unchecked("coarse-attribution", "[attribution] says not the map's own size")
        return
    wide = None if told.image_size is None else told.image_size / told.map_size
    limit = None if told.nucleus_diameter is None else told.nucleus_diameter / 2
    coarse = told.map_size < COARSE if None in (wide, limit) else wide > limit
    square = "" if wide is None else f", {wide:.0f} pixels a square"
    seen = f" for nuclei of {told.nucleus_diameter:g}" if told.nucleus_diameter else ""
    what = f"Maps are {told.map_size} x {told.map_size}{square}{seen}."
    yield AuditFinding(
        "coarse-attribution", "error" if coarse else "ok", "", what,
        "They cannot tell a nucleus from its cytoplasm, whatever they are laid over." if coarse
        else "",
        "Take an earlier layer, or crops of cells enlarged before the network." if coarse else "",
        basis=DECLARATION,
    )  # fmt: skip
