"""Help says everything: all verbs in groups, all options, whole sentences at every width."""

from __future__ import annotations

import importlib
import inspect

import pytest

from phenolens import __version__
from phenolens.cli import app
from phenolens.cli.examples import EXAMPLES
from phenolens.cli.pages import Positional
from phenolens.cli.questions import QUESTIONS

GROUPS = {
    "A study": "design init plan check splits prepare measure represent normalize evaluate "
    "interpret report run explore audit verify clean",
    "Questions to profiles": "activity match retrieve dose compare fuse classify cluster describe "
    "batch assay",
    "Tools": "simulate demo download encoders convert-weights version completion",
}
VERBS = [name for names in GROUPS.values() for name in names.split()]


def flat(text: str) -> str:
    return " ".join(text.split())


def help_of(command, verb: str) -> str:
    answer = command(verb, "--help")
    assert (answer.code, answer.err) == (0, "")
    return answer.out


def test_verbs_stand_in_three_groups(command):
    blocks = command("--help").out.split("\n\n")
    found = {}
    for block in blocks:
        heading, *lines = block.splitlines()
        names = [line.split()[0] for line in lines if line[:2] == "  " and line[2:3].isalpha()]
        found[heading.removesuffix(":")] = " ".join(names)
    assert {heading: found.get(heading) for heading in GROUPS} == GROUPS


@pytest.mark.parametrize("columns", [40, 80])
@pytest.mark.parametrize("verb", ["", *VERBS])
def test_help_is_whole_and_fits_the_terminal(command, monkeypatch, verb, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    said = command(*([verb] if verb else []), "--help").out
    body, _, examples = said.partition("\nExamples:\n")
    assert max(map(len, body.splitlines())) <= columns
    assert examples.splitlines() == [f"  {line}" for line in EXAMPLES[verb or "phenolens"]]
    made = {name: app.get_command(None, name) for name in VERBS}
    texts = [verb.help for verb in made.values()]
    if verb:
        shown = [p for p in made[verb].params if not getattr(p, "hidden", False)]
        told = [p.text if isinstance(p, Positional) else p.help for p in shown]
        texts = [made[verb].help, *made[verb].paragraphs, *told]
    assert [text for text in texts if flat(text) not in flat(body)] == []


@pytest.mark.parametrize("verb", QUESTIONS)
def test_each_argument_of_a_question_is_an_option_with_its_text(command, verb):
    function = getattr(importlib.import_module(f"phenolens.tools.{verb}"), verb)
    said = help_of(command, verb).partition("\nExamples:")[0]
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind is not parameter.KEYWORD_ONLY:
            assert f"Usage: phenolens {verb} TABLES... [OPTIONS]" in said
            continue
        option = f"  --{name.replace('_', '-')} "
        assert sum(line.startswith(option) for line in said.splitlines()) == 1, name
    assert "  -o, --output PATH" in said
    assert f"[default: {verb}.parquet]" in flat(said)


def test_choices_defaults_and_repetition_are_told(command):
    said = flat(help_of(command, "activity"))
    assert "[label-permutation, copairs, copairs-wells or none; default: label-permutation]" in said
    assert "--position-safe [WORD]" in said
    assert "[auto, yes or no; without a word: yes]" in said
    assert "--normalized / --no-normalized" in said
    assert "usually the plate. [repeatable]" in said
    assert "[default: --baselines]" in flat(help_of(command, "classify"))
    assert "matching where mechanisms are known" in flat(help_of(command, "compare"))


def test_spellings_kept_for_old_scripts_are_not_shown(command):
    assert "--opposite" not in help_of(command, "match")
    assert "--column" not in help_of(command, "batch")


@pytest.mark.parametrize("verb", ["", *VERBS])
def test_the_short_form_of_help_is_the_same(command, verb):
    words = [verb] if verb else []
    assert command(*words, "-h") == command(*words, "--help")


def test_the_command_alone_is_its_help(command):
    assert command() == command("--help")


@pytest.mark.parametrize("words", ["version", "--version"])
def test_the_version_is_told(command, words):
    assert command(words).out.strip() == __version__


def test_every_verb_has_an_example(command):
    assert set(EXAMPLES) == {"phenolens", *VERBS}
    wrong = [
        line
        for verb, lines in EXAMPLES.items()
        for line in lines
        if not line.startswith("phenolens" if verb == "phenolens" else f"phenolens {verb}")
    ]
    assert wrong == []


def test_what_an_optional_argument_is_stands_in_brackets(command):
    assert "Usage: phenolens audit [STUDY...] [OPTIONS]" in help_of(command, "audit")
    assert "Usage: phenolens run STUDY [OPTIONS]" in help_of(command, "run")
