"""Losses of self-supervised networks, held against their definitions written out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from phenolens.represent.networks.contrast import (  # noqa: E402
    cross_views,
    effective_dimensions,
    nt_xent,
    vicreg,
)

pytestmark = pytest.mark.network


def made(shape, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape).astype(np.float32))


def test_nt_xent_is_its_definition():
    first, second, temperature = made((3, 4)), made((3, 4), 1), 0.5
    both = np.concatenate([first.numpy(), second.numpy()]).astype(np.float64)
    both /= np.linalg.norm(both, axis=1, keepdims=True)
    terms = []
    for i in range(6):
        own = {j: math.exp(both[i] @ both[j] / temperature) for j in range(6) if j != i}
        terms.append(-math.log(own[(i + 3) % 6] / sum(own.values())))
    found = nt_xent(first, second, temperature=temperature)
    assert float(found) == pytest.approx(np.mean(terms), rel=1e-5)


def test_nt_xent_by_hand_and_in_its_limits():
    axes = torch.eye(2)
    e = math.e
    assert float(nt_xent(axes, axes, temperature=1.0)) == pytest.approx(-math.log(e / (e + 2)))
    same = torch.ones(5, 3)
    assert float(nt_xent(same, same)) == pytest.approx(math.log(9), rel=1e-5)
    assert float(nt_xent(torch.eye(8), torch.eye(8), temperature=0.05)) < 1e-6


def test_others_of_the_same_group_are_no_negatives():
    first, second = made((4, 6)), made((4, 6), 1)
    each = nt_xent(first, second, groups=torch.arange(4))
    assert float(each) == pytest.approx(float(nt_xent(first, second)))
    whole = nt_xent(first, second, groups=torch.zeros(4, dtype=torch.int64))
    assert float(whole) == pytest.approx(0.0, abs=1e-6)
    copies = torch.eye(2).repeat(2, 1)
    groups = torch.tensor([0, 1, 0, 1])
    assert nt_xent(copies, copies, groups=groups) < nt_xent(copies, copies)


def test_vicreg_by_hand():
    """Two things on one axis: variance 2 a direction that lives, 0 the other; no covariance."""
    first = torch.tensor([[1.0, 0.0], [-1.0, 0.0]])
    second = torch.tensor([[0.0, 0.0], [0.0, 0.0]])
    dead = 1 - math.sqrt(1e-4)
    assert float(vicreg(first, second, variance=0, covariance=0)) == pytest.approx(25 * 0.5)
    assert float(vicreg(first, second, invariance=0, covariance=0)) == pytest.approx(
        25 * (dead / 2 + dead), rel=1e-5
    )
    line = torch.tensor([[1.0, 1.0], [-1.0, -1.0]])
    assert float(vicreg(line, line, invariance=0, variance=0)) == pytest.approx(2 * (4 + 4) / 2)


def test_vicreg_vanishes_for_partners_that_agree_and_directions_that_live_apart():
    signs = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    assert float(vicreg(signs, signs)) == pytest.approx(0.0, abs=1e-6)
    assert float(vicreg(0 * signs, 0 * signs)) == pytest.approx(2 * 25 * 0.99, rel=1e-5)


def test_cross_views_is_its_definition_and_never_pairs_a_view_with_itself():
    student, teacher, centre = made((3, 2, 4)), made((2, 2, 4), 1), made(4, 2)
    terms = []
    for seen in range(2):
        target = np.exp((teacher[seen] - centre).numpy().astype(np.float64) / 0.04)
        target /= target.sum(1, keepdims=True)
        for view in range(3):
            said = np.exp(student[view].numpy().astype(np.float64) / 0.1)
            said /= said.sum(1, keepdims=True)
            if seen != view:
                terms.append(-(target * np.log(said)).sum(1).mean())
    assert float(cross_views(student, teacher, centre)) == pytest.approx(np.mean(terms), rel=1e-4)


def test_cross_views_of_a_student_that_says_nothing_is_the_log_of_the_scores():
    flat, sure = torch.zeros(2, 3, 8), 9 * torch.eye(8)[None, :3].repeat(2, 1, 1)
    assert float(cross_views(flat, sure, torch.zeros(8))) == pytest.approx(math.log(8), rel=1e-5)
    assert float(cross_views(sure, sure, torch.zeros(8))) < 1e-5


def test_effective_dimensions_count_directions():
    assert effective_dimensions(made((4000, 5))) == pytest.approx(5, rel=0.01)
    assert effective_dimensions(made((50, 1)) * torch.ones(3)) == pytest.approx(1, rel=1e-5)
    assert effective_dimensions(torch.ones(10, 3)) == 0
