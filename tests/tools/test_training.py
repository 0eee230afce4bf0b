"""What profiles made elsewhere were trained on decides what of them is scored."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import phenolens as pl
from phenolens import profiles
from phenolens.errors import ConfigError, DesignError, LeakError
from phenolens.tools.files import read_study_profiles, write_folds, write_profiles
from phenolens.tools.training import folds_held_out


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """Four plates of ten treatments and eight controls, in features as a network names them."""
    draw = np.random.default_rng(0)
    effects = draw.normal(size=(10, 12)) * 3
    rows = []
    for plate in ("P1", "P2", "P3", "P4"):
        for number in range(18):
            name = f"T{number:02d}" if number < 10 else "DMSO"
            values = draw.normal(size=12) + (effects[number] if number < 10 else 0)
            well = f"{'ABC'[number // 6]}{number % 6 + 1:02d}"
            key = {
                "Metadata_Plate": plate, "Metadata_Well": well, "Metadata_Compound": name,
            }  # fmt: skip
            rows.append(key | {f"emb_{k}": value for k, value in enumerate(values)})
    return pd.DataFrame(rows)


def card(item):
    (found,) = item.block.cards.values()
    return found


def codes(found):
    return [one.code for one in found.findings]


def test_unknown_training_is_said_beside_every_number(table):
    found = pl.activity(table, permutations=50)
    assert "training-unknown" in codes(found)
    assert found.table["note"].str.contains("training-unknown").all()
    own = found.scores["representation"] == "profiles"
    assert (found.scores.loc[own, "note"] == "training-unknown").all()
    assert (found.scores.loc[~own, "note"] == "").all()
    assert "Nothing says what 'profiles' was trained on" in repr(found)


@pytest.mark.parametrize("said", ["nothing", "other data"])
def test_training_elsewhere_needs_no_doubt(table, said):
    found = pl.activity(table, trained_on=said, permutations=50)
    assert "training-unknown" not in codes(found)
    assert (found.scores["note"] == "").all()


def test_measured_features_have_learned_nothing():
    screen, _ = pl.simulate_profiles(seed=3)
    assert card(pl.read(screen)).unknown == ()
    assert card(pl.read(screen, trained_on="unknown")).unknown == ("trained_on", "labels_seen")


def test_labels_learned_on_two_plates_are_not_scored_there(table):
    item = pl.read(table, trained_on=["P1", "P2"], labels_seen=["T00", "T01"])
    assert set(profiles.column(item.table, "Metadata_Plate")) == {"P3", "P4"}
    found = pl.activity(item, permutations=50)
    assert set(found.table.loc[found.table["p"].notna(), "Metadata_Treatment"]) == {
        f"T{n:02d}" for n in range(2, 10)
    }
    told = pl.classify(item, baselines=False, bootstrap=10).more["predictions"]
    assert set(told["Metadata_Plate"]) == {"P3", "P4"}
    assert {"T00", "T01"} < set(told["label"])  # seen, but not on these wells


def test_where_all_labels_were_seen_only_held_out_wells_are_classified(table):
    item = pl.read(table, trained_on=["P1", "P2"], labels_seen="all")
    with pytest.raises(DesignError, match="saw the label of every treatment"):
        pl.activity(item)
    assert pl.classify(item, baselines=False, bootstrap=10).summary["wells_tested"] == 36


def test_unknown_labels_count_as_seen_where_it_was_trained(table):
    item = pl.read(table, trained_on=["P1"])
    assert card(item).learns == "labels"
    assert set(profiles.column(item.table, "Metadata_Plate")) == {"P2", "P3", "P4"}
    assert card(item).unknown == ("labels_seen",)


def test_pixels_seen_are_not_classified(table):
    item = pl.read(table, trained_on=["P1", "P2", "P3"], labels_seen="none")
    assert len(item.table) == len(table)
    told = pl.classify(item, baselines=False, bootstrap=10).more["predictions"]
    assert set(told["Metadata_Plate"]) == {"P4"}
    noted = pl.activity(item, permutations=50).table["note"]
    assert noted.str.contains("pixels-seen").all()
    everywhere = pl.read(table, trained_on=["P1", "P2", "P3", "P4"], labels_seen="none")
    with pytest.raises(LeakError, match="every well that it would be scored on"):
        folds_held_out(everywhere.design.folds, everywhere.block)


def test_nothing_is_left_of_what_learned_every_label(table):
    with pytest.raises(LeakError, match="Give profiles of wells that it has not seen"):
        pl.read(table, trained_on=["P1", "P2", "P3", "P4"], labels_seen="all")


@pytest.mark.parametrize(
    ("said", "wells"),
    [
        ("P1", 18),
        ("P1/a1", 1),
        (["P1/A01", "P2", "other data"], 19),
        ("Metadata_Plate in ['P1', 'P2'] and Metadata_Compound == 'T00'", 2),
    ],
)
def test_wells_are_named_by_plate_by_well_or_by_a_query(table, said, wells):
    found = card(pl.read(table, trained_on=said, labels_seen="none"))
    assert len(found.trained_on) == wells
    assert found.trained_on[0] == "P1/A01"


@pytest.mark.parametrize(
    ("said", "match"),
    [
        ({"trained_on": ["P11"]}, "no plate or well 'P11'; did you mean 'P1'"),
        ({"trained_on": "Metadata_Plate == 'P9'"}, "selects no well"),
        ({"trained_on": "Plat == 'P1'"}, "lists plates, or wells"),
        ({"trained_on": "P1", "labels_seen": ["T0"]}, "no treatment or compound 'T0'"),
        ({"trained_on": []}, "is empty; choose 'nothing'"),
        ({"trained_on": "P1", "labels_seen": []}, "is empty; choose 'none'"),
        ({"trained_on": "nothing", "labels_seen": "all"}, "what learned from nothing saw none"),
    ],
)
def test_what_the_screen_does_not_have_is_refused(table, said, match):
    with pytest.raises(ConfigError, match=match):
        pl.read(table, **said)


def test_the_card_travels_with_the_profiles(table, tmp_path):
    item = pl.read(
        table, trained_on=["P1"], labels_seen=["T00"], licence="CC-BY", url="https://example.org"
    )
    write_profiles(item, tmp_path / "profiles.parquet")
    write_folds(item, tmp_path / "profiles")
    again = read_study_profiles(tmp_path / "profiles.parquet")
    assert card(again) == card(item)
    assert card(again).licence == "CC-BY"
    assert again.block.unseen == item.block.unseen
    found = [pl.activity(one, permutations=50).table["p"] for one in (item, again)]
    pd.testing.assert_series_equal(*found)
