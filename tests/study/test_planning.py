"""A study is foretold from a few of its fields, and nothing of it is done by that."""

from __future__ import annotations

import json

import pytest

from phenolens.errors import InputError
from phenolens.study import open_study, planning
from phenolens.study.planning import Foretold, StudyPlan, plan
from phenolens.study.trial import Tried

TINY = """
[networks]
size = 32
epochs = 2
width = 4
batch = 4
cells_per_well = 5
box = 40
precision = "float32"
"""


def test_steps_are_foretold_and_the_store_is_left_alone(screen):
    before = {path for path in screen.folder.rglob("*") if path.is_file()}
    found = plan(open_study(screen.study, out=screen.out, jobs=2))
    names = ["prepare", "measure", "fit pixel-pca", "evaluate and report"]
    assert [one.step for one in found.steps] == names
    assert found.not_planned == ()
    reading, measuring, fitting, evaluating = found.steps
    assert fitting.seconds > 0 and "and 28 images read with each" in fitting.how
    assert evaluating.seconds > 0
    assert evaluating.how.startswith("2 representations of 28 wells; one of 28 took ")
    assert reading.how.startswith("28 fields, 2 at once, ")
    assert 0 < measuring.least <= measuring.seconds <= measuring.most
    assert measuring.core_hours == pytest.approx(2 * measuring.seconds / 3600)
    fields = 28 * 5 * 128 * 128 * 2
    assert fields / 4 < reading.storage < 2 * fields
    after = {path for path in screen.folder.rglob("*") if path.is_file()}
    assert before <= after and not (screen.out / "store").exists()


@pytest.fixture
def tried(monkeypatch):
    """Evaluation that is not tried out: it takes seconds."""
    monkeypatch.setattr(planning, "try_evaluation", lambda *asked: Tried(14, once=3, each=2))


@pytest.mark.usefixtures("tried")
def test_what_a_network_takes_is_measured_too(screen):
    pytest.importorskip("torch")
    screen.settings("components = 8", 'components = 8\nrepresentations = ["cnn", "untrained"]')
    screen.settings('"Intensity"]', '"Intensity", "Location"]')
    screen.study.write_text(screen.study.read_text() + TINY)
    found = plan(open_study(screen.study, out=screen.out, jobs=1))
    assert [one.step for one in found.steps][2:4] == ["train cnn", "fit untrained"]
    assert found.not_planned == ()
    training, reading, evaluating = found.steps[2:]
    assert reading.seconds > 0 and reading.how.startswith("1 fit, and ")
    assert evaluating.seconds == 3 + 2 * 2 * 28 / 14
    assert training.seconds > 0 and not training.gpu_hours
    assert "images a second" in training.how


def test_a_plan_is_a_line_a_step_and_their_sum():
    reading = Foretold("prepare", 7200.0, 6000, 9000, 4.0, 0, 3 * 2**30, 2**40, "9 fields")
    training = Foretold("train cnn", 3600, 0, 3600, core_hours=1, gpu_hours=1, memory=2**30)
    missing = ("reading images with untrained",)
    assert StudyPlan((reading, training), missing).lines() == [
        "prepare: about 2.0 h (1.7 h to 2.5 h), 4 core-hours, 3.0 GiB of memory, "
        "1024.0 GiB of storage (9 fields)",
        "train cnn: at most 60 min, 1 core-hours, 1 GPU-hours, 1.0 GiB of memory",
        "together: about 3.0 h (1.7 h to 3.5 h), 5 core-hours, 1 GPU-hours, 3.0 GiB of memory, "
        "1024.0 GiB of storage",
        "Not in the plan: reading images with untrained",
    ]


def test_a_screen_that_cannot_be_evaluated_has_a_plan_that_says_so(screen, monkeypatch):
    def refuse(*asked):
        raise InputError("No.")

    monkeypatch.setattr(planning, "try_evaluation", refuse)
    screen.settings("components = 8", "components = 8\nrepresentations = []")
    found = plan(open_study(screen.study, out=screen.out, jobs=1))
    assert [one.step for one in found.steps] == ["prepare"]
    assert found.lines()[-1] == "Not in the plan: evaluation and report (No.)"


@pytest.mark.usefixtures("tried")
def test_the_command_prints_it_for_people_and_for_programs(wells, command):
    told = command("plan", wells.study, "--out", wells.out, "--jobs", 1)
    assert told.code == 0
    assert told.out.splitlines()[0].startswith("evaluate and report: about ")
    found = json.loads(command("plan", wells.study, "--out", wells.out, "--json").out)
    assert [one["step"] for one in found["steps"]] == ["evaluate and report"]
    assert found["together"]["seconds"] == found["steps"][0]["seconds"]
