"""Plates that a block made elsewhere knows together in a way that nothing measured explains."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from phenolens import profiles
from phenolens.audit.audit import check
from phenolens.audit.audited import Audited, AuditedBlock
from phenolens.evaluate.quality.agreement import Held, Jump, comparable, jumps, matched
from phenolens.findings import Finding
from phenolens.profiles import PLATE

FEWEST_PLATES = 3


@check(95)
def check_plates_known(design: Audited) -> Iterable[Finding]:
    """Whether a block agrees between some plates where measured features do not."""
    yield from plates_known(design.blocks)


def plates_known(blocks: Sequence[AuditedBlock]) -> Iterator[Finding]:
    """What the check says of these blocks: the first that was measured is what others are held to.

    A block that was made elsewhere gets a warning for each pair of plates that it knows together; a
    note where nothing was measured in the same wells.
    """
    learned = [block for block in blocks if block.made_elsewhere and not block.measured]
    if not learned:
        return
    reference = next((block for block in blocks if block.measured), None)
    measured = None if reference is None else comparable(reference.wells)
    for block in learned:
        held = comparable(block.wells)
        if len(held) >= FEWEST_PLATES:
            name = "" if reference is None else reference.name
            yield from _of_block(block, held, measured=measured, reference=name)


def _of_block(
    block: AuditedBlock, held: Held, *, measured: Held | None, reference: str
) -> Iterator[Finding]:
    found = jumps(held, measured)
    if not found:
        plates = len(set(profiles.column(block.wells, PLATE)))
        values = {"measured": reference, "plates": len(held), "of": plates}
        yield Finding("agreement-even", "ok", {"representation": block.name}, values)
    for jump in found:
        about = {"representation": block.name, "plate": jump.plates}
        values = _matched("", held, jump) | {
            "against": jump.against,
            "agreement": jump.agreement,
            "agreement_others": jump.agreement_others,
            "units": jump.units,
            "p": jump.p,
        }
        if measured is None or jump.measured != jump.measured:
            yield Finding("agreement-uneven", "info", about, values)
            continue
        values |= _matched("measured_", measured, jump) | {
            "measured": reference,
            "measured_agreement": jump.measured,
            "measured_agreement_others": jump.measured_others,
        }
        yield Finding("agreement-jumps", "warning", about, values)


def _matched(of: str, held: Held, jump: Jump) -> dict[str, Any]:
    """Shares of wells nearest to themselves on these plates, and on both with the third."""
    here = matched(held, jump.plates)
    pairs = [(min(one, jump.against), max(one, jump.against)) for one in jump.plates]
    there = [matched(held, pair) for pair in pairs]
    return {
        f"{of}same_well": here["same_well"],
        f"{of}same_well_others": sum(one["same_well"] for one in there) / 2,
        f"{of}twins": here["twins"],
        f"{of}same_treatment": here["same_treatment"],
    }
