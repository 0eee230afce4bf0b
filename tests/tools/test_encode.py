"""An encoder without a study: fitted, read, and its card wherever the table goes."""

from __future__ import annotations

import re

import anndata
import numpy as np
import pandas as pd
import pytest

import phenolens as pl
from phenolens import profiles
from phenolens.errors import ConfigError, InputError, LeakError
from phenolens.io.anndata import write_h5ad
from phenolens.io.cards import CARD, card_in, card_of_files
from phenolens.io.given import open_table
from phenolens.represent.base import Representation
from phenolens.represent.pixel_pca import PixelPCA
from phenolens.testing.representations import small_screen
from phenolens.tools.files import write_annotated, write_folds, write_profiles

SCREEN = small_screen(sites=2)
TRAIN = SCREEN.rows(("P1", "P2"))


class Labelled(Representation):
    """The brightest stain of each label's images: forgets to say what it has seen."""

    name = "labelled"
    label = "Labelled"
    kind = "supervised"
    learns = "labels"
    reads = "images"

    def fit(self, prepared, rows, *, labels=None, seed=0, progress=None):
        self.labels = sorted(set(labels))
        return self

    def extract(self, prepared, rows, *, progress=None):
        return np.stack([prepared.pixels(int(row)).max(axis=(1, 2)) for row in rows])


@pytest.fixture(scope="module")
def encoded() -> pd.DataFrame:
    return pl.encode(Labelled(), SCREEN, train=TRAIN, labels=SCREEN.labels_of_images[TRAIN])


def test_a_well_is_the_mean_of_its_images_and_says_what_it_learned_from(encoded):
    table = profiles.from_frame(encoded)
    assert table.shape == (18, 3)
    images = SCREEN.images.table
    rows = images.index[(images["Metadata_Plate"] == "P1") & (images["Metadata_Well"] == "A02")]
    own = encoded.query("Metadata_Plate == 'P1' and Metadata_Well == 'A02'")[list(table.columns)]
    expected = np.mean([SCREEN.pixels(row).max(axis=(1, 2)) for row in rows], axis=0)
    np.testing.assert_allclose(own.to_numpy()[0], expected, rtol=1e-6)
    card = encoded.attrs[CARD]
    assert (card["learns"], card["labels_seen"]) == ("labels", ["A", "B", "DMSO"])
    assert len(card["trained_on"]) == 12 and "P3/A01" not in card["trained_on"]


def test_what_is_known_of_the_wells_is_joined_by_plate_and_well():
    wells = pd.DataFrame({"Metadata_Plate": ["P3", "P1"], "Metadata_Well": ["A02", "A02"]})
    wells["Metadata_Compound"] = ["third", "first"]
    made = pl.encode(PixelPCA(components=2), SCREEN, train=TRAIN, wells=wells)
    told = made.set_index(["Metadata_Plate", "Metadata_Well"])["Metadata_Compound"]
    assert (told["P1", "A02"], told["P3", "A02"]) == ("first", "third")
    assert told.notna().sum() == 2


def test_labels_that_were_shown_were_seen_whatever_a_class_says():
    labels = SCREEN.labels_of_images[TRAIN]
    made = pl.encode(PixelPCA(components=2), SCREEN, train=TRAIN, labels=labels)
    assert made.attrs[CARD]["learns"] == "labels"
    assert made.attrs[CARD]["labels_seen"] == ["A", "B", "DMSO"]


def test_one_that_learns_is_fitted_or_says_what_it_was_fitted_on():
    with pytest.raises(InputError, match=r"learns labels, and its card names no well.*train"):
        pl.encode(Labelled(), SCREEN)
    with pytest.raises(InputError, match="aggregate 'sum'; choose mean, median or trimmed"):
        pl.encode(Labelled(), SCREEN, how="sum")
    fitted = PixelPCA(components=2).fit(SCREEN, TRAIN)
    assert len(pl.encode(fitted, SCREEN).attrs[CARD]["trained_on"]) == 12


def test_a_card_travels_through_files_and_verbs(encoded, tmp_path):
    card = encoded.attrs[CARD]
    encoded.to_parquet(tmp_path / "a.parquet")
    write_h5ad(profiles.from_frame(encoded), tmp_path / "a.h5ad")
    held = anndata.read_h5ad(tmp_path / "a.h5ad")
    for data in (encoded, str(tmp_path / "a.parquet"), str(tmp_path / "a.h5ad"), held):
        assert open_table(data).card == card
        assert card_in(pl.normalize(data, controls="all")) == card
    wells = pl.aggregate(pl.normalize(tmp_path / "a.parquet", controls="all"))
    wells.to_parquet(tmp_path / "b.parquet")
    assert open_table(tmp_path / "b.parquet").card == card


def test_tables_that_are_stacked_have_learned_what_any_of_them_has(encoded, tmp_path):
    other = encoded.copy()
    other.attrs[CARD] = encoded.attrs[CARD] | {"trained_on": ["P9/A01"], "labels_seen": ["C"]}
    plain = encoded.copy()
    plain.attrs = {}
    for name, table in {"a": encoded, "b": other, "c": plain}.items():
        table.to_parquet(tmp_path / f"{name}.parquet")
    card = card_of_files([tmp_path / "a.parquet", tmp_path / "b.parquet"])
    assert "P9/A01" in card["trained_on"] and "P1/A01" in card["trained_on"]
    assert card["labels_seen"] == ["A", "B", "C", "DMSO"] and "unsaid" not in card
    mixed = card_of_files([tmp_path / "a.parquet", tmp_path / "c.parquet"])
    assert mixed["unsaid"] == str(tmp_path / "c.parquet")
    assert card_of_files([tmp_path / "c.parquet"]) is None


