"""Maps are asked where something was planted; what a network does not see does not count."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.ndimage import binary_dilation, uniform_filter

pytest.importorskip("torch")
pytest.importorskip("captum")

from phenolens.errors import DesignError
from phenolens.interpret.explain import FAST
from phenolens.interpret.scores import Resemblance
from phenolens.interpret.truth import (
    ControlCells,
    instead,
    rates,
    read_whole,
    spike_table,
    why_withheld,
)

pytestmark = pytest.mark.network


@pytest.fixture(scope="module")
def controls(truth_screen):
    """Controls with the DNA square as their nucleus: a cell is twice as wide."""
    rows = truth_screen.test[truth_screen.labels[truth_screen.test] == "DMSO"][:12]
    parts = []
    for row in rows:
        nucleus = truth_screen.prepared.pixels(row)[0]

        nucleus = uniform_filter(nucleus, 5) > 750
        cell = binary_dilation(nucleus, iterations=8)
        parts.append(np.stack([nucleus, cell & ~nucleus, ~cell]))
    givers = truth_screen.test[truth_screen.labels[truth_screen.test] == "A"]
    return ControlCells(rows, np.array(parts, dtype=np.float32), givers)


def test_maps_point_at_what_the_network_sees(truth_screen, trained, controls):
    table = spike_table(trained, truth_screen.prepared, controls, methods=(FAST, "grad-cam"))
    assert table["planted"].all()
    assert set(table["kind"]) == {"dots", "blur", "swap", "nucleus"}
    assert table.loc[~table["seen"], "moved"].max() < 2 <= table.loc[table["seen"], "moved"].min()
    assert table.loc[~table["seen"], "hit"].isna().all()
    found = rates(table).set_index(["method", "kind", "measure"])
    hit = found.loc[(FAST, "all", "hit")]
    assert hit["n"] >= 5 and hit["n_planted"] == 48
    assert hit["value"] > 2 * found.loc[(FAST, "all", "chance"), "value"]
    assert hit["low"] <= hit["value"] <= hit["high"]
    assert np.isnan(found.loc[("grad-cam", "all", "stain_right"), "value"])


def test_a_network_without_classes_is_tested_by_likeness(truth_screen, trained, controls):
    known = truth_screen.train[::4]
    names = truth_screen.labels[known]
    towards = Resemblance.of(
        trained, truth_screen.prepared, known, treatments=names, controls=names == "DMSO"
    )
    table = spike_table(
        trained, truth_screen.prepared, controls, methods=(FAST,), kinds=("dots",), towards=towards
    )
    assert set(table["target"]) <= {"A", "B"}
    assert table["moved"].notna().all()


def test_images_are_put_in_place_of_those_of_the_store(truth_screen, trained, controls):
    whole = read_whole(trained, truth_screen.prepared, controls.rows)
    (given,) = trained.differentiable(truth_screen.prepared, controls.rows)
    again = instead(whole)(given.images, np.arange(len(whole)))
    np.testing.assert_array_equal(again.numpy(), given.images.numpy())


def test_fewer_than_three_controls_are_refused(truth_screen, trained, controls):
    few = ControlCells(controls.rows[:2], controls.parts[:2], controls.givers)
    with pytest.raises(DesignError, match="2 control images"):
        spike_table(trained, truth_screen.prepared, few)


def told(hits: list[float], planted: int) -> pd.DataFrame:
    rest = planted - len(hits)
    return pd.DataFrame(
        {
            "method": FAST,
            "kind": "dots",
            "planted": True,
            "seen": [True] * len(hits) + [False] * rest,
            "hit": [*hits, *[np.nan] * rest],
            "chance": 0.1,
            "energy": 2.0,
            "stain_right": 1.0,
            "compartment_right": 1.0,
        }
    )


def test_maps_that_miss_are_withheld_and_untested_ones_said():
    good = rates(told([1.0] * 9 + [0.0], 20))
    row = good[(good["kind"] == "all") & (good["measure"] == "hit")].iloc[0]
    assert (row["value"], row["n"], row["n_planted"]) == (0.9, 10, 20)
    assert row["low"] == pytest.approx(0.596, abs=1e-3)
    assert why_withheld(good, FAST) is None
    missed = why_withheld(rates(told([1.0] * 4 + [0.0] * 6, 12)), FAST)
    assert missed.code == "maps-miss"
    assert "point at 40% (17% to 69%; 10% by chance)" in missed.text
    unseen = why_withheld(rates(told([1.0] * 9, 40)), FAST)
    assert unseen.code == "maps-untested"
    assert "of 40 changes that were planted in control cells the network sees 9" in unseen.text
    empty = rates(told([], 8).drop(columns="hit"))
    assert why_withheld(empty, FAST).values["n"] == 0
