"""Compartments of cells, what maps mark of them and of stains, and whether features agree."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from phenolens.errors import InputError
from phenolens.interpret.activation import compartments
from phenolens.interpret.where import (
    COMPARTMENTS,
    agreement,
    agreement_summary,
    by_treatment,
    cell_compartments,
    coarse,
    compartment_table,
    right_against_wrong,
    split,
)
from phenolens.represent.networks.pixels import PixelSettings

STAINS = ("DNA", "Mito")


def disks(*centres: tuple[int, int], radius: int, side: int = 80) -> np.ndarray:
    grid = np.indices((side, side))
    labels = np.zeros((side, side), dtype=np.int32)
    for number, (y, x) in enumerate(centres, 1):
        labels[np.hypot(grid[0] - y, grid[1] - x) <= radius] = number
    return labels


def test_every_pixel_is_in_one_compartment_of_the_stated_width():
    nuclei, cells = disks((40, 40), radius=10), disks((40, 40), radius=30)
    parts = split(nuclei, cells)
    assert (parts.sum(axis=0) == 1).all()
    along = [COMPARTMENTS[k] for k in parts[:, 40, 40:].argmax(axis=0)]
    ends = {name: max(i for i, other in enumerate(along) if other == name) for name in set(along)}
    # of a nucleus 20 wide: a ring of 5, an edge of 3
    assert ends == {"nucleus": 10, "perinuclear ring": 15, "cytoplasm": 27, "edge": 30,
                    "background": 39}  # fmt: skip


def test_cells_that_touch_have_an_edge_between_them_and_the_image_none_at_its_border():
    cells = np.repeat([[1] * 40 + [2] * 40], 80, axis=0)
    nuclei = disks((40, 15), (40, 65), radius=8)
    edge = split(nuclei, cells)[COMPARTMENTS.index("edge")]
    assert edge[5, 38:42].all()
    assert not edge[:, :30].any()


def test_no_nucleus_is_no_error():
    empty = np.zeros((8, 8), dtype=np.int32)
    assert split(empty, empty)[COMPARTMENTS.index("background")].all()
    assert split(empty, empty + 1)[2].all()


def test_five_compartments_share_the_geometry_of_the_three(truth_screen):
    rows, settings = np.array([16, 0]), PixelSettings(size=16, tiles=2)
    parts = cell_compartments(truth_screen.prepared, rows, settings)
    assert parts.shape == (2, 5, 32, 32)
    assert np.isnan(parts[1]).all()
    np.testing.assert_allclose(parts[0].sum(axis=0), 1.0, atol=1e-6)
    three = compartments(truth_screen.prepared, rows, settings)
    np.testing.assert_allclose(coarse(parts), three, atol=1e-6)


def maps(n: int, marked: str, stain: int) -> tuple[np.ndarray, np.ndarray]:
    nuclei, cells = disks((40, 40), radius=10), disks((40, 40), radius=30)
    parts = np.repeat(split(nuclei, cells)[None].astype(np.float32), n, axis=0)
    values = np.zeros((n, 2, 80, 80), dtype=np.float32)
    values[:, stain] = parts[:, COMPARTMENTS.index(marked)]
    return values, parts


def test_what_is_marked_is_held_against_the_area():
    values, parts = maps(2, "edge", 1)
    values[1] = 0
    metadata = pd.DataFrame({"Metadata_Well": ["A01", "A02"]})
    found = compartment_table(values, parts, STAINS, metadata).set_index(
        ["Metadata_Well", "compartment", "stain"]
    )
    found = found.sort_index()
    marked = found.loc[("A01", "edge", "Mito")]
    assert marked["mass"] == 1
    assert marked["area"] == pytest.approx(parts[0, 3].mean() / 2)
    assert found.loc["A01", "mass"].sum() == pytest.approx(1)
    assert found.loc["A01", "area"].sum() == pytest.approx(1)
    assert found.loc["A02", "mass"].isna().all()
    alone = compartment_table(values.sum(axis=1), parts, STAINS, metadata)
    assert set(alone["stain"]) == {"all"}
    assert coarse(parts)[0, 1].sum() == parts[0, 1:4].sum()


def test_what_speaks_against_a_class_is_not_counted():
    values, parts = maps(1, "nucleus", 0)
    values[:, 1] = -1
    found = compartment_table(values, parts, STAINS, pd.DataFrame(index=[0]))
    assert found.loc[found["stain"] == "Mito", "mass"].sum() == 0


def test_shapes_that_do_not_fit_are_refused():
    values, parts = maps(2, "nucleus", 0)
    metadata = pd.DataFrame(index=range(2))
    for wrong, other in ((values[:1], parts), (values, parts[:, :3]), (values[:, :, :40], parts)):
        with pytest.raises(InputError, match="do not fit 2 images of 2 stains"):
            compartment_table(wrong, other, STAINS, metadata)
    with pytest.raises(InputError, match="of 3 stains"):
        compartment_table(values, parts, ("DNA", "ER", "Mito"), metadata)


def looked(*, seed: int = 0) -> pd.DataFrame:
    """Images of two treatments and controls: ``nuclear`` marks nuclei in DNA, where it is right."""
    rng = np.random.default_rng(seed)
    parts = maps(1, "nucleus", 0)[1]
    values, rows = [], []
    for plate in ("P1", "P2"):
        for number, name in enumerate(["DMSO"] * 6 + ["nuclear"] * 3 + ["blind"] * 3):
            for right in (True, False):
                one = rng.uniform(0.5, 1, size=(2, 80, 80))
                if name == "nuclear":
                    one[0] += (6 if right else 2) * parts[0, 0]
                values.append(one)
                rows.append({"Metadata_Plate": plate, "Metadata_Well": f"A{number + 1:02d}",
                             "Metadata_Treatment": name, "Metadata_Control": name == "DMSO",
                             "correct": right})  # fmt: skip
    whole = np.repeat(parts, len(rows), axis=0)
    return compartment_table(np.stack(values), whole, STAINS, pd.DataFrame(rows))


def test_treatments_are_compared_with_a_blind_map_and_with_controls():
    found = by_treatment(looked(), permutations=500)
    first = found[found["rank"] == 1].set_index("Metadata_Treatment").loc["nuclear"]
    assert (first["compartment"], first["stain"], first["n_wells"]) == ("nucleus", "DNA", 6)
    assert 1 < first["low"] < first["enrichment"] < first["high"]
    assert first["p_adjusted"] < 0.05
    blind = found[found["Metadata_Treatment"] == "blind"]
    assert (blind["p_adjusted"] > 0.05).all()
    assert np.allclose(blind["enrichment"], 1, atol=0.1)


def test_without_controls_there_is_no_test_and_of_one_well_no_interval():
    table = looked()
    alone = by_treatment(table[~table["Metadata_Control"]])
    assert alone[["difference", "p", "p_adjusted"]].isna().all().all()
    assert alone["low"].notna().all()
    one = table[(table["Metadata_Plate"] == "P1") & (table["Metadata_Well"] == "A07")]
    assert by_treatment(one)["low"].isna().all()
    unknown = table.assign(mass=np.nan)
    assert len(by_treatment(unknown)) == len(right_against_wrong(unknown)) == 0


def test_right_is_held_against_wrong_in_the_same_wells():
    table = looked()
    found = right_against_wrong(table[table["Metadata_Treatment"] == "nuclear"])
    found = found.set_index(["compartment", "stain"])
    marked = found.loc[("nucleus", "DNA")]
    assert marked["correct"] > 2 * marked["wrong"] * 0.9
    assert marked["n_wells"] == 6
    assert (found["p_holm"] >= found["p"]).all()
    assert found.loc[("background", "Mito"), "difference"] < 0


def changes(rows: dict[str, tuple[str, str]]) -> pd.DataFrame:
    frame = pd.DataFrame(
        [(name, *place) for name, place in rows.items()],
        columns=["Metadata_Treatment", "compartment", "stain"],
    )
    return frame.assign(property="texture", direction="more", rank=1)


def test_network_and_features_agree_where_they_name_one_place():
    network = pd.DataFrame(
        {"Metadata_Treatment": list("abcd"), "rank": 1,
         "compartment": ["nucleus", "edge", "background", "perinuclear ring"],
         "stain": ["DNA", "Mito", "DNA", "ER"]}
    )  # fmt: skip
    measured = changes(
        {"a": ("Nuclei", "none"), "b": ("Cells", "DNA+Mito"), "c": ("Cells", "DNA"),
         "d": ("Vesicles", "Mito"), "e": ("Nuclei", "DNA")}
    )  # fmt: skip
    found = agreement(network, measured).set_index("Metadata_Treatment")
    assert found["same_compartment"].to_list() == [True, True, False, pd.NA]
    assert found["same_stain"].to_list() == [pd.NA, True, True, False]
    told = agreement_summary(found.reset_index())
    assert (told["compartment"]["n"], told["compartment"]["agree"]) == (3, 2)
    assert told["stain"]["n"] == 3
    nothing = agreement(network, measured.assign(direction=""))
    assert agreement_summary(nothing)["stain"]["n"] == 0


def test_agreement_of_different_places_is_more_than_chance():
    names = [f"t{n:02d}" for n in range(12)]
    stains = ["DNA", "ER", "Mito"] * 4
    network = pd.DataFrame({"Metadata_Treatment": names, "rank": 1, "compartment": "nucleus",
                            "stain": stains})  # fmt: skip
    measured = changes({n: ("Nuclei", s) for n, s in zip(names, stains, strict=True)})
    told = agreement_summary(agreement(network, measured), permutations=999)
    assert told["stain"] == {"n": 12, "agree": 12, "expected": 4, "p": 0.001}
    assert told["compartment"]["p"] == 1
