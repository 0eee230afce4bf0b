"""Tubes, their skeleton, and the branches that leave a seed object."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.draw import disk, line
from skimage.filters import threshold_li
from skimage.measure import euler_number

from phenolens.measure.regions import build_regions
from phenolens.measure.skeleton import measure_skeleton, thin, tube_skeleton
from phenolens.measure.tubeness import tubeness


def _nucleus_with_arms(*ends: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    labels = np.zeros((101, 101), int)
    labels[disk((50, 50), 10)] = 1
    skeleton = np.zeros(labels.shape, bool)
    for end in ends:
        skeleton[line(50, 50, *end)] = True
    return labels, skeleton


def test_two_arms():
    labels, skeleton = _nucleus_with_arms((50, 90), (15, 50))
    ends, branches, trunks, length = measure_skeleton(build_regions("Nuclei", labels), skeleton)[0]
    assert (ends, branches, trunks) == (2, 0, 2)
    assert length == pytest.approx((90 - 61) + (39 - 15), abs=4)


def test_a_fork_is_a_branch_and_two_ends():
    labels, skeleton = _nucleus_with_arms((50, 75))
    skeleton[line(50, 75, 35, 90)] = True
    skeleton[line(50, 75, 65, 90)] = True
    ends, branches, trunks, _ = measure_skeleton(build_regions("Nuclei", labels), skeleton)[0]
    assert (ends, branches, trunks) == (2, 1, 1)


def test_network_that_touches_no_nucleus_counts_for_none():
    labels, skeleton = _nucleus_with_arms()
    skeleton[90, 10:90] = True
    assert (measure_skeleton(build_regions("Nuclei", labels), skeleton) == 0).all()


def test_each_nucleus_has_its_own_arms():
    labels = np.zeros((60, 140), int)
    labels[disk((30, 25), 8)] = 4
    labels[disk((30, 115), 8)] = 9
    skeleton = np.zeros(labels.shape, bool)
    skeleton[30, 25:60] = True
    skeleton[5:30, 115] = True
    found = measure_skeleton(build_regions("Nuclei", labels), skeleton)
    np.testing.assert_array_equal(found[:, :3], [[1, 0, 1], [1, 0, 1]])
    assert found[0, 3] > found[1, 3]


def test_thinning_leaves_lines_and_keeps_holes():
    y, x = np.mgrid[:80, :120]
    mask = (np.hypot(y - 40, x - 40) < 30) & (np.hypot(y - 40, x - 40) > 12)
    mask[36:44, 60:110] = True
    lines = thin(mask)
    assert (lines <= mask).all()
    assert euler_number(lines, 2) == euler_number(mask, 2) == 0
    squares = lines[1:, 1:] & lines[:-1, 1:] & lines[1:, :-1] & lines[:-1, :-1]
    assert squares.sum() == 0
    assert lines[:, 70:100].sum(axis=0).max() == 1


def test_tubes_stand_out_and_edges_do_not():
    image = np.zeros((60, 60))
    image[:, 20] = 1.0
    image[:, 40:] = 1.0
    tubes = tubeness(image, 1.0)
    assert tubes[30, 20] == pytest.approx(1.0)
    assert tubes[30, 48:].max() == pytest.approx(0, abs=1e-9)
    assert tubes[30, 36] < 0.05


def test_threshold_is_lis(scene):
    from scipy.ndimage import gaussian_filter

    from phenolens.measure.skeleton import _cross_entropy_level

    smooth = gaussian_filter(tubeness(scene.pixels[2] / 65535, 1.0), 1.0)
    assert _cross_entropy_level(smooth) == pytest.approx(threshold_li(smooth), rel=1e-4)


def test_dark_image_has_no_skeleton():
    assert not tube_skeleton(tubeness(np.zeros((30, 30)), 1.0)).any()
