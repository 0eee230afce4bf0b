"""Progress: bars on a terminal, lines where there is none, one line a step in a notebook."""

from __future__ import annotations

import io
import sys
import types

import numpy as np
import pytest
from rich.console import Console

import phenolens as pl
from phenolens import progress
from phenolens.progress import NotebookProgress, Pace, RichProgress, in_notebook
from phenolens.study.session import Silent, progress_of


@pytest.fixture
def cell(monkeypatch) -> list[tuple[str, str, bool]]:
    """A notebook: what is displayed is kept as (text, identity, whether it replaces)."""
    shown = []

    def display(data: dict, *, raw: bool, display_id: str = "", update: bool = False) -> None:
        assert raw
        assert list(data) == ["text/plain"]
        shown.append((data["text/plain"], display_id, update))

    library = types.ModuleType("IPython")
    library.get_ipython = lambda: types.SimpleNamespace(kernel=object())
    library.display = types.ModuleType("IPython.display")
    library.display.display = display
    monkeypatch.setitem(sys.modules, "IPython", library)
    monkeypatch.setitem(sys.modules, "IPython.display", library.display)
    return shown


@pytest.fixture
def clock(monkeypatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_a_notebook_shows_a_line_a_step(cell):
    NotebookProgress().say("Joining the screen's tables")
    assert cell == [("· Joining the screen's tables", "", False)]


def test_a_line_that_counts_is_rewritten_in_its_place(cell, clock):
    with NotebookProgress().bar("Measuring") as tell:
        for done in range(1, 101):
            clock[0] += 0.125  # exact, so that two seconds are two seconds
            tell(done, 100)
    texts, names, again = zip(*cell, strict=True)
    assert len(set(names)) == 1
    assert names[0]
    assert again == (False, *[True] * (len(cell) - 1))
    assert texts[0] == "· Measuring"
    assert texts[1] == "· Measuring: 4 of 100, 0:00, 0:12 left"
    assert texts[-1] == "· Measuring: 100 of 100, 0:12"
    assert len(cell) == 27, "twice a second, not at every step"


def told(seconds: list[float], *, before: int = 0) -> list[float]:
    """Time left after each of these steps over the time that was left indeed, from a fifth on."""
    pace, now, total = Pace(0.0), 0.0, before + len(seconds)
    found = []
    for done, step in enumerate(seconds, start=1):
        now += step
        left = pace.left(now, before + done, total)
        if len(seconds) / 5 <= done < len(seconds) - 1:
            found.append(left / sum(seconds[done:]))
    return found


STEADY = [0.1] * 400


@pytest.mark.parametrize(
    ("seconds", "before"),
    [
        (STEADY, 0),
        (STEADY, 5000),
        ([20.0, *STEADY[1:]], 0),
        ([*[0.6] * 30, *STEADY[30:]], 0),
        ([0.1 * (1 + 0.5 * (-1) ** n) for n in range(400)], 0),
        (np.random.default_rng(0).gamma(2.0, 0.05, 3000).tolist(), 0),
    ],
    ids=["steady", "resumed", "compiled first", "slow start", "uneven", "random"],
)
def test_time_left_is_right_within_a_third_after_the_first_fifth(seconds, before):
    found = told(seconds, before=before)
    assert min(found[: len(found) * 9 // 10]) > 0.7
    assert max(found[: len(found) * 9 // 10]) < 1.3


def test_steps_have_lines_of_their_own_and_failures_leave_theirs(cell, clock):
    teller = NotebookProgress()
    with pytest.raises(ValueError, match="broken"), teller.bar("One") as tell:
        tell(1, 3)
        raise ValueError("broken")
    with teller.bar("Two"):
        pass
    assert cell[1][0] == "· One: 1 of 3, 0:00, 0:00 left"
    assert cell[2][0] == "· Two"
    assert len({name for _, name, _ in cell}) == 2


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0:00"), (7, "0:07"), (61, "1:01"), (3725, "1:02:05")]
)
def test_times_are_clocks(seconds, text):
    assert progress._clock(seconds) == text


def test_without_a_terminal_there_are_lines_and_no_escape_codes():
    console = Console(file=io.StringIO(), highlight=False)
    teller = RichProgress(console)
    with teller.bar("Measuring [1]") as tell:
        tell(1, 2)
    teller.say("Done [2]")
    assert console.file.getvalue() == "· Measuring [1]\n· Done [2]\n"


def test_a_terminal_has_bars():
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    with RichProgress(console).bar("Measuring") as tell:
        tell(3, 3)
    assert "3/3" in console.file.getvalue()


def test_progress_is_shown_in_notebooks_unless_told_otherwise(cell):
    assert in_notebook()
    assert isinstance(progress_of(progress=None), NotebookProgress)
    assert isinstance(progress_of(progress=True), NotebookProgress)
    assert isinstance(progress_of(progress=False), Silent)


def test_elsewhere_it_is_shown_if_asked_for(monkeypatch):
    monkeypatch.setitem(sys.modules, "IPython", None)
    assert not in_notebook()
    monkeypatch.delitem(sys.modules, "IPython")
    assert not in_notebook()
    assert isinstance(progress_of(progress=None), Silent)
    assert isinstance(progress_of(progress=True), RichProgress)
    own = RichProgress()
    assert progress_of(progress=own) is own


def test_ipython_on_a_terminal_is_no_notebook(monkeypatch):
    library = types.ModuleType("IPython")
    library.get_ipython = lambda: types.SimpleNamespace()
    monkeypatch.setitem(sys.modules, "IPython", library)
    assert not in_notebook()


@pytest.mark.parametrize("wrong", ["yes", 1, object])
def test_what_cannot_tell_progress_is_refused(wrong):
    with pytest.raises(pl.ConfigError, match="progress must be True or False, or"):
        progress_of(progress=wrong)


def test_a_study_in_a_notebook_tells_its_steps(cell, tmp_path):
    frame = pl.simulate_profiles(plates=2, treatments=4, controls=6, features=40, seed=0)[0]
    (tmp_path / "screen").mkdir()
    frame.reset_index().to_csv(tmp_path / "screen" / "p.csv", index=False)
    pl.init(tmp_path / "screen", tmp_path / "study.toml")
    from phenolens import study

    session = pl.open_study(tmp_path / "study.toml", out=tmp_path / "out")
    study.check(session)
    assert [text for text, _, _ in cell] == ["· Joining the screen's tables"]
    quiet = pl.open_study(tmp_path / "study.toml", out=tmp_path / "other", progress=False)
    study.check(quiet)
    assert len(cell) == 1


def test_a_study_is_run_from_its_file(monkeypatch, tmp_path):
    from importlib import import_module

    running = import_module("phenolens.study.run")

    asked = []

    monkeypatch.setattr(running, "open_study", lambda path: asked.append(path))
    with pytest.raises(pl.InputError, match=r"from its file or open_study\(\.\.\.\); got None"):
        pl.run(tmp_path / "study.toml")
    assert asked == [tmp_path / "study.toml"]
    with pytest.raises(pl.InputError, match="got 3"):
        pl.run(3)
