"""Every image segmented and measured."""

from __future__ import annotations

from functools import partial

from phenolens.config import Study
from phenolens.errors import InputError
from phenolens.findings import Finding
from phenolens.io.ledger import SetAside
from phenolens.prepared import Prepared
from phenolens.represent.base import kinds_of
from phenolens.represent.measuring.units import Cells
from phenolens.store import code_of
from phenolens.study.plan import MEASURING, Foreseen, unit_of
from phenolens.study.recipe import recipe_of
from phenolens.study.session import Session
from phenolens.study.setting_aside import tell
from phenolens.study.step import Made, step


def needs_cells(study: Study) -> bool:
    """Whether a representation of this study is made of measured cells."""
    known, images = kinds_of(study.model_dump()), study.data.images
    made = [known[name] for name in study.represent.representations if name in known]
    if any(kind.reads == "measurements" or kind.needs_measured for kind in made):
        return True
    cropped = study.networks.input == "cells" and images is not None and images.level != "cell"
    return cropped and any(kind.reads == "crops" for kind in made)


@step("cells", "fields.parquet", "segmentation.json", "segmentation.npz", when=needs_cells)
def measure(session: Session, *, prepare: Prepared | None) -> Made:
    """Segment and measure every image; the value is None for a screen of profiles only.

    Raises
    ------
    InputError
        If no field can be measured.
    """
    from phenolens.represent.measuring.cells import measure_cells
    from phenolens.represent.measuring.units import fields, write_plates
    from phenolens.study.segmentation import look_at_segmentation

    if prepare is None:
        return Made()
    recipe = recipe_of(session, prepare)
    code = code_of("phenolens.represent.measuring.cells")
    folder = session.store.folder("cells", prepare.folder.name, vars(recipe), code)
    # one copy of the network fits memory, and it uses the GPU or all cores by itself
    apart = recipe.method != "cellpose"
    jobs = session.workers if apart else 1
    foreseen = Foreseen(session, "Measuring cells", unit_of(prepare.images), jobs)
    if prepare.images.level != "cell":
        pixels = prepare.pixels(0).size
        foreseen.require(MEASURING.of(pixels), tasks=len(prepare))
    with session.progress.bar("Measuring cells") as tick:
        units = measure_cells(
            prepare,
            folder,
            recipe,
            jobs=jobs,
            cluster=session.cluster if apart else None,
            progress=tick,
            foresee=foreseen.of,
        )
    faults = [_aside(fault) for unit in units for fault in unit.faults()]
    whole = [fault for fault in faults if not fault.object]
    lost = {(fault.plate, fault.well, fault.site) for fault in whole}
    usable = [unit for unit in units if (unit.plate, unit.well, unit.site) not in lost]
    if not usable:
        first = whole[0]
        raise InputError(
            f"None of {len(units)} fields can be measured; the first: plate {first.plate}, well "
            f"{first.well}, site {first.site} ({first.file}): {first.reason}"
        )
    counts = {
        "fields_without_usable_labels": len(whole),
        "crops_without_nucleus": len(faults) - len(whole),
    }
    findings, pictures = look_at_segmentation(prepare, usable, recipe)
    tell(session, faults, findings)
    files = {
        "cells": partial(write_plates, usable),
        "fields.parquet": fields(usable),
        "segmentation.json": [finding.to_dict() for finding in findings] or None,
        "segmentation.npz": pictures,
    }
    return Made(Cells(usable, session.out / "cells"), files, set_aside=faults, counts=counts)


def _aside(fault: dict[str, str]) -> SetAside:
    """A fault of a unit in the ledger: labels without use, or a crop without nucleus."""
    place = {name: value for name, value in fault.items() if name != "reason"}
    if place.get("object"):
        return SetAside(Finding("no-nucleus", "info"), **place)
    why = Finding("labels-unusable", "warning", {}, {"fault": fault["reason"]})
    return SetAside(why, **place)
