"""The text that says which plane of a file is meant."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phenolens.errors import InputError
from phenolens.readers.index import PlaneIndex, parse_index

POSITIONS = st.lists(st.integers(0, 10_000), max_size=4).map(tuple)
SERIES = st.one_of(st.none(), st.integers(0, 10_000))


@given(POSITIONS, SERIES)
def test_a_place_is_read_back_from_its_text(position, series):
    place = PlaneIndex(position, series)
    assert parse_index(str(place)) == place


@given(st.integers(0, 10_000))
def test_a_page_is_read_back(page):
    assert parse_index(str(PlaneIndex(page=page))) == PlaneIndex(page=page)


def test_an_image_may_be_named_alone():
    assert parse_index("s2") == parse_index("s2:") == PlaneIndex(series=2)


@pytest.mark.parametrize("text", ["x", "1,", "-1", "s:0", "2:0", "s1,2", "s", "p", "1.5", "p1,2"])
def test_other_texts_are_refused(text):
    with pytest.raises(InputError, match="is none we read"):
        parse_index(text)
