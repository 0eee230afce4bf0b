"""Medians of groups are those of pandas, bit by bit."""

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from phenolens.grouping import group_medians


@given(
    hnp.arrays(np.float32, st.tuples(st.integers(1, 4), st.integers(1, 30)),
               elements=st.floats(width=32, allow_nan=True, allow_infinity=True)),
    st.integers(0, 99),
)  # fmt: skip
def test_medians_are_those_of_pandas(columns, seed):
    codes = np.random.default_rng(seed).integers(0, 5, columns.shape[1])
    codes = np.unique(codes, return_inverse=True)[1]
    given_columns = columns.copy()
    found = group_medians(columns, codes, n_groups=codes.max() + 1)
    with np.errstate(over="ignore"):
        theirs = pd.DataFrame(columns.T).groupby(codes).median().to_numpy(np.float32)
    np.testing.assert_array_equal(found, theirs)
    np.testing.assert_array_equal(columns, given_columns)


def test_a_group_without_rows_or_values_has_none():
    columns = np.array([[1.0, np.nan, 3.0]], dtype=np.float32)
    found = group_medians(columns, np.array([0, 1, 3]), n_groups=4)
    np.testing.assert_array_equal(found[:, 0], [1, np.nan, np.nan, 3])
