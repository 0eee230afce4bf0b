"""Verbs of a study and tools: what is typed is what their functions get."""

from __future__ import annotations

import pytest

from phenolens import study
from phenolens.cli.study import STEPS


@pytest.fixture
def heard(monkeypatch):
    """Calls of the study's functions, as (name, arguments, options)."""
    calls: list[tuple] = []

    def record(name: str, answer: object):
        def call(*arguments: object, **options: object) -> object:
            options.pop("progress", None)
            calls.append((name, arguments, options))
            return answer

        return call

    monkeypatch.setattr(study, "open_study", record("open_study", "session"))
    monkeypatch.setattr(study, "init", record("init", ["Wrote study.toml"]))
    monkeypatch.setattr(study, "simulate_screen", record("simulate", None))
    monkeypatch.setattr(study, "demo", record("demo", "there/report.html"))
    for name in STEPS:
        monkeypatch.setattr(study, name, record(name, "done"))
        if hasattr(study, f"lines_of_{name}"):
            monkeypatch.setattr(
                study, f"lines_of_{name}", lambda session, made: [f"{session} {made}"]
            )
    monkeypatch.setattr(study, "lines_of_files", lambda session, made: [f"{session} {made}"])
    return calls


@pytest.mark.parametrize("verb", STEPS)
def test_a_step_is_taken_in_a_session_with_the_options(command, heard, verb):
    answer = command(verb, "s.toml", "--out", "o", "--jobs", 2, "--seed", 1, "--force")
    assert answer.out == "session done\n"
    options = {"out": "o", "jobs": 2, "seed": 1, "force": True}
    assert heard == [("open_study", ("s.toml",), options), (verb, ("session",), {})]


def test_options_that_are_not_given_are_not_passed(command, heard):
    command("run", "s.toml")
    assert heard[0] == ("open_study", ("s.toml",), {})


@pytest.mark.parametrize("verb", STEPS)
def test_settings_may_be_typed_and_a_script_may_be_silent(command, heard, verb):
    answer = command(verb, "s.toml", "--set", "study.seed=1", "--set", "data.controls=x", "-q")
    assert (answer.out, answer.code) == ("", 0)
    options = {"changes": ["study.seed=1", "data.controls=x"]}
    assert heard[0] == ("open_study", ("s.toml",), options)


def test_init_takes_settings_and_is_silent_when_asked(command, heard):
    assert command("init", "screen", "--set", "study.seed=1", "--quiet").out == ""
    assert heard == [("init", ("screen", "study.toml"), {"changes": ["study.seed=1"]})]


@pytest.mark.parametrize(
    ("typed", "call", "said"),
    [
        ("init screen", ("init", ("screen", "study.toml"), {}), "Wrote study.toml"),
        (
            "init screen -o mine.toml --force --name mine",
            ("init", ("screen", "mine.toml"), {"force": True, "name": "mine"}),
            "Wrote study.toml",
        ),
        (
            "simulate there --plates 2 --layout fixed --jobs 1 --seed 3",
            ("simulate", ("there",), {"plates": 2, "layout": "fixed", "jobs": 1, "seed": 3}),
            "Wrote there",
        ),
        (
            "demo --out there --no-networks",
            ("demo", ("there",), {"networks": False}),
            "Report: there/report.html",
        ),
        ("demo", ("demo", ("phenolens-demo",), {}), "Report: there/report.html"),
    ],
)
def test_what_stands_before_a_study(command, heard, typed, call, said):
    answer = command(*typed.split())
    assert answer.out == f"{said}\n"
    assert heard == [call]
