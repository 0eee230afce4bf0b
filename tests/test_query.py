"""Queries on metadata: what they select is what pandas selects, and they do nothing else."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from phenolens.errors import InputError, UnknownColumnError
from phenolens.query import evaluate_query, values_asked

MANY = settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)


def wells() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Metadata_Compound": ["DMSO", "dmso", "taxol", None],
            "Metadata_Concentration": [1.0, 2.0, np.nan, 10.0],
            "Metadata_Code": ["1", "10", None, "x"],
            "Metadata_Dose (uM)": [1, 2, 3, 4],
            "Metadata_Dose_µM": [1, 2, 3, 4],
            "Metadata_Control": [True, False, None, True],
            "Metadata_Kind": pd.Categorical(["u", "v", None, "u"]),
            "Metadata_Passage": pd.array([1, None, 2, 3], "Int64"),
            "Metadata_Line": pd.array(["A", "B", None, "A"], "string"),
            "other": [0.5, 0.5, 1.5, 1.5],
        }
    )


def selected(query: str, rows: pd.DataFrame | None = None) -> str:
    """The rows a query selects, as 1 and 0."""
    found = evaluate_query(wells() if rows is None else rows, query, "controls")
    assert found.dtype == bool
    return "".join("1" if value else "0" for value in found)


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("Metadata_Compound == 'taxol'", "0010"),
        ("Compound == 'DMSO'", "1100"),
        ("Compound != 'DMSO'", "0011"),
        ("Compound in ['dmso']", "1100"),
        ("Compound in ('dmso', 'DMSO')", "1100"),
        ("Compound == 'dmso' or Compound == 'DMSO'", "1100"),
        ("Compound == ['taxol', None]", "0011"),
        ("Compound.str.startswith('DM')", "1000"),
        ("Compound.str.contains('d', case=False)", "1100"),
        ("not Compound.str.contains('o$')", "1011"),
        ("Compound.str.contains('[ax]+')", "0010"),
        ("Compound.str.contains('[ax]+', regex=False)", "0000"),
        ("Compound.str.endswith(('l', 'O'), na=True)", "1011"),
        ("Code == 10", "0000"),
        ("Code != 10", "1111"),
        ("Code in [10, 'x']", "0001"),
        ("Code < '2'", "1100"),
        ("Concentration > -1", "1101"),
        ("1 < Concentration <= 10", "0101"),
        ("Concentration == 1 | Concentration == 10 & Code == 'x'", "1001"),
        ("(Concentration == 1) & ~(Code == 'x')", "1000"),
        ("not Concentration > 1", "1010"),
        ("Concentration != 1", "0111"),
        ("Concentration.isna() or other == 1.5 and not Code.isna()", "0011"),
        ("`Dose (uM)` in [1, 2]", "1100"),
        ("`Metadata_Dose (uM)` == 3", "0010"),
        ("Dose_µM >= 3", "0011"),
        ("Control", "1001"),
        ("~Control", "0110"),
        ("Control == True and Kind == 'u'", "1001"),
        ("Passage != 1", "0111"),
        ("Passage > 1", "0011"),
        ("Line != 'A'", "0110"),
        ("`Dose (uM)` > other", "1111"),
        ("Compound == 'taxol'\n  or Code == 'x'", "0011"),
        ("Compound == 'a & b'", "0000"),
        ("Code.isin([])", "0000"),
        ("(Code == 'x') == False", "1110"),
    ],
)
def test_rows_are_selected(query, rows):
    assert selected(query) == rows


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("Concentration", "does not say yes or no for each well; compare a column"),
        ("[0, 1, 2]", "does not say yes or no"),
        ("'DMSO'", "does not say yes or no"),
        ("Compound = 'DMSO'", "does not say yes or no"),
        ("Concentration + 1", "does not say yes or no"),
        ("~Compound == 'x'", "does not say yes or no"),
        ("Code == 'x' or 1", "does not say yes or no"),
        ("1 == 1", "two values are compared and no column"),
        ("Concentration + 1 == 2", "does not calculate"),
        ("Compound == None", r"write .isna\(\) or .notna\(\)"),
        ("Compound is None", "'is' compares no values"),
        ("Compound in 'DMSO'", "asked of a column and a list"),
        ("1 in [1, 2]", "asked of a column and a list"),
        ("Code in Compound", "asked of a column and a list"),
        ("Code < 10", r"no order between Code \(text, such as '1'\) and 10"),
        ("Concentration > 'a'", r"no order between Concentration \(no text, such as 1.0\) and 'a'"),
        ("Concentration < 1" + "0" * 400, "no order between"),
        ("Concentration.str.contains('1')", "Concentration holds no text"),
        ("Compound.str.contains(Code)", "'Code' is not allowed"),
        ("Compound.str.contains(1)", "takes a text in quotes"),
        ("Compound.str.contains('a', flags=2)", "of options"),
        ("Compound.str.contains('a', **Code)", "not allowed|of options"),
        ("Compound.str.contains('a(')", "is not a regular expression"),
        ("Compound.str.contains('((a{100}){100}){100}')", "repeats a part more than 10000 times"),
        (f"Compound.str.contains('{'a' * 1001}')", "has 1001 characters"),
        (f"Compound.str.contains('{'(' * 490}a{')' * 490}')", "that can be read"),
        ("Compound == 'a' # and Code == 'x'", "'#' outside of quotes"),
        ("Compound == 'a'; Code == 'x'", "invalid syntax"),
        ("Compound.map(print)", "not allowed; a query compares columns"),
        ("Compound.str", "not allowed"),
        ("Compound.isna(1)", "not allowed"),
        ("Compound.isin(Code)", "not allowed"),
        ("Compound == @x", "cannot be evaluated"),
        ("(lambda: 1)()", "not allowed"),
        ("[x for x in Compound]", "not allowed"),
        ("(x := Code) == 'x'", "not allowed"),
        ("f'{Compound}' == 'DMSO'", "not allowed"),
        ("Compound == b'a'", "not allowed"),
        ("Code == 1j", "not allowed"),
        ("Code if Control else Code", "not allowed"),
        ("{Code: 1}", "not allowed"),
        ("Code[0] == '1'", "not allowed"),
        ("Compound == 'a\0'", "cannot be evaluated"),
        ("Compound == '\ud800'", "cannot be evaluated"),
        ("Code == " + "1" * 5000, "cannot be evaluated"),
        ("not " * 2400 + "Control", "nests deeper than 50|cannot be read"),
        ("-" * 9000 + "1 == Code", "cannot be"),
        ("(" * 4000 + "Control" + ")" * 4000, "cannot be evaluated"),
        ("Code." * 1500 + "x", "nests deeper|cannot be read"),
        ("Control or " * 900 + "Control.isna() or Control.isna()" * 60, "cannot be evaluated"),
        ("Code==1 or " * 800 + "Code == 1", "more than 1000 parts"),
        ("Compound == '" + "a" * 10_000 + "'", "has 10014 characters"),
        ("", "cannot be evaluated"),
    ],
)
def test_what_is_no_selection_is_refused_in_one_line(query, said):
    with pytest.raises(InputError, match=said) as raised:
        selected(query)
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 1500
    assert str(raised.value).startswith("controls = ")


def test_a_list_of_every_well_of_a_plate_is_no_long_query():
    names = [f"{row}{column:02d}" for row in "ABCDEFGHIJKLMNOP" for column in range(1, 25)]
    rows = pd.DataFrame({"Metadata_Well": [*names, "Z99"]})
    assert evaluate_query(rows, f"Well in {names}", "exclude").sum() == 384


def test_an_unknown_column_is_told_apart_and_the_nearest_named():
    with pytest.raises(UnknownColumnError, match="'Compund'; did you mean 'Metadata_Compound'"):
        selected("Compund == 'a'")
    with pytest.raises(UnknownColumnError, match=r'did you mean "Metadata_Compound == \'taxol\'"'):
        selected("taxol")


def test_a_name_in_backticks_is_taken_as_it_is_written():
    rows = pd.DataFrame({"Metadata_\u00b5M": [1, 2], "Metadata_\u03bcM": [3, 4]})
    assert selected("`\u03bcM` == 3", rows) == "10"
    assert selected("`\u00b5M` == 2", rows) == "01"


def test_a_column_that_is_there_twice_is_refused():
    rows = pd.DataFrame([["a", "b"]], columns=["Metadata_A", "Metadata_A"])
    with pytest.raises(InputError, match="two columns 'A'"):
        selected("A == 'a'", rows)


def test_a_pattern_that_would_never_end_is_stopped(monkeypatch):
    monkeypatch.setattr("phenolens.query.SECONDS", 0.2)
    rows = pd.DataFrame({"Metadata_A": ["a" * 60 + "b", "c"]})
    with pytest.raises(InputError, match=r"'\(a\|a\)\*\$' takes too long"):
        selected(r"A.str.contains('(a|a)*$')", rows)


def test_what_columns_hold_is_told_in_the_order_they_are_named():
    told = values_asked(wells(), "`Dose (uM)` == 9 and Code == 'Compound' or Code == 'z'")
    assert told == "; Metadata_Dose (uM) holds 1, 2, 3, 4; Metadata_Code holds '1', '10', 'x'"


def test_rows_are_left_as_they_are_and_their_labels_play_no_part():
    rows = wells().set_axis([7, 7, 3, 1])
    before = rows.copy()
    assert selected("Compound == 'DMSO' and Concentration > 1", rows) == "0100"
    pd.testing.assert_frame_equal(rows, before)


# Against pandas: the same grammar, random rows.

NUMBERS, TEXTS = [-2, -1, 0, 1, 2, 0.5, 1e3], ["a", "b", "B", "ab", "", "a.b", "é", "x' y", "10"]
ROWS = st.fixed_dictionaries(
    {
        "Metadata_number": st.lists(
            st.sampled_from([*map(float, NUMBERS), np.nan]), min_size=8, max_size=8
        ),
        "Metadata_count": st.lists(st.integers(-2, 3), min_size=8, max_size=8),
        "Metadata_text": st.lists(st.sampled_from([*TEXTS, None]), min_size=8, max_size=8),
        "Metadata_label": st.lists(st.sampled_from(TEXTS), min_size=8, max_size=8),
        "Metadata_flag": st.lists(st.booleans(), min_size=8, max_size=8),
        "a column": st.lists(st.sampled_from([0.0, 1.0, np.nan]), min_size=8, max_size=8),
    }
)
ORDER = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
EQUAL = st.sampled_from(["==", "!="])
NUMERIC = st.sampled_from(["Metadata_number", "Metadata_count", "`a column`"])
WORDED = st.sampled_from(["Metadata_text", "Metadata_label"])
COLUMNS = NUMERIC | WORDED
LITERAL = st.sampled_from(NUMBERS).map(repr)
QUOTED = st.sampled_from(TEXTS).map(repr)
BRACKETS = st.sampled_from([("[", "]"), ("(", ",)")])


def joined(*parts: st.SearchStrategy[str] | str) -> st.SearchStrategy[str]:
    every = [st.just(part) if isinstance(part, str) else part for part in parts]
    return st.tuples(*every).map(" ".join)


def listed(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    inside = st.lists(values, min_size=1, max_size=4).map(", ".join)
    return st.tuples(BRACKETS, inside).map(lambda held: held[0][0] + held[1] + held[0][1])


ATOMS = st.one_of(
    joined(NUMERIC, ORDER, LITERAL),
    joined(LITERAL, ORDER, NUMERIC),
    joined(LITERAL, st.sampled_from(["<", "<="]), NUMERIC, ORDER, LITERAL),
    joined(NUMERIC, ORDER, NUMERIC),
    joined(WORDED, ORDER, QUOTED),
    joined(QUOTED, EQUAL, WORDED),
    joined("Metadata_text", EQUAL, "Metadata_label"),
    joined(WORDED, EQUAL, LITERAL),
    joined(NUMERIC, EQUAL, QUOTED),
    joined(NUMERIC, st.sampled_from(["in", "not in"]), listed(LITERAL)),
    joined(WORDED, st.sampled_from(["in", "not in"]), listed(QUOTED)),
    joined("Metadata_flag", EQUAL, st.sampled_from(["True", "False"])),
    st.tuples(COLUMNS, st.sampled_from([".isna()", ".notna()"])).map("".join),
    st.tuples(WORDED, st.sampled_from(["startswith", "endswith", "contains"]),
              st.sampled_from(["a", "b", "", "."])).map(
        lambda p: f"{p[0]}.str.{p[1]}({p[2]!r}, na=False)"
    ),
    st.tuples(NUMERIC, listed(LITERAL)).map(lambda p: f"{p[0]}.isin({p[1]})"),
    st.just("Metadata_flag"),
)  # fmt: skip
CONDITIONS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        joined(inner, st.sampled_from(["and", "or", "&", "|"]), inner),
        inner.map(lambda text: f"({text})"),
        inner.map(lambda text: f"~({text})"),
        inner.map(lambda text: f"not ({text})"),
        ATOMS.map(lambda text: f"not {text}"),
    ),
    max_leaves=8,
)


@MANY
@given(ROWS, CONDITIONS)
def test_a_query_selects_what_pandas_selects(columns, query):
    rows = pd.DataFrame(columns).astype({"Metadata_text": object, "Metadata_label": object})
    expected = rows.eval(query, engine="python", local_dict={}, global_dict={})
    assert evaluate_query(rows, query, "controls").tolist() == expected.tolist()


PIECES = st.sampled_from(
    ["Metadata_text", "Metadata_number", "`a column`", "==", "<", "in", "not", "and", "&", "|", "~",
     "(", ")", "[", "]", ",", "'a'", "1", "-", "None", "True", ".str", ".contains", ".isna()", ".",
     "@", "lambda", ":", "=", "__import__", "'(a+)+$'", "`", "'", "\\", "{", "}", "#", "\n", "if",
     "else", "for", "*", "**", "f'{1}'", "é", "\0"]
)  # fmt: skip


@MANY
@given(st.lists(PIECES, max_size=14).map(" ".join) | CONDITIONS.map(lambda t: t[1:]) | st.text())
@example("Metadata_number == 1 or " * 40 + "Metadata_text.str.contains('a')")
def test_text_of_any_kind_selects_or_is_refused_in_one_line(query):
    rows = pd.DataFrame(
        {"Metadata_text": ["a", None], "Metadata_number": [1.0, np.nan], "a column": [1, 2]}
    )
    try:
        found = evaluate_query(rows, query, "controls")
    except InputError as error:
        assert len(str(error).splitlines()) == 1
    else:
        assert found.dtype == bool
        assert found.shape == (2,)
