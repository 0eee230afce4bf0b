"""How many are active where no one can be named: a bound that holds, or the reason for none."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phenolens.evaluate.activity.share_active import as_values, lower_bound, share_active
from phenolens.stats.multiple_testing import (
    benjamini_hochberg,
    needed_at_floor,
    needed_before_one,
)
from phenolens.words.activity import remedy, share_in_words, why_no_hit

POSITIONS = 32


def as_tests(p: np.ndarray, floor: float) -> pd.DataFrame:
    return pd.DataFrame({"p": p, "p_attainable": floor, "q": benjamini_hochberg(p)})


def ask(p: np.ndarray, of_controls: np.ndarray, **options: object):
    floor = 1 / (POSITIONS + 1)
    usual = {"alpha": 0.05, "permutations": 10_000, "positions": True, "controls": 32.0}
    usual |= {"wells": (3, 1)}
    return share_active(as_tests(p, floor), as_tests(of_controls, floor), **usual | options)


@pytest.fixture
def excess() -> tuple[np.ndarray, np.ndarray]:
    """A third of 150 treatments at p <= 0.05, and one of 32 groups of controls."""
    p = np.r_[np.full(50, 1.5 / 33), np.linspace(0.06, 1, 100)]
    return p, np.r_[1 / 33, np.linspace(0.06, 1, 31)]


def test_an_excess_is_told_as_a_share_with_a_lower_bound(excess):
    found = ask(*excess)
    assert (found.called, found.groups_called, found.limit) == (50, 1, "design")
    assert 0.15 < found.low < found.share < 1 / 3
    assert found.needed == needed_at_floor(1 / 33, 150) == 91
    text = " ".join(
        [why_no_hit(alpha=0.05, **as_values(found)), share_in_words(**as_values(found))]
    )
    assert "cannot name single hits" in text and "91 must reach it together" in text
    assert f"at least {100 * found.low:.0f} %" in text and "one-sided 95 % bound" in text


def test_no_excess_is_never_told_as_none_active(excess):
    found = ask(np.linspace(0.04, 1, 150), excess[1])
    assert found.low == 0
    text = share_in_words(**as_values(found))
    assert "no more than chance may give" in text and "0 %" not in text


def test_nothing_is_told_where_a_hit_is_called_or_could_have_been(excess):
    called = np.r_[np.full(120, 1 / 33), np.ones(30)]
    assert ask(called, excess[1]) is None
    fine = share_active(
        as_tests(np.ones(40), 1e-4), as_tests(excess[1], 1e-4), alpha=0.05, permutations=10_000,
        positions=False, controls=16.0, wells=(4, 1),
    )  # fmt: skip
    assert fine is None


def test_a_share_is_withheld_where_controls_do_not_lie_among_the_treatments(excess):
    found = ask(*excess, uncovered="controls-not-among-treatments")
    assert found.share is None and found.low is None
    assert share_in_words(**as_values(found)).endswith(
        "is given: the controls do not lie where the treatments lie."
    )
    alone = ask(excess[0], np.array([]))
    assert alone.withheld == "no-group-like-treatments"


def test_too_few_permutations_are_told_as_such(excess):
    floor = 1 / 101
    found = share_active(
        as_tests(np.full(150, 0.2), floor), as_tests(excess[1], floor), alpha=0.05,
        permutations=100, positions=False, controls=16.0, wells=(4, 1),
    )  # fmt: skip
    assert found.limit == "permutations" and found.permutations_needed == 2999
    assert "2,999 permutations" in why_no_hit(alpha=0.05, **as_values(found))
    assert share_in_words(**as_values(found)) == "" == remedy(**as_values(found))


def test_what_it_takes_to_name_hits_would_name_them(excess):
    found = ask(*excess)
    at_floor = max((excess[0] <= 1 / 33 + 1e-12).sum(), 1)
    assert needed_at_floor(1 / (found.positions_needed + 1), 150) == at_floor
    assert needed_at_floor(1 / found.positions_needed, 150) > at_floor
    assert 33**found.plates_needed >= 150 / 0.05 > 33 ** (found.plates_needed - 1)


def test_tests_with_smaller_floors_need_fewer_beside_them():
    assert needed_before_one(np.full(100, 1 / 65), alpha=0.05) == needed_at_floor(1 / 65, 100)
    assert needed_before_one(np.r_[1e-5, np.full(99, 1 / 65)], alpha=0.05) == 1
    assert needed_before_one(np.full(100, 0.06), alpha=0.05) == 0


SHARES = st.floats(0, 1)


@given(tests=st.integers(1, 60), groups=st.integers(1, 40), share=SHARES, other=SHARES)
def test_the_bound_is_a_share_of_those_called_and_rises_with_them(tests, groups, share, other):
    called, of_groups = round(share * tests), round(other * groups)
    bound = lower_bound(called, tests, groups_called=of_groups, groups=groups)
    assert 0 <= bound <= called / tests
    if called < tests:
        more = lower_bound(called + 1, tests, groups_called=of_groups, groups=groups)
        assert more >= bound
    if of_groups < groups:
        less = lower_bound(called, tests, groups_called=of_groups + 1, groups=groups)
        assert less <= bound


@pytest.mark.parametrize(("positions", "active"), [(19, 0.0), (32, 0.2), (64, 0.5)])
def test_the_bound_holds_though_all_share_the_null_positions(positions, active):
    """Scores of 200 treatments against the same few positions: the null's luck is everybody's."""
    rng = np.random.default_rng([positions, 7])
    tests, held, bounds = 200, 0, []
    for _ in range(300):
        null, own = rng.normal(size=positions), rng.normal(size=tests)
        own[: round(active * tests)] += 3
        p = (1 + (null >= own[:, None]).sum(axis=1)) / (positions + 1)
        of_null = (1 + (null > null[:, None]).sum(axis=1)) / positions
        reach = max(0.05, 1 / positions)
        low = lower_bound(
            int((p <= reach).sum()), tests, groups_called=int((of_null <= reach).sum()),
            groups=positions,
        )  # fmt: skip
        held += low <= active
        bounds.append(low)
    assert held >= 0.93 * 300
    assert np.mean(bounds) >= active - 0.2
