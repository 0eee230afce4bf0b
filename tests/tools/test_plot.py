"""The picture of each question: what is drawn, what is refused."""

from __future__ import annotations

from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from phenolens.errors import InputError
from phenolens.simulate import simulate_profiles
from phenolens.tools.cluster import cluster
from phenolens.tools.plot import PICTURES
from phenolens.tools.result import Result

# How many panels, and some of the words that must stand on the picture.
DRAWN = {
    "activity": (1, ["a", "b", "c", "q = 0.05", "smallest attainable q = 0.0002"]),
    "assay": (5, ["P1", "P2", "Grit", "Share replicating"]),
    "batch": (4, ["profiles", "LISI (plate)", "Nearest well is of the same\nplate", "0.60"]),
    "classify": (2, ["profiles", "Majority class", "Balanced accuracy", "0.60"]),
    "cluster": (2, ["Leiden (7 clusters)", "Adjusted Rand index", "0.30, p = 0.001"]),
    "compare": (1, ["CNN − Pixel PCA\nActivity, normalized mAP"]),
    "design": (2, ["P01", "P02"]),
    "dose": (1, ["taxol", "inert", "activity first, q = 0.002", "inactive, q = 0.600"]),
    "match": (1, ["HDAC", "EGFR", "n = 5, p = 0.0005"]),
    "retrieve": (1, ["a", "b", "normalized mAP, matches at another plate only"]),
}


def words(figure: Figure) -> set[str]:
    found = [text.get_text() for text in figure.texts]
    for axes in figure.axes:
        found += [text.get_text() for text in (*axes.texts, *axes.get_yticklabels())]
        found += [axes.get_title("left"), axes.get_title(), axes.get_xlabel(), axes.get_ylabel()]
    return set(found)


def points(figure: Figure) -> int:
    """Dots that have a place, over all panels."""
    return sum(
        int(np.isfinite(np.ma.filled(dots.get_offsets(), np.nan)).all(axis=1).sum())
        for axes in figure.axes
        for dots in axes.collections
        if hasattr(dots, "get_sizes")
    )


def refusal(result: Result, **options: object) -> str:
    with pytest.raises(InputError) as told:
        result.plot(**options)
    assert "\n" not in str(told.value)
    return str(told.value)


def test_every_picture_is_tested():
    assert set(DRAWN) == set(PICTURES)


@pytest.mark.parametrize("question", DRAWN)
def test_each_question_draws_what_it_found(answer, question):
    figure = answer(question).plot()
    panels, told = DRAWN[question]
    assert sum(axes.get_visible() for axes in figure.axes) == panels
    assert set(told) <= words(figure)


def test_rows_are_named_by_what_tells_them_apart(answer):
    found = answer("dose")
    one = found.table.assign(representation="profiles")
    one = one[["representation", *found.table]]
    assert "taxol" in words(replace(found, table=one).plot())
    both = pd.concat([one, one.assign(representation="network")], ignore_index=True)
    assert {"profiles, taxol", "network, taxol"} <= words(replace(found, table=both).plot())


@pytest.mark.parametrize("question", DRAWN)
def test_a_picture_shows_itself_in_a_notebook_the_same_each_time(answer, question):
    first, again = (answer(question).plot()._repr_png_() for _ in range(2))
    assert first.startswith(b"\x89PNG") and first == again


@pytest.mark.parametrize("question", DRAWN)
def test_a_picture_keeps_its_looks_whatever_the_readers_own_settings(answer, question):
    figure, again = (answer(question).plot() for _ in range(2))
    own = {"font.size": 22, "xtick.labelsize": 30, "ytick.labelsize": 30, "text.color": "red"}
    own |= {"text.parse_math": True, "font.family": "serif", "lines.linewidth": 9}
    with mpl.rc_context(own):
        again.canvas.draw()
    figure.canvas.draw()
    np.testing.assert_array_equal(figure.canvas.buffer_rgba(), again.canvas.buffer_rgba())


def test_one_dot_a_treatment(answer):
    assert points(answer("activity").plot()) == 6
    assert points(answer("retrieve").plot()) == 3
    assert points(answer("match").plot()) == 3


