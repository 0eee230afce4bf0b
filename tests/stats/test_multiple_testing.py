"""Many tests at once."""

from __future__ import annotations

import numpy as np

from phenolens.stats.multiple_testing import westfall_young


def test_step_down_maximum_holds_the_family_and_keeps_the_order():
    rng = np.random.default_rng(3)
    wrong = 0
    for _ in range(200):
        shared = rng.normal(size=(200, 1))
        null = np.abs(0.8 * shared + rng.normal(size=(200, 12)))
        _, adjusted = westfall_young(null[0], null[1:], enumerated=False)
        wrong += adjusted.min() < 0.05
    assert 2 <= wrong <= 20
    p, adjusted = westfall_young(np.array([9.0, 0.1, 4.0]), null[:, :3], enumerated=False)
    assert p[0] == adjusted[0] == 1 / 201
    assert (adjusted >= p).all()
    assert adjusted[1] >= adjusted[2]


def test_all_labellings_hold_the_observed_one():
    null = np.array([[3.0], [1.0], [2.0], [0.5]])
    p, adjusted = westfall_young(null[0], null, enumerated=True)
    assert p.tolist() == adjusted.tolist() == [0.25]
    same, _ = westfall_young(np.ones(2), np.ones((4, 2)), enumerated=True)
    assert same.tolist() == [1.0, 1.0]
