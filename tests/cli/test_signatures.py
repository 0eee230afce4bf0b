"""What is read from source is what Python would say, had it imported the function."""

from __future__ import annotations

import importlib
import inspect

import pytest

from phenolens.cli.questions import QUESTIONS
from phenolens.cli.signatures import REQUIRED, read_signature

READ = [
    *((f"tools/{name}.py", name) for name in QUESTIONS),
    ("study/session.py", "open_study"),
    ("study/start.py", "init"),
    ("study/start.py", "simulate_screen"),
    ("study/run.py", "demo"),
    ("study/auditing.py", "audit"),
    ("tools/plate_design.py", "design"),
]


@pytest.mark.parametrize(("file", "name"), READ)
def test_names_and_defaults_are_those_of_the_imported_function(file, name):
    module = importlib.import_module(f"phenolens.{file.removesuffix('.py').replace('/', '.')}")
    wanted = {
        parameter.name: REQUIRED if parameter.default is parameter.empty else parameter.default
        for parameter in inspect.signature(getattr(module, name)).parameters.values()
    }
    found = read_signature(file, name)
    assert {name: parameter.default for name, parameter in found.parameters.items()} == wanted
    assert found.summary == inspect.getdoc(getattr(module, name)).partition("\n")[0]


@pytest.mark.parametrize(("file", "name"), READ)
def test_every_parameter_has_a_text(file, name):
    silent = {"progress"}
    parameters = read_signature(file, name).parameters
    assert [n for n, p in parameters.items() if not p.text and n not in silent] == []


def parameter(tmp_path, monkeypatch, annotation: str, before: str = ""):
    text = f'"""A module."""\n{before}\ndef ask(x: {annotation} = None):\n    """Ask."""\n'
    (tmp_path / "module.py").write_text(text)
    monkeypatch.setattr("phenolens.cli.signatures.ROOT", tmp_path)
    return read_signature.__wrapped__("module.py", "ask").parameters["x"]


@pytest.mark.parametrize(
    ("annotation", "kind", "several", "single"),
    [
        ("str | None", "text", False, True),
        ("str | Sequence[str] | None", "text", True, True),
        ("Sequence[str]", "text", True, False),
        ("str | Sequence[bool] | None", "text", False, True),
        ("str | Path | None", "path", False, True),
        ("int", "integer", False, True),
        ("float | None", "number", False, True),
        ("bool | None", "flag", False, True),
        ("Literal['a', 'b'] | None", "choice", False, True),
        ("Sequence[Literal['a', 'b']]", "choice", True, False),
        ("Mapping[str, int] | str", "text", False, True),
    ],
)
def test_an_annotation_says_what_may_be_typed(
    tmp_path, monkeypatch, annotation, kind, several, single
):
    found = parameter(tmp_path, monkeypatch, annotation)
    assert (found.kind, found.several, found.single) == (kind, several, single)
    assert found.choices == (("a", "b") if kind == "choice" else ())


def test_a_name_that_the_module_gave_to_a_type_is_written_out(tmp_path, monkeypatch):
    found = parameter(tmp_path, monkeypatch, "Sequence[Tasks]", 'Tasks = Literal["a", "b"]')
    assert (found.kind, found.choices, found.several) == ("choice", ("a", "b"), True)


def test_the_docstring_is_read_without_its_marks(tmp_path, monkeypatch):
    (tmp_path / "module.py").write_text(
        '''def ask(a, b=1, *, c="x"):
    """Ask ``once``.

    Wells of *one* treatment, see
    :func:`phenolens.read`.

    A second paragraph.

    Parameters
    ----------
    a, b : int
        Both of ``X``,
        on two lines.
    c : {"x", "y"}
        A word.

    Returns
    -------
    int
        Nothing of this.
    """
'''
    )
    monkeypatch.setattr("phenolens.cli.signatures.ROOT", tmp_path)
    found = read_signature.__wrapped__("module.py", "ask")
    assert found.summary == "Ask once."
    assert found.paragraphs == (
        "Wells of one treatment, see phenolens.read.",
        "A second paragraph.",
    )
    texts = {name: p.text for name, p in found.parameters.items()}
    assert texts == {"a": "Both of X, on two lines.", "b": "Both of X, on two lines.",
                     "c": "A word."}  # fmt: skip
    assert [p.default for p in found.parameters.values()] == [REQUIRED, 1, "x"]
