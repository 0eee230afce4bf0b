"""Every public name has an example that a person can copy, and every example gives what it says."""

from __future__ import annotations

import doctest
import inspect

import pytest

import phenolens as pl

# Errors, and what takes longer than an example should.
WITHOUT = {
    "ConfigError", "DesignError", "InputError", "LeakError", "PhenolensError", "demo", "run",
    "simulate",
}  # fmt: skip
NAMES = [name for name in pl.__all__ if name != "__version__"]


def examples(name: str) -> list[doctest.DocTest]:
    """The examples of a name and of its public methods, with nothing imported for them."""
    found = doctest.DocTestFinder(recurse=True).find(getattr(pl, name), name, globs={})
    return [test for test in found if test.examples]


@pytest.mark.parametrize("name", NAMES)
def test_the_example_of_a_public_name_runs_as_it_is_copied(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tests = examples(name)
    assert bool(tests) != (name in WITHOUT)
    runner = doctest.DocTestRunner(optionflags=doctest.REPORT_NDIFF)
    for test in tests:
        said: list[str] = []
        assert not runner.run(test, out=said.append).failed, "".join(said)
        assert not any(example.options.get(doctest.SKIP) for example in test.examples), test.name


def test_the_example_of_the_package_runs():
    assert doctest.testmod(pl).attempted > 2
    assert not doctest.testmod(pl).failed


def test_public_functions_say_what_they_take_and_give():
    for name in NAMES:
        told = inspect.getdoc(getattr(pl, name))
        if inspect.isfunction(getattr(pl, name)):
            assert "Parameters\n----------" in told and "Returns\n-------" in told, name
