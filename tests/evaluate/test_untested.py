"""Why a treatment could not be tested, and which compounds have doses for their only replicates."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from phenolens import profiles, words
from phenolens.evaluate.activity.untested import doses_only, why_untested
from phenolens.profiles import COMPOUND, CONTROL, PLATE, TREATMENT, WELL


def table(*wells: tuple[str, str | None], missing: tuple[int, ...] = ()) -> pd.DataFrame:
    """Wells of (plate, treatment); None is a control."""
    values = np.ones((len(wells), 2), dtype=np.float32)
    values[list(missing)] = np.nan
    frame = pd.DataFrame(values, columns=["f0", "f1"])
    frame[PLATE] = [plate for plate, _ in wells]
    frame[WELL] = [f"A{number:02d}" for number in range(1, len(wells) + 1)]
    frame[TREATMENT] = [treatment for _, treatment in wells]
    frame[CONTROL] = [treatment is None for _, treatment in wells]
    return profiles.from_frame(frame, features=["f0", "f1"])


def reasons(found: pd.DataFrame, **settings: object) -> dict[str, str]:
    rows = found.to_dict("records")
    return {row[TREATMENT]: words.noted(row["reason"], **row, **settings) for row in rows}


def test_each_treatment_is_told_its_own_reason():
    wells = table(
        ("P1", None), ("P1", "one"), ("P1", "empty"), ("P1", "empty"), ("P2", "apart"),
        ("P2", "apart"), ("P1", "fine"), ("P1", "fine"), missing=(2,),
    )  # fmt: skip
    found = why_untested(wells, within=[PLATE])
    assert reasons(found, within=[PLATE]) == {
        "one": "one well only; two are needed",
        "empty": "1 of its 2 wells hold values; two are needed",
        "apart": "0 of its 2 wells share Plate with an evaluation control",
        "fine": "",
    }
    assert found.set_index(TREATMENT)["wells"].to_dict() == {
        "apart": 2, "empty": 2, "fine": 2, "one": 1,
    }  # fmt: skip


def test_without_a_plate_to_share_any_control_will_do():
    wells = table(("P1", None), ("P2", "apart"), ("P2", "apart"))
    assert reasons(why_untested(wells)) == {"apart": ""}


def test_without_controls_the_wells_show_no_reason_of_their_own():
    assert reasons(why_untested(table(("P1", "a"), ("P1", "a")))) == {"a": ""}


def test_replicates_that_must_differ_and_do_not():
    wells = table(("P1", None), ("P1", "a"), ("P1", "a"))
    assert reasons(why_untested(wells, diff_by=[PLATE]), diff_by=[PLATE]) == {
        "a": "no two of its 2 wells differ in Plate"
    }


@pytest.mark.parametrize(("wells_a_dose", "told"), [(1, {"c": 3}), (2, {})])
def test_doses_are_the_only_replicates(wells_a_dose, told):
    doses = [f"c @ {dose}" for dose in (1, 3, 10)] * wells_a_dose
    wells = table(("P1", None), *(("P1", dose) for dose in doses), ("P1", "alone"))
    names = [None, *["c"] * len(doses), "alone"]
    assert doses_only(profiles.with_metadata(wells, {COMPOUND: names})).to_dict() == told
    assert doses_only(wells).empty
