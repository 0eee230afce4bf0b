"""The originals, read once into the study's store."""

from __future__ import annotations

from collections import Counter
from functools import partial

from phenolens.findings import Finding
from phenolens.io.integrate import Integrated
from phenolens.io.ledger import SetAside
from phenolens.represent.base import options_of
from phenolens.store import code_of, digest, files_named
from phenolens.study.plan import READING, Foreseen, unit_of
from phenolens.study.session import Session
from phenolens.study.setting_aside import missing_wells, named, tell
from phenolens.study.step import Made, step
from phenolens.study.steps.headers import Looked

NONE_LEFT = Finding("images-not-readable", "warning")


@step("illumination", "pixels.json")
def prepare(session: Session, *, headers: Looked | None) -> Made:
    """Read the original images once; the value is None for a screen of profiles only."""
    from phenolens.audit.pixels import pixel_findings
    from phenolens.prepare import prepare as fill
    from phenolens.prepare import save_estimates

    if headers is None:
        return Made()
    images = headers.images
    settings = session.study.prepare
    files = images.table.drop(columns=images.metadata.columns.difference(images.key))
    described = [list(images.channels), images.level, images.pixel_size_um]
    folder = session.store.folder("images", files, described, code_of("phenolens.prepare"))
    foreseen = Foreseen(session, "Preparing images", unit_of(images), session.workers)
    if images.level != "cell":
        known = headers.headers.table
        largest = int((known["height"] * known["width"]).max()) * len(images.channels)
        foreseen.require(READING.of(largest), tasks=len(images))
    with session.progress.bar("Preparing images") as tick:
        done = fill(
            images,
            folder,
            correct=settings.illumination,
            verify=session.store.verify,
            keep=headers.headers.keep,
            jobs=session.jobs,
            cluster=session.cluster,
            progress=tick,
            foresee=foreseen.of,
        )
    rows = done.set_aside.drop(columns="reason").to_dict("records")
    faults = [SetAside(**row) for row in rows]
    counted = Counter(fault.why.code for fault in faults)
    findings = pixel_findings(done)
    lost = missing_wells(images.table, done.images.table)
    aside = [*faults, *named(lost, NONE_LEFT)]
    tell(session, aside, findings)
    return Made(
        done,
        {
            "illumination": partial(save_estimates, done, correct=settings.illumination),
            "pixels.json": [finding.to_dict() for finding in findings],
        },
        set_aside=aside,
        counts={
            "images_that_cannot_be_read": counted["image-not-read"],
            "images_with_unusable_pixels": counted["image-not-usable"],
            "images_unlike_the_others": counted["image-unlike"],
            "planes_with_absent_chunks": int((done.looks["absent"] > 0).sum()),
            "wells_without_readable_image": len(lost),
        },
    )


@step(verb="prepare")
def fingerprint(session: Session, *, screen: Integrated) -> Made:
    """Digest of all that the study reads: tables by content, the images' files as they stand.

    What the tables' joins left out counts too: it is in the ledger. So do weights of others.

    Raises
    ------
    PhenolensError
        If there are none, or their licence was not accepted.
    """
    from phenolens.prepare import originals

    parts = [screen.wells, screen.ledger.to_json()]
    for name, block in screen.profiles.items():
        parts += [name, block.table, block.level, block.normalized]
    if screen.images is not None:
        images = screen.images
        parts += [images.table, originals(images, functions=True)]
        parts += [images.channels, images.level, images.pixel_size_um]
    study = session.study.model_dump()
    wanted = [name for name in session.study.represent.representations if name in session.kinds]
    kinds = [session.kinds[name] for name in wanted if screen.images is not None]
    parts += [found for kind in kinds for found in kind.made_of(options_of(kind, study))]
    return Made(digest(*parts, files_named(study)))
