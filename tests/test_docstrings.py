"""Every public name has an example that a person can copy, and every example gives what it says."""

from __future__ import annotations

import dataclasses
import doctest
import inspect
import re

import pytest

import phenolens as pl

# It takes minutes: `make demo` shows it.
WITHOUT = {"demo", "harmonize"}  # minutes; a library that is no dependency
# What is no method of somebody's: reading, writing, starting, and what is ours.
UNSOURCED = {
    "assay", "audit", "classify", "demo", "design", "encode", "explore", "init", "open_study",
    "plot", "read", "run", "segment", "simulate", "simulate_profiles",
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


def sections(thing: object) -> set[str]:
    """Headings of a numpydoc docstring."""
    return set(re.findall(r"^(\w+)\n-+$", inspect.getdoc(thing) or "", re.M))


@pytest.mark.parametrize("name", [n for n in NAMES if inspect.isfunction(getattr(pl, n))])
def test_a_function_says_what_it_takes_gives_and_refuses_and_whose_method_it_is(name):
    found = sections(getattr(pl, name))
    assert {"Parameters", "Returns", "Raises"} <= found
    assert ("References" in found) != (name in UNSOURCED)


METHODS = [
    f"{kind}.{name}"
    for kind in ("Result", "Profiles", "Finding")
    for name, _ in inspect.getmembers(getattr(pl, kind), inspect.isfunction)
    if name[0] != "_"
]


@pytest.mark.parametrize("method", METHODS)
def test_a_method_says_what_it_takes_and_gives(method):
    kind, name = method.split(".")
    function = getattr(getattr(pl, kind), name)
    said = inspect.getdoc(function)
    assert said, method
    signature = inspect.signature(function)
    taken = [p for p in list(signature.parameters)[1:] if p != "options"]
    assert all(re.search(rf"`?{taken_}`?\b", said) for taken_ in taken), taken
    if signature.return_annotation not in ("None", None):
        assert "Returns" in sections(function) or len(said.splitlines()[0]) > 20


@pytest.mark.parametrize("name", [n for n in NAMES if inspect.isclass(getattr(pl, n))])
def test_a_class_says_what_it_holds(name):
    kind = getattr(pl, name)
    if issubclass(kind, Exception):
        assert issubclass(kind, pl.PhenolensError)
        return
    said = inspect.getdoc(kind)
    held = [field.name for field in dataclasses.fields(kind) if field.name[0] != "_"]
    assert "Attributes" in sections(kind)
    named = re.findall(r"^([\w, ]+) : ", said, re.M)
    assert set(held) <= {name for line in named for name in line.split(", ")}
