"""The headers of the image files: which images are alike, before a pixel is read."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from phenolens.findings import Finding
from phenolens.images import ImageSet
from phenolens.io.images.image_headers import ImageHeaders
from phenolens.io.integrate import Integrated
from phenolens.io.ledger import Ledger
from phenolens.study.session import Session
from phenolens.study.setting_aside import missing_wells, named
from phenolens.study.step import Made, step

UNLIKE = Finding("images-unlike", "warning")


@dataclass(frozen=True)
class Looked:
    """Images whose headers are alike, what the headers say, and what was set aside for them."""

    images: ImageSet
    headers: ImageHeaders
    ledger: Ledger


@step(verb="check")
def headers(session: Session, *, screen: Integrated) -> Made:
    """Read the headers of the image files; the value is None for a screen of profiles only."""
    from phenolens.io.images.image_headers import read_headers

    images, settings = screen.images, session.study.data.images
    if images is None or settings is None:
        return Made()
    with session.progress.bar("Reading headers") as tick:
        found = read_headers(images, keep=settings.differing == "keep", progress=tick)
    rows, aside = found.set_aside()
    kept = images.take(np.setdiff1d(np.arange(len(images)), rows))
    if kept.pixel_size_um is None:
        kept = replace(kept, pixel_size_um=found.agreed_um)
    lost = missing_wells(images.table, kept.table)
    ledger = Ledger(
        set_aside=[*aside, *named(lost, UNLIKE)],
        counts={"images_unlike_the_others": len(aside), "wells_of_unlike_images": len(lost)}
        if aside
        else {},
    )
    return Made(Looked(kept, found, ledger), set_aside=ledger.set_aside, counts=ledger.counts)
