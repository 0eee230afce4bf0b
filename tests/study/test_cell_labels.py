"""Labels of cells through a study: whole wells are held out, and no cell of theirs is learned."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile

import phenolens as pl
from phenolens.answers import answers
from phenolens.answers.tables import Tables
from phenolens.errors import ConfigError, DesignError, InputError
from phenolens.files import read_json
from phenolens.report.figures import augmented
from phenolens.report.sections import cells as section
from phenolens.study.step import take

CLASSES = ("plain", "bright", "small")
PLATES, WELLS, EACH, SIDE = ("P1", "P2", "P3"), ("B02", "C05", "D03"), 5, 40
STUDY = """
[data.columns]
cell_label = "Metadata_Phenotype"

[data.images]
table = "cells.csv"
level = "cell"
file = "file"
index = "index"
channels = ["DNA", "Actin"]
nuclei = "DNA"

[measure]
families = ["AreaShape", "Intensity"]

[evaluate]
permutations = 200
bootstrap = 50
"""


def crop(rng: np.random.Generator, phenotype: str) -> np.ndarray:
    """A round cell and its nucleus, uint16 (2, SIDE, SIDE)."""
    y, x = np.mgrid[:SIDE, :SIDE] - SIDE / 2 - rng.uniform(-1, 1, 2)[:, None, None]
    away = np.hypot(y, x * rng.uniform(0.8, 1.2))
    nucleus = away < (5 if phenotype == "small" else 8) + rng.uniform(-0.5, 0.5)
    actin = (away < 15) * (2400 if phenotype == "bright" else 1500)
    noise = rng.normal(400, 40, (2, SIDE, SIDE))
    return (np.stack([4000 * nucleus, actin]) + noise).astype(np.uint16)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Wells of three phenotypes; some cells without a label, and one class in one well only."""
    folder, rng, rows = tmp_path_factory.mktemp("cells"), np.random.default_rng(0), []
    for plate in PLATES:
        for well in WELLS:
            named = [name for name in CLASSES for _ in range(EACH)] + ["plain"]
            file = f"{plate}_{well}.tiff"
            stack = np.stack([crop(rng, name) for name in named])
            tifffile.imwrite(folder / file, stack, metadata={"axes": "NCYX"})
            named[-1] = "rare" if (plate, well) == ("P1", "B02") else None
            compound = "DMSO" if well != "D03" else "taxol"
            rows += [(file, n, plate, well, compound, name) for n, name in enumerate(named)]
    columns = ["file", "index", *(f"Metadata_{n}" for n in ("Plate", "Well", "Compound",
                                                            "Phenotype"))]  # fmt: skip
    pd.DataFrame(rows, columns=columns).to_csv(folder / "cells.csv", index=False)
    return folder


def opened(folder: Path, out: Path, *changes: str):
    study = out.with_suffix(".toml")
    study.write_text(STUDY.replace('"cells.csv"', f'"{folder}/cells.csv"'))
    root = f"data.images.root={folder}"
    return pl.open_study(study, out=out, jobs=1, changes=[root, *changes])


@pytest.fixture(scope="module")
def done(folder, tmp_path_factory):
    session = opened(
        folder,
        tmp_path_factory.mktemp("done") / "out",
        'represent.representations=["cellprofiler", "pixel-pca"]',
        "represent.components=8",
    )
    pl.run(session)
    return session


def test_cells_of_wells_held_out_are_recognised_by_measured_features(done):
    scores = Tables(done.out).table("cell_scores")
    pooled = scores[(scores["metric"] == "balanced_accuracy") & (scores["fold"] == "all")]
    value = pooled.set_index("representation")["value"]
    assert value["cellprofiler"] > 0.9
    assert value["baseline:majority"] == pytest.approx(1 / 3)
    assert value["baseline:position"] < 0.5
    assert value["baseline:shuffled-labels:cellprofiler"] < 0.6
    assert set(pooled["interval_over"]) == {"well"}
    assert (pooled["low"] <= pooled["value"]).all()
    assert set(scores.loc[scores["metric"] == "recall", "label"]) == set(CLASSES)


def test_no_well_is_learned_from_and_tested(done):
    folds, found = take(done, "cell_splits"), take(done, "represent").cells
    assert folds.leave_out == "plate"
    for number in range(folds.n_folds):
        held = folds.wells[folds.wells["fold"] == number]
        held = set(held["Metadata_Plate"] + "/" + held["Metadata_Well"])
        card = found["pixel-pca"].of(number)[1]
        assert held
        assert not held & set(card.trained_on)
        assert set(card.trained_on)
    tested = Tables(done.out).table("cell_predictions")
    assert (tested["fold"] == folds.of(tested)).all()


def test_what_takes_no_part_is_counted_and_said(done, defined):
    assert {"cell_scores", "cell_predictions", "cell_classes", "cell_splits"} < defined(done.out)
    counts = read_json(done.out / "ledger.json")["counts"]
    assert counts["screen"]["cells_without_label"] == len(PLATES) * len(WELLS) - 1
    assert counts["cell_splits"]["cells_of_classes_never_tested"] == 1
    (answer,) = [one for one in answers(Tables(done.out)) if one.key == "cells"]
    assert answer.state == "answered"
    said = " ".join(answer.sentences)
    assert "Cells of a well are not independent: each plate is held out whole" in said
    assert "rare: all cells lie in one plate" in said
    assert "8 of 144 cells have no label" in said
    page = (done.out / "report.html").read_text()
    assert 'id="cells"' in page
    shown = section.view(Tables(done.out))
    assert shown["scores"][0]["representation"] in ("cellprofiler", "pixel-pca")
    assert {row["label"] for row in shown["classes"]} == {*CLASSES, "rare"}


