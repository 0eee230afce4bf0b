"""Long work and large work is said before; what cannot fit is refused with what to do."""

from __future__ import annotations

import pytest

from phenolens import memory, study
from phenolens.errors import InputError, PhenolensError
from phenolens.represent.cnn import CNN
from phenolens.study import plan
from phenolens.study.plan import Foreseen, Part, announce
from phenolens.study.session import Silent, open_study
from phenolens.study.trainings import telling
from phenolens.workers import Spent

GIB = 2**30


class Told(Silent):
    """Progress that remembers what was said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)


@pytest.fixture
def session(wells, monkeypatch):
    monkeypatch.setattr(memory, "available", lambda processes=1: 8 * GIB)
    monkeypatch.setattr(memory, "held", lambda: 0)
    return open_study(wells.study, out=wells.out, jobs=4, progress=Told())


def test_short_and_small_work_is_not_announced(session):
    assert not announce(session, [Part("a", (9, 50), GIB), Part("b", (0, 9))], room=8 * GIB)
    assert not announce(session, [], room=8 * GIB)
    assert session.progress.lines == []


@pytest.mark.parametrize(
    ("parts", "lines"),
    [
        ([Part("a", (300, 600))], ["Plan: a: 5 min to 10 min"]),
        (
            [Part("a", (1, 2), 5 * GIB, "2 processes")],
            ["Plan: a: 1 s to 2 s, 5.0 GiB of 8.0 GiB of memory (2 processes)"],
        ),
        (
            [Part("a", (0, 40)), Part("b", (0, 7200), GIB)],
            [
                "Plan: a: at most 40 s",
                "Plan: b: at most 2.0 h, 1.0 GiB of 8.0 GiB of memory",
                "Plan: together: at most 2.0 h",
            ],
        ),
    ],
)
def test_what_takes_a_minute_or_half_the_memory_is(session, parts, lines):
    assert announce(session, parts, room=8 * GIB)
    assert session.progress.lines == lines


def test_the_rest_is_foreseen_from_the_first_fields_and_said_once(session):
    watch = Foreseen(session, "Measuring cells", "fields", 4).of(103)
    watch(Spent(400.0, GIB, first=True))  # it compiled the kernels
    for seconds in (10.0, 14.0, 12.0, 90.0):
        watch(Spent(seconds, GIB // 2, first=False))
    assert session.progress.lines == [
        "Plan: Measuring cells: 99 more fields: 4 min to 6 min, 2.0 GiB of 8.0 GiB of memory "
        "(4 processes)"
    ]


def test_what_an_earlier_run_finished_does_not_hide_the_rest(session):
    watch = Foreseen(session, "Preparing images", "fields", 1).of(60)
    for seconds in (0.0,) * 12 + (5.0,) * 9:
        watch(Spent(seconds, GIB // 2, first=False))
    (line,) = session.progress.lines
    assert line.startswith("Plan: Preparing images: 4")


def test_processes_that_do_not_fit_are_refused_with_how_many_would(session):
    watch = Foreseen(session, "Measuring cells", "fields", 4).of(99)
    with pytest.raises(PhenolensError, match="in 4 processes needs about 12") as refused:
        watch(Spent(1.0, 3 * GIB, first=False))
    assert "8.0 GiB are there. Use at most 2 with jobs (--jobs)" in str(refused.value)
    assert refused.value.finding.values["fit"] == 2


def test_fields_that_cannot_fit_are_refused_before_one_is_read(screen, command, monkeypatch):
    monkeypatch.setattr(memory, "available", lambda processes=1: 2**20)
    told = command("prepare", screen.study, "--out", screen.out, "--jobs", 2).refused()
    assert "Preparing images in 2 processes needs about 6" in told and "crop the images" in told
    assert not list(screen.out.glob("store/images-*/*.zarr"))


def test_memory_that_pytorch_does_not_get_is_told_in_one_line():
    torch = pytest.importorskip("torch")
    told = r"'cnn' ran out of memory in fit: 37252\.9 GiB more were not there"
    with pytest.raises(InputError, match=told), telling(CNN, "fit"):
        torch.zeros(10**13)
    with pytest.raises(RuntimeError, match="shapes"), telling(CNN, "fit"):
        raise RuntimeError("shapes")


def test_a_run_says_its_plan_before_the_rest_is_read(screen, monkeypatch):
    monkeypatch.setattr(plan, "LONG", 0)
    monkeypatch.setattr(plan, "ENOUGH", 0)
    session = open_study(screen.study, out=screen.out, jobs=1, progress=Told())
    study.prepare(session)
    (line,) = (line for line in session.progress.lines if line.startswith("Plan: "))
    assert line.startswith("Plan: Preparing images: ") and "more fields: " in line
    assert "(1 process)" in line
