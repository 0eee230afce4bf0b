"""Regular expressions of a user: those of Python's ``re``, with an end."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phenolens.errors import InputError
from phenolens.expressions import Expression

PARTS = ["a", "b", ".", "[ab]", "[^a]", r"\d", r"\w+", "(a|b)", "(?:ab)?", "a*", "b{1,2}", "^", "$"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a(", "is not a regular expression: missing"),
        (r"\p{L}", "is not a regular expression: bad escape"),
        ("(?R)", "is not a regular expression"),
        ("*", "nothing to repeat"),
        ("a" * 1001, "has 1001 characters; at most 1000"),
        ("((a{100}){100}){100}", "repeats a part more than 10000 times"),
        ("a{99999999999999999999}", "repeats a part more than 10000 times"),
        ("(?x)(a{ 10 000 0 }){1000}", "repeats a part"),
        ("(" * 490 + "a" + ")" * 490, "no regular expression that can be read"),
    ],
)
def test_what_is_none_or_too_large_is_refused(text, said):
    with pytest.raises(InputError) as raised:
        Expression(text)
    assert said in str(raised.value)
    assert len(str(raised.value).splitlines()) == 1


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.sampled_from(PARTS), min_size=1, max_size=5).map("".join),
    st.lists(st.text(alphabet="abAé1 \n", max_size=6), max_size=5),
    st.booleans(),
)
def test_it_finds_what_re_finds(pattern, texts, ignore_case):
    python = re.compile(pattern, re.IGNORECASE if ignore_case else 0)
    for text, found in zip(
        texts, Expression(pattern, ignore_case=ignore_case).search(texts), strict=True
    ):
        expected = python.search(text)
        assert (found and found.span()) == (expected and expected.span())


def test_a_uuid_and_a_barcode_are_no_large_patterns():
    pattern = r"([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"
    (found,) = Expression(pattern).search(["x_01234567-89ab-cdef-0123-456789abcdef.tif"])
    assert found[1] == "01234567-89ab-cdef-0123-456789abcdef"


@pytest.mark.parametrize("pattern", ["(a|a)*$", "((a|b|ab)*c?)*$", r"(\w|\w\w)*!?$"])
def test_a_search_that_would_never_end_is_stopped(pattern):
    with pytest.raises(InputError, match="takes too long, last on"):
        Expression(pattern).search(["ab" * 50 + " " + "a" * 60 + "-"], until=time.monotonic() + 0.2)


def test_many_short_searches_have_one_end():
    with pytest.raises(InputError, match="takes too long"):
        Expression("a").search(iter(["b"]), until=time.monotonic() - 1)
