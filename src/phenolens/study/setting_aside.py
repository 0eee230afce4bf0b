"""What steps after the join set aside: named and counted in ``ledger.json`` like all the rest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pandas as pd

from phenolens.files import write_json
from phenolens.io.ledger import SetAside
from phenolens.prepared import Prepared
from phenolens.profiles import PLATE, WELL
from phenolens.study.design import screen
from phenolens.study.session import Session

WELL_KEY = [PLATE, WELL]


def note_images(session: Session, prepared: Prepared) -> None:
    """List the images that could not be read, and the wells that have none left."""
    faults = [SetAside(**row) for row in prepared.set_aside.to_dict("records")]
    lost = missing_wells(screen(session).images.table, prepared.images.table)
    counts = {"images_that_cannot_be_read": len(faults), "wells_without_readable_image": len(lost)}
    why = "none of its images can be read, so the well takes no part in what is made of images"
    _note(session, [*faults, *_named(lost, why)], counts)


def note_wells(session: Session, name: str, lost: Sequence[tuple[str, str]], reason: str) -> None:
    """List wells that one representation leaves out."""
    items = list(_named(lost, f"{reason}: not in '{name}'"))
    new = [item for item in items if item not in screen(session).ledger.set_aside]
    before = screen(session).ledger.counts.get(f"wells_not_in_{name}", 0)
    _note(session, items, {f"wells_not_in_{name}": before + len(new)})


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
