"""The word that was probably meant."""

from __future__ import annotations

import pytest

from phenolens.errors import did_you_mean


@pytest.mark.parametrize(
    ("word", "known", "said"),
    [
        ("leave_outs", ["max_folds", "leave_out"], "; did you mean 'leave_out'?"),
        ("activty", iter(["match", "activity"]), "; did you mean 'activity'?"),
        ("--colum", ["--obsm", "--by"], "."),
        ("moon", [], "."),
    ],
)
def test_the_nearest_word_is_named_where_one_is_near(word, known, said):
    assert did_you_mean(word, known) == said
