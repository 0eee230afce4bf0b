"""One set of defaults and limits for study, command and notebook."""

from __future__ import annotations

import inspect
from dataclasses import asdict, fields

import numpy as np
import pytest
from pydantic import ValidationError

import phenolens as pl
from phenolens import config
from phenolens.cli.signatures import read_signature
from phenolens.errors import ConfigError
from phenolens.settings import (
    DEFAULTS,
    RANGES,
    SHARES,
    WORDS,
    Settings,
    one_of,
    share,
    whole,
    yes_or_no,
)

SECTIONS = {
    "seed": config.StudySection,
    "leave_out": config.Splits,
    "max_folds": config.Splits,
    "method": config.Normalize,
    "aggregate": config.Normalize,
    "quality_weights": config.Normalize,
    "clip": config.Normalize,
    "spread": config.Normalize,
    "position": config.Normalize,
    "cell_count": config.Normalize,
    "transform": config.Normalize,
    "whitening": config.Normalize,
    "regularization": config.Normalize,
    "shrinkage": config.Normalize,
    "permutations": config.Evaluate,
    "bootstrap": config.Evaluate,
    "alpha": config.Evaluate,
    "clusters": config.Evaluate,
    "position_safe": config.Evaluate,
    "hub_correction": config.Evaluate,
    "learned_metric": config.Evaluate,
}


def test_every_setting_has_its_place_in_a_study_file_with_the_same_default():
    assert list(SECTIONS) == [field.name for field in fields(Settings)]
    found = {name: getattr(section(), name) for name, section in SECTIONS.items()}
    assert found == asdict(DEFAULTS)


def wrong_and_right(name: str) -> tuple[list, list]:
    """Values just outside and inside of what a setting takes."""
    if name in WORDS:
        return ["no such word"], list(WORDS[name])
    if name in SHARES:
        return [0, 1, -0.5], [1e-6, 0.999]
    least, most = RANGES[name]
    beyond = [] if most is None else [most + 1]
    return [least - 1, *beyond], [least, least + 1, *([] if most is None else [most])]


@pytest.mark.parametrize("name", sorted({*WORDS, *SHARES, *RANGES} & set(SECTIONS)))
def test_a_study_file_takes_what_a_call_takes(name):
    wrong, right = wrong_and_right(name)
    for value in right:
        assert getattr(Settings(**{name: value}), name) == value
        assert getattr(SECTIONS[name](**{name: value}), name) == value
    for value in wrong:
        with pytest.raises(ConfigError, match=f"^{name} "):
            Settings(**{name: value})
        with pytest.raises(ValidationError):
            SECTIONS[name](**{name: value})


QUESTIONS = ["activity", "match", "retrieve", "dose", "compare", "classify", "cluster", "batch",
             "assay"]  # fmt: skip


@pytest.mark.parametrize("question", QUESTIONS)
def test_questions_name_the_words_that_the_settings_take(question):
    parameters = read_signature(f"tools/{question}.py", question).parameters
    for name, parameter in parameters.items():
        if name in WORDS:
            assert parameter.choices == WORDS[name]


def test_the_command_knows_what_classification_leaves_out():
    assert "scaffold" in read_signature("tools/classify.py", "classify").parameters[
        "leave_out"
    ].choices  # fmt: skip


@pytest.mark.parametrize(
    ("verb", "parameter", "setting"),
    [
        ("normalize", "method", "method"),
        ("normalize", "spread", "spread"),
        ("normalize", "clip", "clip"),
        ("normalize", "position", "position"),
        ("normalize", "transform", "transform"),
        ("whiten", "regularization", "regularization"),
        ("aggregate", "how", "aggregate"),
    ],
)
def test_the_verbs_write_out_the_same_defaults(verb, parameter, setting):
    found = inspect.signature(getattr(pl, verb)).parameters[parameter].default
    assert found == getattr(DEFAULTS, setting)


def test_what_is_not_given_is_what_the_settings_say():
    item = pl.read(pl.simulate_profiles(plates=2, treatments=3, features=9, seed=0)[0])
    assert item.settings == DEFAULTS
    assert item.with_settings(seed=None, alpha=None) is item
    assert item.with_settings(alpha=0.1).settings.alpha == 0.1


def test_numbers_of_numpy_become_python_s():
    found = Settings(seed=np.int64(4), alpha=np.float32(0.25))
    assert (found.seed, type(found.seed)) == (4, int)
    assert (found.alpha, type(found.alpha)) == (0.25, float)


@pytest.mark.parametrize(
    ("check", "said"),
    [
        (lambda: whole("jobs", 0, least=1), "jobs (--jobs) must be a whole number, 1 or more; got"),
        (lambda: whole("n", 9, least=1, most=8), "must be a whole number, 1 to 8; got 9."),
        (lambda: whole("n", True, least=0), "got True."),
        (lambda: whole("n", np.True_, least=0), "must be a whole number"),
        (lambda: share("alpha", "0.1"), "must be a number between 0 and 1; got '0.1'."),
        (lambda: share("alpha", True), "got True."),
        (lambda: share("alpha", float("nan")), "got nan."),
        (lambda: one_of("null", "copair", ("copairs", "none")), "; did you mean 'copairs'?"),
        (lambda: one_of("null", 3, ("a", "b")), "null (--null) has no 3; it takes a or b."),
        (lambda: one_of("x", ["a"] * 99, ("a", "b")), "x (--x) has no a list; it takes a or b."),
        (lambda: yes_or_no("baselines", "no"), "must be True or False; got 'no'."),
        (lambda: yes_or_no("baselines", 1), "must be True or False; got 1."),
    ],
)
def test_what_is_wrong_is_told_with_what_is_right(check, said):
    with pytest.raises(ConfigError) as error:
        check()
    assert said in str(error.value)


def test_truths_of_numpy_are_truths():
    assert yes_or_no("x", np.True_) is True
    assert yes_or_no("x", np.False_) is False


@pytest.mark.parametrize(
    ("call", "setting", "value"),
    [
        *(("open_study", *wrong) for wrong in [("seed", -1), ("seed", "x"), ("jobs", 0)]),
        *(("open_study", "jobs", value) for value in (-2, "4", 1.5)),
        *(("simulate", *wrong) for wrong in [("plates", 0), ("plates", "2"), ("jobs", 0)]),
        ("simulate", "seed", -1),
        ("simulate_profiles", "seed", -1),
    ],
)
def test_studies_and_simulations_are_asked_the_same(tmp_path, call, setting, value):
    study = tmp_path / "study.toml"
    study.write_text('[[data.profiles]]\nname = "p"\nfiles = "p.csv"\n')
    place = {"open_study": [study], "simulate": [tmp_path / "screen"], "simulate_profiles": []}
    with pytest.raises(ConfigError, match=rf"^{setting} \(--{setting}\) must be a whole number"):
        getattr(pl, call)(*place[call], **{setting: value})
    assert list(tmp_path.iterdir()) == [study]