@pytest.fixture(scope="module")
def trained(folder, tmp_path_factory):
    pytest.importorskip("torch")
    session = opened(
        folder, tmp_path_factory.mktemp("trained") / "out",
        'represent.representations=["cnn", "untrained"]',
        "networks.size=32", "networks.width=8", "networks.epochs=3", "networks.batch=16",
        "networks.views=1", "networks.learning_rate=0.01", 'networks.device="cpu"',
    )  # fmt: skip
    take(session, "classify_cells")
    return session


@pytest.mark.network
def test_networks_learn_the_labels_of_cells_and_make_no_wells(trained):
    made = take(trained, "represent")
    assert set(made.blocks) == {"untrained"}
    for number in range(3):
        card = made.cells["cnn"].of(number)[1]
        assert set(CLASSES) <= set(card.labels_seen) <= {*CLASSES, "rare"}
        assert len(card.trained_on) == 6
    scores = Tables(trained.out).table("cell_scores")
    assert {"cnn", "untrained"} < set(scores["representation"])


@pytest.mark.network
def test_a_study_with_networks_leaves_a_contact_sheet_of_its_augmentation(trained):
    arrays = take(trained, "augmented")
    assert set(arrays) == {"images_cnn", "channels"}
    assert arrays["images_cnn"].shape == (4, 8, 2, 32, 32)
    asis, changed = arrays["images_cnn"][:, :1], arrays["images_cnn"][:, 1:]
    assert (asis != changed).any(axis=(2, 3, 4)).all()
    (drawn,) = augmented.draw(Tables(trained.out))
    assert drawn.name == "augmented-cnn"
    assert len(drawn.figure.axes) == 32


def test_init_says_where_the_classes_of_crops_are_named(folder, tmp_path):
    crops = tmp_path / "crops"
    shutil.copytree(folder, crops, ignore=shutil.ignore_patterns("*.csv"))
    shutil.copy(folder / "cells.csv", crops)
    pl.init(crops, tmp_path / "study.toml")
    text = (tmp_path / "study.toml").read_text()
    assert 'level = "cell"' in text
    assert '# [data.columns] cell_label = "..."' in text
    named = ["data.columns.cell_label=Metadata_Phenotype"]
    pl.init(crops, tmp_path / "study.toml", force=True, changes=named)
    assert '\ncell_label = "Metadata_Phenotype"' in (tmp_path / "study.toml").read_text()
    session = pl.open_study(tmp_path / "study.toml", out=tmp_path / "out", jobs=1)
    assert len(take(session, "cell_splits").classes) == len(CLASSES) + 1


def test_a_class_within_single_wells_is_refused_and_other_faults(folder, tmp_path):
    table = pd.read_csv(folder / "cells.csv")
    table["Metadata_Phenotype"] = table["Metadata_Plate"] + table["Metadata_Well"]
    table.to_csv(folder / "alone.csv", index=False)
    session = opened(folder, tmp_path / "out", f"data.images.table={folder}/alone.csv")
    with pytest.raises(DesignError, match="in two wells or more; cells of one well on") as error:
        pl.run(session)
    assert "\n" not in str(error.value)
    session = opened(folder, tmp_path / "out", 'data.columns.cell_label="= one"')
    with pytest.raises(InputError, match="too few classes of cells"):
        take(session, "screen")
    with pytest.raises(ConfigError, match=r"'cnn\+cellprofiler' joins profiles of wells"):
        joined = '["cnn", "cellprofiler", "cnn+cellprofiler"]'
        opened(folder, tmp_path / "out", f"represent.representations={joined}")
    with pytest.raises(ConfigError, match="level = 'cell'"):
        opened(folder, tmp_path / "out", "data.images.level=field")


def test_treatments_that_differ_within_a_well_say_nothing_of_the_well(folder, tmp_path):
    """A pooled screen: no well has a treatment, and none is set aside for that."""
    named = [
        'data.columns.cell_label="Metadata_Compound"', "data.images.table={}",
        'represent.representations=["pixel-pca", "untrained"]', "represent.components=4",
        "networks.size=32", "networks.width=8", "networks.views=1",
    ]  # fmt: skip
    table = pd.read_csv(folder / "cells.csv")
    table["Metadata_Compound"] = np.resize(["guide 1", "guide 2"], len(table))
    table.to_csv(folder / "pooled.csv", index=False)
    named[1] = named[1].format(folder / "pooled.csv")
    with pytest.raises(InputError, match=r"All 9 wells .* name the column .* cell_label"):
        take(opened(folder, tmp_path / "out", "data.columns.cell_label=Metadata_Phenotype",
                    named[1]), "screen")  # fmt: skip
    session = opened(folder, tmp_path / "out", *named)
    screen = take(session, "screen")
    assert len(screen.wells) == len(PLATES) * len(WELLS)
    assert screen.wells["Metadata_Treatment"].isna().all()
    assert take(session, "cell_splits").mixed == len(screen.wells)
    pytest.importorskip("torch")
    take(session, "classify_cells")
    codes = [found["code"] for found in read_json(session.out / "cell_findings.json")]
    assert "cells-without-controls" in codes