@pytest.fixture(scope="module")
def learned(tmp_path_factory) -> pd.DataFrame:
    """Profiles of four plates of six treatments, learned from labels of two plates."""
    draw = np.random.default_rng(0)
    effects = draw.normal(size=(6, 12)) * 3
    rows = []
    for plate in ("P1", "P2", "P3", "P4"):
        for number in range(14):
            name = f"T{number}" if number < 6 else "DMSO"
            key = {
                "Metadata_Plate": plate,
                "Metadata_Well": f"{'AB'[number // 7]}{number % 7 + 1:02}",
            }
            values = draw.normal(size=12) + (effects[number] if number < 6 else 0)
            features = {f"own__all__{k:04}": value for k, value in enumerate(values)}
            rows.append(key | {"Metadata_Compound": name} | features)
    frame = pd.DataFrame(rows)
    seen = frame[frame["Metadata_Plate"].isin(["P1", "P2"])]
    seen = seen[seen["Metadata_Compound"].isin(["T0", "T1", "T2"])]
    card = Representation.__new__(Labelled).card(SCREEN).as_dict() | {
        "trained_on": sorted(seen["Metadata_Plate"] + "/" + seen["Metadata_Well"]),
        "labels_seen": ["T0", "T1", "T2"],
        "licence": "CC0",
    }
    frame.attrs[CARD] = card
    return frame


def test_wells_it_learned_from_are_left_out_and_treatments_it_was_shown_not_judged(learned):
    found = pl.activity(learned, permutations=50)
    judged = found.table.dropna(subset=["p"])
    assert set(judged["Metadata_Treatment"]) == {"T3", "T4", "T5"}
    assert "training-unknown" not in {finding.code for finding in found.findings}
    plain = learned.copy()
    plain.attrs = {}
    told = pl.activity(plain, permutations=50)
    assert told.table["p"].notna().sum() == 6
    assert "training-unknown" in {finding.code for finding in told.findings}


def test_the_guard_holds_after_saving_and_loading(learned, tmp_path):
    learned.to_parquet(tmp_path / "a.parquet")
    pl.normalize(tmp_path / "a.parquet").to_parquet(tmp_path / "b.parquet")
    wells = pl.read(tmp_path / "b.parquet")
    (card,) = wells.block.cards.values()
    assert (card.learns, card.kind, card.licence) == ("labels", "supervised", "CC0")
    assert card.labels_seen == ("T0", "T1", "T2") and len(card.trained_on) == 6
    assert len(wells.table) == 4 * 14 - 6
    everything = learned.copy()
    keys = learned["Metadata_Plate"] + "/" + learned["Metadata_Well"]
    everything.attrs[CARD] = learned.attrs[CARD] | {"trained_on": sorted(keys)}
    everything.to_parquet(tmp_path / "c.parquet")
    with pytest.raises(LeakError, match="every well"):
        pl.classify(tmp_path / "c.parquet")


def test_labels_are_known_by_the_wells_where_treatments_have_other_names(learned):
    renamed = learned.assign(Metadata_Compound=learned["Metadata_Compound"].str.lower())
    renamed.attrs = learned.attrs
    (card,) = pl.read(renamed, controls="Metadata_Compound == 'dmso'").block.cards.values()
    assert card.labels_seen == ("t0", "t1", "t2")


def test_profiles_of_a_study_bring_their_cards_however_they_are_read(learned, tmp_path):
    item = pl.read(learned)
    (tmp_path / "profiles").mkdir()
    path = tmp_path / "profiles" / "own.parquet"
    write_profiles(item, path)
    write_folds(item, path.with_suffix(""))
    write_annotated(item, path.with_suffix(".h5ad"))
    for data in (path, path.with_suffix(".h5ad"), anndata.read_h5ad(path.with_suffix(".h5ad"))):
        again = pl.read(data, controls="Metadata_Compound == 'DMSO'", normalized=True)
        (card,) = again.block.cards.values()
        assert card.labels_seen == ("T0", "T1", "T2")
    unknown = learned.copy()
    unknown.attrs = {}
    write_profiles(pl.read(unknown), path)
    again = pl.read(path, controls="Metadata_Compound == 'DMSO'", normalized=True)
    assert "training-unknown" in {finding.code for finding in pl.activity(again).findings}


def test_a_table_that_says_it_itself_is_not_told_otherwise(learned, tmp_path):
    with pytest.raises(ConfigError, match=r"names 6 wells\); leave trained_on"):
        pl.read(learned, trained_on="nothing")
    learned[learned["Metadata_Plate"] < "P3"].to_parquet(tmp_path / "a.parquet")
    plain = learned[learned["Metadata_Plate"] > "P2"].copy()
    plain.attrs = {}
    plain.to_parquet(tmp_path / "b.parquet")
    both = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    with pytest.raises(ConfigError, match=r"b.parquet does not; say trained_on"):
        pl.read(both)
    told = pl.read(both, trained_on="P1", labels_seen=["T0"])
    assert len(told.block.cards["all"].trained_on) == 14


@pytest.mark.parametrize(
    ("encoder", "said"),
    [(42, "got 42."), (PixelPCA, "got the class PixelPCA: make an object of it."), (None, "got N")],
)
def test_what_is_no_encoder_is_refused_in_one_line(encoder, said):
    with pytest.raises(InputError, match=re.escape(said)):
        pl.encode(encoder, small_screen())


@pytest.mark.parametrize("train", [[], [72], [-1], [0.5], ["P1"], np.ones(72, dtype=bool), 3])
def test_rows_that_are_none_are_refused(train):
    with pytest.raises(InputError, match="train holds numbers of rows, each from 0 to 71; got"):
        pl.encode(PixelPCA(components=2), small_screen(), train=train)
