"""What is planted lies where it is said to lie."""

from __future__ import annotations

import numpy as np
import pytest

from phenolens.interpret.spikes import KINDS, cell_in_the_middle, plant

SIDE = 48


@pytest.fixture(scope="module")
def cells() -> tuple[np.ndarray, np.ndarray]:
    """Images (6, 3, 48, 48) with a cell in the middle and a neighbour, and their compartments."""
    rows, columns = np.mgrid[:SIDE, :SIDE]
    away = np.hypot(rows - 24, columns - 23)
    beside = np.hypot(rows - 24, columns - 44)
    nucleus = (away < 7) | (beside < 4)
    cell = (away < 15) | (beside < 8)
    parts = np.stack([nucleus, cell & ~nucleus, ~cell]).astype(np.float32)
    images = np.random.default_rng(0).normal(0, 1, (6, 3, SIDE, SIDE)).astype(np.float32)
    images[:, 0] += 3 * nucleus
    images[:, 1:] += 2 * cell
    return images, np.repeat(parts[None], 6, axis=0)


def test_the_cell_in_the_middle_leaves_its_neighbour_out(cells):
    nucleus, whole = cell_in_the_middle(cells[1][0])
    assert nucleus[24, 23] and not nucleus[24, 44]
    assert whole[24, 12] and not whole[24, 43]
    assert (whole | ~nucleus).all()
    assert cell_in_the_middle(np.zeros((3, SIDE, SIDE))) is None


@pytest.mark.parametrize("kind", KINDS)
def test_one_stain_of_one_cell_changes_and_the_truth_holds_the_change(cells, kind):
    images, parts = cells
    givers = images[::-1] + 2
    found = plant(kind, images, parts, rng=np.random.default_rng(1), givers=givers)
    assert found.planted.all()
    change = (found.images - images) ** 2
    for place in range(len(images)):
        touched = np.flatnonzero(change[place].sum(axis=(1, 2)))
        assert touched.tolist() == [found.stain[place]]
        own = change[place, found.stain[place]]
        assert own[found.truth[place]].sum() > 0.75 * own.sum()
        assert own[:, 40:].sum() <= 0.05 * own.sum()
        masses = (found.parts[place] * own).sum(axis=(1, 2))
        assert found.compartment[place] == masses.argmax()
    assert found.truth.mean() < 0.3
    np.testing.assert_allclose(found.parts.sum(axis=1), 1.0)
    if kind == "nucleus":
        assert (found.stain == 0).all()
        assert (found.parts[:, 0].sum((1, 2)) > 1.3 * parts[:, 0].sum((1, 2))).all()
    if kind == "blur":
        assert found.images.std() < images.std()


def test_the_same_seed_plants_the_same(cells):
    first, second = (plant("dots", *cells, rng=np.random.default_rng(3)) for _ in range(2))
    assert first.images.tobytes() == second.images.tobytes()


def test_where_no_cell_is_known_nothing_is_planted(cells):
    images, parts = cells
    nothing = np.full_like(parts, np.nan)
    found = plant("dots", images, nothing, rng=np.random.default_rng(0))
    assert not found.planted.any() and not found.truth.any()
    np.testing.assert_array_equal(found.images, images)
    rng = np.random.default_rng(0)
    assert not plant("swap", images, parts, rng=rng).planted.any()
    assert not plant("nucleus", images, parts, rng=rng, nuclear=None).planted.any()
