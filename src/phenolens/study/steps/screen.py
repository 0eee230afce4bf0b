"""The screen: its tables read and joined; nothing of the images is read."""

from __future__ import annotations

from phenolens.profiles import PLATE
from phenolens.study.session import Session
from phenolens.study.step import Made, step


@step(verb="check")
def screen(session: Session) -> Made:
    """Join the screen's tables.

    Raises
    ------
    UndecidedError
        If a plate, or a well, may have been measured twice, and the study file does not say.
    """
    from phenolens.io.copies import ask_about_copies, wells_of
    from phenolens.io.integrate import integrate
    from phenolens.io.measurements import require_plates

    session.progress.say("Joining the screen's tables")
    joined = integrate(session.study.data.model_dump(), session.root)
    tables = {name: wells_of(block.table, block.level) for name, block in joined.profiles.items()}
    distinct = session.study.data.distinct_plates
    known = sorted(set(joined.wells[PLATE]))
    require_plates([distinct], known, spelled="[data] distinct_plates")
    ask_about_copies(joined.wells, tables, distinct=distinct, ledger=joined.ledger)
    return Made(joined, **vars(joined.ledger))
