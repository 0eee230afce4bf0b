"""A written screen: the gallery's layout, its tables, its truth, resuming, and the same bytes."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile

from phenolens.errors import DesignError, InputError
from phenolens.profiles import well_name
from phenolens.simulate import ScreenDesign, write_screen
from phenolens.simulate.layout import conditions, wells
from phenolens.simulate.stains import STAINS
from phenolens.simulate.treatments import treatments, truth_table

SMALL = ScreenDesign(
    replicates=1,
    plates=2,
    treatments=5,
    control_wells=3,
    sites=2,
    mechanisms=2,
    inactive=1,
    toxic=1,
    rows=4,
    columns=4,
    field_size=80,
    cell_diameter=32.0,
)


@pytest.fixture(scope="module")
def screen(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("screen")
    write_screen(SMALL, folder, truth_images=True)
    return folder


def fingerprints(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def load_data(folder: Path) -> pd.DataFrame:
    tables = sorted(folder.rglob("load_data.csv"))
    return pd.concat([pd.read_csv(path) for path in tables], ignore_index=True)


def test_every_field_of_load_data_is_on_disk(screen):
    table = load_data(screen)
    assert len(table) == SMALL.n_fields == 32
    assert not table.duplicated(["Metadata_Plate", "Metadata_Well", "Metadata_Site"]).any()
    for stain in STAINS:
        for folder, name in zip(
            table[f"PathName_Orig{stain}"], table[f"FileName_Orig{stain}"], strict=True
        ):
            image = tifffile.imread(screen / folder / name)
            assert image.shape == (80, 80)
            assert image.dtype == np.uint16
    assert len(list(screen.rglob("*-ch*sk1fk1fl1.tiff"))) == 5 * len(table)


def test_file_names_say_row_column_and_site(screen):
    row = load_data(screen).iloc[0]
    well = row["Metadata_Well"]
    expected = f"r{ord(well[0]) - 64:02d}c{int(well[1:]):02d}f{row['Metadata_Site']:02d}p01"
    assert row["FileName_OrigDNA"].startswith(expected)
    assert row["FileName_OrigDNA"].endswith("-ch5sk1fk1fl1.tiff")


def test_platemaps_join_barcodes_wells_and_annotation(screen):
    metadata = screen / SMALL.project / SMALL.source / "workspace" / "metadata"
    annotation = pd.read_csv(metadata / "external_metadata" / "external_metadata.tsv", sep="\t")
    truth = pd.read_parquet(screen / "truth" / "wells.parquet")
    for barcodes in metadata.rglob("barcode_platemap.csv"):
        for plate, name in pd.read_csv(barcodes).to_numpy():
            platemap = pd.read_csv(barcodes.parent / "platemap" / f"{name}.txt", sep="\t")
            assert (platemap["plate_map_name"] == name).all()
            assert [well_name(w) for w in platemap["well_position"]] == list(
                platemap["well_position"]
            )
            joined = platemap.merge(annotation, on="broad_sample", how="left")
            expected = truth[truth["Metadata_Plate"] == plate].reset_index(drop=True)
            assert list(joined["pert_iname"]) == list(expected["pert_iname"])
            assert (joined["broad_sample"].isna() == expected["control"]).all()


def test_truth_counts_match_the_label_images(screen):
    fields = pd.read_parquet(screen / "truth" / "fields.parquet")
    for row in fields.itertuples():
        stem = f"{row.Metadata_Well}-{row.Metadata_Site}"
        folder = screen / "truth" / "images" / row.Metadata_Plate
        cells = tifffile.imread(folder / f"{stem}_cells.tiff")
        nuclei = tifffile.imread(folder / f"{stem}_nuclei.tiff")
        assert cells.max() == row.n_cells
        assert (nuclei[nuclei > 0] == cells[nuclei > 0]).all()


def test_masks_are_empty_where_nothing_is_active_and_only_there(screen):
    by_well = pd.read_parquet(screen / "truth" / "wells.parquet")
    for row in by_well.itertuples():
        folder = screen / "truth" / "images" / row.Metadata_Plate
        masks = [tifffile.imread(path) for path in folder.glob(f"{row.Metadata_Well}-*_mask.tiff")]
        assert len(masks) == SMALL.sites
        assert any(mask.any() for mask in masks) == (row.n_responding > 0)
        assert row.active or row.n_responding == 0 or row.concentration_um < 10


def test_same_design_same_bytes_whatever_the_jobs(screen, tmp_path):
    write_screen(SMALL, tmp_path, jobs=2, truth_images=True)
    assert fingerprints(tmp_path) == fingerprints(screen)


def test_an_interrupted_screen_is_completed_not_rewritten(tmp_path):
    write_screen(SMALL, tmp_path)
    whole = fingerprints(tmp_path)
    images = sorted(tmp_path.rglob("*-ch1sk1fk1fl1.tiff"))
    images[3].unlink()
    kept = images[0].stat().st_mtime_ns
    (tmp_path / "truth" / "wells.parquet").unlink()
    write_screen(SMALL, tmp_path)
    assert fingerprints(tmp_path) == whole
    assert images[0].stat().st_mtime_ns == kept


def test_a_folder_with_another_screen_is_refused(screen):
    with pytest.raises(InputError, match="another design"):
        write_screen(replace(SMALL, seed=1), screen)


def test_progress_counts_every_field(tmp_path):
    seen = []
    design = replace(SMALL, plates=1, batches=1, sites=1)
    write_screen(design, tmp_path, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(k, 8) for k in range(1, 9)]


def test_a_field_does_not_depend_on_the_rest_of_the_screen(screen, tmp_path):
    write_screen(replace(SMALL, plates=1, batches=1), tmp_path)
    here, there = fingerprints(tmp_path), fingerprints(screen)
    shared = [name for name in here if name.endswith(".tiff")]
    assert len(shared) == 80
    assert all(here[name] == there[name] for name in shared)


def positions(design: ScreenDesign) -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = {}
    for well in wells(design):
        found.setdefault(well.plate, []).append((well.name, well.treatment.sample))
    return found


def test_fixed_and_scrambled_layouts():
    fixed = positions(replace(SMALL, layout="fixed", plates=4))
    assert len({tuple(plate) for plate in fixed.values()}) == 1
    scrambled = positions(replace(SMALL, plates=4))
    assert len({tuple(plate) for plate in scrambled.values()}) == 4
    contents = [sorted(sample for _, sample in plate) for plate in scrambled.values()]
    assert all(content == contents[0] for content in contents)


def test_the_demo_design():
    design = ScreenDesign()
    truth = truth_table(design)
    treated = truth[~truth["control"]]
    assert design.n_fields == 576
    assert len(treated) == 24
    assert treated["programme"].replace("", pd.NA).nunique() == 8
    assert ((~treated["active"]) & (~treated["toxic"])).sum() == 5
    assert ((~treated["active"]) & treated["toxic"]).sum() == 2
    assert (treated["active"] & treated["toxic"]).sum() >= 2
    per_plate = pd.DataFrame(
        [(w.plate, w.treatment.control) for w in wells(design)], columns=["plate", "control"]
    )
    assert (per_plate.groupby("plate")["control"].sum() == 24).all()
    doses = treated[treated["pert_iname"] == "compound-01"]
    assert list(doses["concentration_um"]) == [10.0, 1.0]
    assert doses["strength"].is_monotonic_decreasing


@pytest.mark.parametrize("modality", ["crispr", "orf"])
def test_genetic_screens_have_two_guides_a_gene_with_one_effect(modality, tmp_path):
    design = replace(
        SMALL, modality=modality, treatments=8, inactive=2, toxic=2, plates=1, batches=1
    )
    truth = truth_table(design)
    guides = truth[~truth["control"]].groupby("gene")
    assert (guides["broad_sample"].nunique() == 2).all()
    assert (guides["strength"].nunique() == 1).all()
    write_screen(design, tmp_path)
    platemap = pd.read_csv(next(tmp_path.rglob("platemap_*.txt")), sep="\t")
    assert platemap["broad_sample"].notna().all()
    assert "solvent" not in platemap


def test_strength_zero_gives_a_screen_without_activity():
    truth = truth_table(ScreenDesign(strength=0.0))
    assert not truth["active"].any()


def test_more_of_a_compound_does_more():
    design = ScreenDesign(concentrations=(10.0, 3.0, 1.0, 0.3), dosed=2)
    strengths = [t.effect.strength for t in treatments(design)[:4]]
    assert all(np.diff(strengths) < 0)


def test_positions_batches_and_plates_leave_their_mark_and_can_be_switched_off():
    def gains(design: ScreenDesign) -> np.ndarray:
        return np.log([conditions(design, well).gain for well in wells(design)])

    quiet = replace(SMALL, batch_effect=0.0, plate_effect=0.0, position_effect=0.0)
    assert gains(quiet).std() < 0.05
    assert gains(SMALL).std() > 1.5 * gains(quiet).std()
    edge = [w for w in wells(ScreenDesign()) if w.row in (0, 7)]
    inner = [w for w in wells(ScreenDesign()) if 2 <= w.row <= 5 and 2 <= w.column <= 4]
    density = [
        np.mean([conditions(ScreenDesign(), w).density for w in group]) for group in (edge, inner)
    ]
    assert density[0] < density[1]


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"modality": "antibody"}, "modality"),
        ({"layout": "sorted"}, "layout"),
        ({"plates": 0}, "plates"),
        ({"batches": 5}, "batches"),
        ({"treatments": 4}, "raise treatments"),
        ({"mechanisms": 40}, "programmes"),
        ({"control_wells": 90}, "do not fit"),
        ({"rows": 40}, "1536"),
        ({"concentrations": (0.0,)}, "concentrations"),
        ({"dosed": 30, "concentrations": (1.0,)}, "dosed"),
        ({"modality": "orf", "treatments": 25}, "even"),
        ({"inactive": -1}, "negative"),
    ],
)
def test_impossible_designs_are_refused(settings, word):
    with pytest.raises(DesignError, match=word):
        ScreenDesign(**settings)


def test_design_json_is_complete(screen):
    assert (
        ScreenDesign(
            **{
                key: tuple(value) if isinstance(value, list) else value
                for key, value in json.loads((screen / "truth" / "design.json").read_text()).items()
            }
        )
        == SMALL
    )
