"""What compares every row with every other one is done in blocks, or refused before it begins."""

import numpy as np
import pytest

from phenolens.errors import DesignError
from phenolens.learn import nearest


def test_blocks_find_the_same_neighbours(monkeypatch):
    unit = nearest.unit_rows(np.random.default_rng(0).normal(size=(50, 4)))
    rows, cosine = nearest.nearest_rows(unit, k=5)
    monkeypatch.setattr(nearest, "_BLOCK_BYTES", 8 * 50 * 7)
    again, close = nearest.nearest_rows(unit, k=5)
    np.testing.assert_array_equal(again, rows)
    np.testing.assert_allclose(close, cosine, atol=1e-12)
    similar = unit @ unit.T - 2 * np.eye(50)
    np.testing.assert_array_equal(rows[:, 0], similar.argmax(axis=1))


def test_pairs_beyond_memory_are_refused_in_one_line(monkeypatch):
    nearest.require_pairs(1_000, of="wells")
    monkeypatch.setattr(nearest, "available", lambda: 2**30)
    with pytest.raises(DesignError, match=r"all pairs of 125,000 wells need about 232\.8 GiB") as e:
        nearest.require_pairs(125_000, of="wells")
    assert "\n" not in str(e.value) and "plates" in str(e.value)
