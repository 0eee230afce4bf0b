"""What processes without a screen have done is told by the one that has it."""

from __future__ import annotations

import time

import numpy as np
import pytest

from phenolens.study.side_by_side import Count, Counting, _counted


def test_bars_of_a_process_add_up(tmp_path):
    path = tmp_path / "done"
    np.zeros(3).tofile(path)
    progress = Counting(Count(path, 1), (60.0, 40.0))
    progress.say("nothing is shown")
    with progress.bar("Training") as tick:
        tick(1, 4)
        np.testing.assert_array_equal(np.fromfile(path), [0, 15, 0])
    with progress.bar("Reading") as tick:
        np.testing.assert_array_equal(np.fromfile(path), [0, 60, 0])
        tick(1, 2)
        np.testing.assert_array_equal(np.fromfile(path), [0, 80, 0])
    np.testing.assert_array_equal(np.fromfile(path), [0, 100, 0])


def test_the_sum_of_all_is_told_while_they_work(monkeypatch):
    monkeypatch.setattr("phenolens.study.side_by_side._EVERY", 0.01)
    told: list[float] = []
    with _counted(2, told.append) as counts:
        counts[0].set(5)
        counts[1].set(7)
        deadline = time.monotonic() + 30
        while (not told or told[-1] != 12) and time.monotonic() < deadline:
            time.sleep(0.01)
    assert told[-1] == 12


def test_telling_ends_with_the_block():
    with pytest.raises(ValueError, match="mine"), _counted(1, lambda done: None):
        raise ValueError("mine")
