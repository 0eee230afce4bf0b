"""What `import phenolens as pl` offers, and that it stays what it is."""

from __future__ import annotations

import copy
import doctest
import importlib
import inspect
import pickle
import pydoc
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import phenolens as pl

QUESTIONS = ["activity", "match", "retrieve", "dose", "compare", "classify", "cluster", "describe",
             "batch", "assay"]  # fmt: skip
FUNCTIONS = [name for name in pl.__all__ if inspect.isfunction(getattr(pl, name))]


def test_every_name_that_is_offered_is_there_and_no_other_is_listed():
    assert dir(pl) == sorted(pl.__all__)
    assert 30 <= len(dir(pl)) <= 40
    for name in pl.__all__:
        assert getattr(pl, name) is not None
    found: dict = {}
    exec("from phenolens import *", found)
    assert set(found) - {"__builtins__"} == set(pl.__all__)


def test_its_types_are_for_others_too():
    assert (Path(pl.__file__).parent / "py.typed").is_file()


def test_a_name_that_is_not_there_says_which_was_meant():
    code = "import phenolens as pl; pl.activty"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "module 'phenolens' has no attribute 'activty'" in told.stderr
    if sys.version_info >= (3, 12):
        assert "Did you mean: 'activity'?" in told.stderr
    with pytest.raises(AttributeError) as error:
        pl.activty  # noqa: B018
    assert (error.value.name, error.value.obj) == ("activty", pl)


@pytest.mark.parametrize("first", ["room", "name"])
def test_rooms_of_a_function_s_name_do_not_take_its_place(first):
    """In a process of its own, where nothing is loaded yet."""
    rooms = "import phenolens.normalize.scale, phenolens.segment.field, phenolens.simulate"
    names = "import phenolens as pl; pl.normalize, pl.segment, pl.simulate"
    steps = [rooms, names] if first == "room" else [names, rooms]
    code = "\n".join([*steps, names, "import phenolens as pl"])
    code += "\nprint([callable(f) for f in (pl.normalize, pl.segment, pl.simulate)])"
    code += "\nfrom phenolens.normalize.scale import robust_scale; print(callable(robust_scale))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.split("\n")[:2] == ["[True, True, True]", "True"]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_help_says_what_every_parameter_is(name):
    function = getattr(pl, name)
    shown = pydoc.plain(pydoc.render_doc(function))
    assert f"{function.__name__}(" in shown
    said = inspect.getdoc(function)
    summary = said.partition("\n")[0]
    assert summary.endswith((".", "?")), summary
    assert max(map(len, said.splitlines())) <= 100
    named = {
        word.strip()
        for line in said.splitlines()
        if " : " in line
        for word in line.partition(" : ")[0].split(",")
    }
    parameters = inspect.signature(function).parameters.values()
    lacking = [p.name for p in parameters if p.kind is not p.VAR_KEYWORD and p.name not in named]
    assert lacking == []


@pytest.mark.parametrize("name", [*QUESTIONS, "read"])
def test_the_examples_of_the_help_hold(name):
    told = doctest.testmod(importlib.import_module(f"phenolens.tools.{name}"))
    assert told.attempted
    assert not told.failed


@pytest.mark.parametrize("name", ["study.auditing", "errors"])
def test_other_examples_hold(name):
    told = doctest.testmod(importlib.import_module(f"phenolens.{name}"))
    assert told.attempted
    assert not told.failed


def test_the_example_of_the_package_holds():
    told = doctest.testmod(pl)
    assert told.attempted
    assert not told.failed


@pytest.fixture(scope="module")
def screen() -> pd.DataFrame:
    return pl.simulate_profiles(plates=2, treatments=4, controls=12, features=10, seed=0)[0]


@pytest.mark.parametrize("again", [lambda x: pickle.loads(pickle.dumps(x)), copy.deepcopy])
def test_results_and_profiles_survive_the_way_to_another_process(screen, again):
    item = pl.read(screen)
    found = pl.activity(item, permutations=20)
    other = again(found)
    pd.testing.assert_frame_equal(found.table, other.table)
    assert (found.summary, found.findings, found.settings) == (
        other.summary, other.findings, other.settings
    )  # fmt: skip
    assert list(found.lines()) == list(other.lines())
    assert repr(again(item)) == repr(item)
    pd.testing.assert_frame_equal(pl.activity(again(item), permutations=20).table, found.table)


def test_an_answer_joins_an_anndata_and_nothing_else(screen):
    found = pl.activity(screen, permutations=20)
    for wrong in (None, screen):
        with pytest.raises(pl.InputError, match=r"join takes an AnnData; got .*\.merge\(\)"):
            found.join(wrong)
