"""What steps after the join set aside: named and counted in ``ledger.json`` like all the rest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pandas as pd

from phenolens.errors import InputError
from phenolens.files import write_json
from phenolens.io.ledger import SetAside
from phenolens.prepared import Prepared
from phenolens.profiles import PLATE, WELL
from phenolens.represent.measuring.units import Unit
from phenolens.study.design import screen
from phenolens.study.session import Session
from phenolens.tools.representation import Profiles

WELL_KEY = [PLATE, WELL]


def note_images(session: Session, prepared: Prepared) -> None:
    """List the images that could not be read, and the wells that have none left."""
    faults = [SetAside(**row) for row in prepared.set_aside.to_dict("records")]
    lost = missing_wells(screen(session).images.table, prepared.images.table)
    counts = {"images_that_cannot_be_read": len(faults), "wells_without_readable_image": len(lost)}
    why = "none of its images can be read, so the well takes no part in what is made of images"
    _note(session, [*faults, *_named(lost, why)], counts)


def note_units(session: Session, units: Sequence[Unit]) -> list[Unit]:
    """List fields and crops that could not be measured; returns the units that could.

    Raises
    ------
    InputError
        If no field could.
    """
    faults = [SetAside(**fault) for unit in units for fault in unit.faults()]
    fields = [fault for fault in faults if not fault.object]
    counts = {
        "fields_without_usable_labels": len(fields),
        "crops_without_nucleus": len(faults) - len(fields),
    }
    if faults:
        _note(session, faults, counts)
    lost = {(fault.plate, fault.well, fault.site) for fault in fields}
    usable = [unit for unit in units if (unit.plate, unit.well, unit.site) not in lost]
    if not usable:
        first = fields[0]
        raise InputError(
            f"None of {len(units)} fields can be measured; the first: plate {first.plate}, well "
            f"{first.well}, site {first.site} ({first.file}): {first.reason}"
        )
    return usable


def require_one_measurement(session: Session, wells: pd.DataFrame) -> None:
    """Ask about plates and wells whose images, once measured, look like others taken again.

    Raises
    ------
    UndecidedError
        If the study file does not say what they are; what it says goes to the ledger.
    """
    from phenolens.io.copies import ask_about_copies

    joined, distinct = screen(session), session.study.data.distinct_plates
    known = len(joined.ledger.conflicts)
    ask_about_copies(joined.wells, {"cellprofiler": wells}, distinct=distinct, ledger=joined.ledger)
    if len(joined.ledger.conflicts) > known:
        write_json(session.out / "ledger.json", joined.ledger.to_json())


def note_wells(session: Session, name: str, lost: Sequence[tuple[str, str]], reason: str) -> None:
    """List wells that one representation leaves out."""
    items = list(_named(lost, f"{reason}: not in '{name}'"))
    new = [item for item in items if item not in screen(session).ledger.set_aside]
    before = screen(session).ledger.counts.get(f"wells_not_in_{name}", 0)
    _note(session, items, {f"wells_not_in_{name}": before + len(new)})


def note_left_out(session: Session, item: Profiles) -> None:
    """List the wells that calibration could not use."""
    for why in dict.fromkeys(lost.why for lost in item.left_out):
        wells = [(lost.plate, lost.well) for lost in item.left_out if lost.why == why]
        note_wells(session, item.name, wells, why)


def missing_wells(before: pd.DataFrame, after: pd.DataFrame) -> list[tuple[str, str]]:
    """Plate and well of the first frame's wells that the second does not have, sorted."""
    had, has = (
        set(zip(*(f[c].astype(str) for c in WELL_KEY), strict=True)) for f in (before, after)
    )
    return sorted(had - has)


def _named(wells: Iterable[tuple[str, str]], reason: str) -> Iterable[SetAside]:
    return (SetAside(reason, plate=plate, well=well) for plate, well in wells)


def _note(session: Session, items: list[SetAside], counts: dict[str, int]) -> None:
    """Add to the ledger what is not in it yet, and write it again."""
    ledger = screen(session).ledger
    ledger.set_aside.extend(item for item in items if item not in ledger.set_aside)
    ledger.counts |= {name: count for name, count in counts.items() if count}
    write_json(session.out / "ledger.json", ledger.to_json())
