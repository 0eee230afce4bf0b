"""Words of refusals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from phenolens.errors import did_you_mean, either, ended, named, reasons, shown


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


@pytest.mark.parametrize(
    ("words", "said"), [(["a"], "a"), (("a", "b"), "a or b"), (iter("abc"), "a, b or c")]
)
def test_words_to_choose_from(words, said):
    assert either(words) == said


def test_a_setting_is_named_as_python_and_the_command_spell_it():
    assert named("position_safe") == "position_safe (--position-safe)"


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["One thing."], "One thing."),
        (["One thing.", "another", "One thing"], "One thing; another."),
        (["Line\n  breaks of a library\n"], "Line breaks of a library."),
    ],
)
def test_reasons_are_one_sentence_on_one_line(texts, said):
    assert reasons(texts) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (3, "3"),
        (np.float64(1.5), "1.5"),
        ("x", "'x'"),
        (None, "None"),
        ("x" * 99, "a str"),
        (list(range(99)), "a list"),
        (np.eye(3), "a numpy.ndarray"),
        (pd.Series([1]), "a pandas.core.series.Series"),
        (range(10**40, 10**41), "a range"),
    ],
)
def test_what_was_given_is_shown_on_one_line(value, said):
    assert shown(value) == said


@pytest.mark.parametrize(("text", "said"), [("two rows", "two rows."), ("which unit?",) * 2])
def test_a_question_keeps_its_mark(text, said):
    assert ended(text) == said
