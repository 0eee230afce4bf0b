"""Wells with far fewer images than usual."""

from __future__ import annotations

from collections.abc import Iterable

from phenolens.audit.audit import check
from phenolens.audit.audited import Audited
from phenolens.findings import Finding


@check(110)
def check_images(design: Audited) -> Iterable[Finding]:
    """Whether wells hold about equally many images."""
    images = design.images
    if images is None or images.empty:
        return
    low = images[images < 0.5 * images.median()]
    if len(low):
        values = {"concerned": len(low), "wells": len(images), "usual": float(images.median())}
        about = {"well": tuple("/".join(map(str, key)) for key in low.index)}
        yield Finding("few-images", "info", about, values)
