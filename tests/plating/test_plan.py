"""What fits on plates is dealt out evenly; what does not is refused with what would."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phenolens.errors import ConfigError, DesignError
from phenolens.plating.plan import Plan


def plan(treatments: int, **given: object) -> Plan:
    return Plan(tuple(range(treatments)), **given)


@pytest.mark.parametrize(
    ("treatments", "given", "sets", "plates"),
    [
        (320, {}, 1, 4),
        (352, {}, 1, 4),
        (353, {}, 2, 4),
        (300, {"empty_edge": True}, 2, 4),  # 308 inner wells less 32 controls
        (40, {"plates": 1, "replicates": 3}, 1, 1),
        (40, {"plates": 2}, 1, 2),
        (640, {"plates": 8}, 2, 4),
        (40, {"plates": 8}, 2, 4),
        (84, {"wells": 96, "controls": (12,)}, 1, 4),
        (1400, {"wells": 1536, "controls": (100, 36)}, 1, 4),
    ],
)
def test_sets_of_replicate_plates(treatments, given, sets, plates):
    made = plan(treatments, **given)
    assert (made.sets, made.plates_a_set) == (sets, plates)


@pytest.mark.parametrize(
    ("treatments", "given", "said"),
    [
        (0, {}, "no treatment"),
        (10, {"wells": 100}, r"wells \(--wells\) of a plate are 96, 384 or 1536; got 100"),
        (10, {"wells": 96, "controls": (96,)}, "leave no room"),
        (10, {"wells": 96, "controls": (60,), "empty_edge": True}, "among the 60 usable wells"),
        (800, {"plates": 4}, r"plates \(--plates\) must be 12 or more"),
        (200, {"plates": 2}, "need 800 wells, but 2 of 384 wells have 704.* must be 3 or more"),
        (10, {"plates": 7}, "take 4 or 8"),
    ],
)
def test_what_does_not_fit(treatments, given, said):
    with pytest.raises(DesignError, match=said) as told:
        plan(treatments, **given)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("wrong", [{"replicates": 0}, {"plates": 0}, {"replicates": 1.5}])
def test_numbers_that_are_none(wrong):
    with pytest.raises(ConfigError, match="whole number"):
        plan(3, **wrong)


@given(
    st.integers(1, 60), st.integers(1, 9), st.integers(1, 9), st.integers(1, 8)
)  # fmt: skip
def test_every_treatment_has_its_replicates_and_plates_are_even(treatments, replicates, plates, n):
    made = Plan(
        tuple(k // n for k in range(treatments)), replicates=replicates,
        plates=min(plates, replicates), controls=(8,), wells=1536,
    )  # fmt: skip
    copies = made.copies(treatments)
    assert (copies.sum(axis=1) == replicates).all()
    assert np.ptp(copies.sum(axis=0)) <= 1
    assert np.ptp(copies) <= 1


def test_doses_of_a_compound_stay_in_one_set():
    made = Plan(tuple(np.repeat(range(100), 8).tolist()))
    dealt = made.assign_plates(np.random.default_rng(0))
    assert made.sets == 3
    assert np.ptp(np.bincount(dealt)) <= 1
    split = [len(set(dealt[k : k + 8])) > 1 for k in range(0, 800, 8)]
    assert sum(split) <= 2  # 800 is no multiple of 3 sets of 8: where sets end, a series is cut