def test_treatments_without_a_test_are_left_out(answer):
    result = answer("activity")
    table = result.table.assign(q=result.table["q"].where(result.table["q"] < 0.1))
    assert points(replace(result, table=table).plot()) == 3


def test_the_level_is_the_one_asked_for(answer):
    result = answer("activity")
    assert "q = 0.01" in words(replace(result, settings={"alpha": 0.01}).plot())


def test_treatments_are_named_by_all_their_keys(answer):
    result = answer("activity")
    table = result.table.rename(columns={"Metadata_Treatment": "Metadata_Gene"})
    table.insert(1, "Metadata_Line", "U2OS")
    assert "a, U2OS" in words(replace(result, table=table).plot())


def test_a_dose_not_reached_has_no_dot_and_an_open_end_an_arrow(answer):
    (axes,) = answer("dose").plot().axes
    dots, arrows, losses = (c for c in axes.collections if hasattr(c, "get_sizes"))
    assert np.isfinite(np.ma.filled(dots.get_offsets(), np.nan)).all(axis=1).tolist() == [
        True, True, False,
    ]  # fmt: skip
    assert arrows.get_offsets()[:, 1].tolist() == [1]
    assert np.ma.filled(losses.get_offsets(), np.nan)[0].tolist() == [0.2, 0]


def test_a_drop_is_named_and_a_rise_is_not(answer):
    assert "c" not in words(answer("retrieve").plot())


def test_a_failed_plate_is_marked_on_every_panel(answer):
    figure = answer("assay").plot()
    shown = [axes for axes in figure.axes if axes.get_visible()]
    flagged = [axes.collections[-1].get_offsets()[:, 1].tolist() for axes in shown]
    assert flagged == [[1.0]] * len(shown)


def test_chance_stands_beside_the_score(answer):
    figure = answer("batch").plot()
    lisi = next(axes for axes in figure.axes if axes.get_title("left") == "LISI (plate)")
    chance, score = (c.get_offsets()[0, 0] for c in lisi.collections[-2:])
    assert (chance, score) == (3.4, 2.3)


def test_metrics_of_which_less_is_better_are_not_drawn_as_scores(answer):
    result = answer("classify")
    error = result.table[result.table["metric"] == "accuracy"].assign(metric="calibration_error")
    table = pd.concat([result.table, error], ignore_index=True)
    assert len(replace(result, table=table).plot().axes) == 2


def test_clusters_without_a_label_show_how_compact_they_are(answer):
    result = answer("cluster")
    table = result.table[result.table["metric"].isin(["n_clusters", "cluster_silhouette"])]
    assert any("how compact" in text for text in words(replace(result, table=table).plot()))


def test_clusters_are_drawn_from_the_scores_that_the_question_gives():
    """Its table holds the members of clusters, which have no score."""
    table, _ = simulate_profiles(seed=0, treatments=12, features=10)
    assert "Leiden" in " ".join(words(cluster(table, clusters=3).plot()))


def test_rows_left_out_are_counted(answer):
    told = words(answer("match").plot(most=2))
    assert "EGFR" not in told and any(text.startswith("2 of 3 labels") for text in told)


def test_names_are_text_whatever_they_hold(answer):
    result = answer("match")
    table = result.table.assign(label=["$a_b$", "x" * 90, "λ <b>"])
    assert "$a_b$" in words(replace(result, table=table).plot())


@pytest.mark.parametrize("question", DRAWN)
def test_an_empty_table_is_refused(answer, question):
    result = answer(question)
    told = refusal(replace(result, table=result.table.head(0)))
    assert question in told and "nothing to draw" in told


def test_a_question_without_a_picture_names_those_that_have_one():
    told = refusal(Result("audit", pd.DataFrame({"a": [1]}), {}))
    assert "'audit' has no picture" in told and all(name in told for name in DRAWN)


def test_a_picture_of_no_rows_is_refused(answer):
    assert "at least 1" in refusal(answer("match"), most=0)
