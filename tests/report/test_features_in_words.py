"""What changed, in words, and whether the network looked there."""

from __future__ import annotations

from phenolens.report.sections import features, places


def test_treatments_are_told_in_words_with_their_numbers(tables):
    view = features.view(tables)
    first = view["groups"][0]
    assert first["said"] == "nuclei larger; mitochondria pattern changed (cells)"
    assert first["called"] == "2 of 2"
    assert first["rows"][0] == {
        "where": "nuclei", "stain": "", "family": "AreaShape", "how": "larger", "change": "3.1",
        "effect": "3.1", "between": "2.0 to 4.2", "p": "0.010",
    }  # fmt: skip
    assert {one["name"] for one in view["groups"]} <= {one.name for one in tables.ranked}
    assert all(one.active for one in tables.ranked if one.name == first["name"])


def test_clusters_are_told_by_what_their_treatments_share(tables):
    told = features.view(tables)["clusters"]
    assert [one["number"] for one in told] == [1, 2]
    assert told[0]["said"].startswith("nuclei larger")


def test_the_network_stands_beside_the_features(tables):
    view = places.view(tables)
    assert view["line"] == (
        "Where it looked most and what changed most name the same compartment in 2 of 2 treatments "
        "(2.0 by chance, p = 1.000)."
    )
    assert view["compared"][0]["network"] == "DNA, nucleus"
    assert view["compared"][0]["features"] == "nuclei: larger"
    assert (view["compared"][0]["compartment"], view["compared"][0]["stain"]) == ("yes", "–")
    assert [row["treatment"] == "" for row in view["treatments"]] == [False, True] * 2
    assert view["right"][0]["correct"] == "2.00"


def test_without_maps_of_cells_the_section_is_left_out(tmp_path):
    from phenolens.answers.tables import Tables

    assert places.view(Tables(tmp_path)) is None
