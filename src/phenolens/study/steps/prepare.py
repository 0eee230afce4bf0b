"""The originals, read once into the study's store."""

from __future__ import annotations

from functools import partial

from phenolens.findings import Finding
from phenolens.io.integrate import Integrated
from phenolens.io.ledger import SetAside
from phenolens.store import digest
from phenolens.study.session import Session
from phenolens.study.setting_aside import missing_wells, named
from phenolens.study.step import Made, step
from phenolens.study.steps.headers import Looked

NONE_LEFT = Finding("images-not-readable", "warning")


@step("illumination")
def prepare(session: Session, *, headers: Looked | None) -> Made:
    """Read the original images once; the value is None for a screen of profiles only."""
    from phenolens.prepare import prepare as fill
    from phenolens.prepare import save_estimates

    if headers is None:
        return Made()
    images = headers.images
    settings = session.study.prepare
    files = images.table.drop(columns=images.metadata.columns.difference(images.key))
    folder = session.store.folder("images", files, list(images.channels))
    with session.progress.bar("Preparing images") as tick:
        done = fill(images, folder, correct=settings.illumination, jobs=session.jobs, progress=tick)
    faults = [
        SetAside(Finding("image-not-read", "warning", {}, {"fault": row.pop("reason")}), **row)
        for row in done.set_aside.to_dict("records")
    ]
    lost = missing_wells(images.table, done.images.table)
    return Made(
        done,
        {"illumination": partial(save_estimates, done, correct=settings.illumination)},
        set_aside=[*faults, *named(lost, NONE_LEFT)],
        counts={
            "images_that_cannot_be_read": len(faults),
            "wells_without_readable_image": len(lost),
        },
    )


@step(verb="prepare")
def fingerprint(session: Session, *, screen: Integrated) -> Made:
    """Digest of all that the study reads: tables, profiles, and the images' files as they stand."""
    from phenolens.prepare import originals

    parts = [screen.wells, *(block.table for block in screen.profiles.values())]
    if screen.images is not None:
        parts += [screen.images.table, originals(screen.images)]
    return Made(digest(*parts))
