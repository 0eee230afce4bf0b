"""The chapter about the published study: its numbers, its recipes, and the script behind it."""

from __future__ import annotations

import importlib
import io
import json
import re
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
import tifffile

from phenolens.config import Study, read_study
from phenolens.profiles import row_letters
from phenolens.published.audits import audit_tables
from phenolens.simulate import ScreenDesign
from phenolens.study.auditing import audit_lines

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
CHAPTER = (DOCS / "seed-study.md").read_text(encoding="utf-8")
FOUND = json.loads((DOCS / "seed-study.json").read_text(encoding="utf-8"))
PUBLISHED = {"0.037", "0.106", "0.081"}
NUMBER = re.compile(r"(?<![\d.])-?\d\.\d{3}(?!\d)")
BATCH, PLATE = "2020_11_04_CPJUMP1", "BR00116991"
NUMBERS = [str(k) for k in range(1, 9)]


@pytest.fixture
def bench(monkeypatch):
    """A script of bench/, by its name."""
    monkeypatch.syspath_prepend(str(ROOT / "bench"))

    def load(name: str) -> ModuleType:
        return importlib.import_module(name)

    return load


def section(number: str) -> str:
    """The chapter's part about one finding."""
    return re.split(r"^## ", CHAPTER.split(f"\n## {number}. ")[1], flags=re.MULTILINE)[0]


def blocks(text: str) -> list[str]:
    """Lines in code blocks without a language."""
    parts = text.split("```")[1::2]
    return [line for part in parts if part.startswith("\n") for line in part.strip().splitlines()]


def leaves(value: object) -> set[str]:
    """Every number of a result as the chapter prints it."""
    if isinstance(value, dict):
        return set().union(*map(leaves, value.values()))
    return {f"{value:.3f}"}


@pytest.mark.parametrize("number", NUMBERS)
def test_the_chapters_numbers_are_the_results(number):
    words = "".join(section(number).split("```")[::2])
    told = set(NUMBER.findall(words)) - PUBLISHED
    elsewhere = {"1.000"} if number == "2" else set()
    assert len(told) >= 2
    assert told - elsewhere <= leaves(FOUND[number])


@pytest.mark.parametrize("number", NUMBERS)
def test_the_chapters_audit_lines_are_the_results(number):
    assert blocks(section(number)) == FOUND["audit"][number]


def test_nothing_is_found_where_nothing_is():
    assert FOUND["1"]["features"]["balanced"] < 0.01 < FOUND["2"]["field_split"]["balanced"]
    assert abs(FOUND["3"]["null"]["other_wells"]) < 0.005
    assert FOUND["8"]["anova"]["wells_features"] < 0.07 < FOUND["8"]["anova"]["fields_features"]


def test_the_declared_study_has_all_eight_defects(bench):
    findings = audit_tables(DOCS / "recipes" / "seed-study")
    assert bench("seed_audit").missing(findings) == set()
    told = {line for finding in findings for line in audit_lines([finding])}
    said = blocks(CHAPTER.split("## The study, declared")[1])
    assert len(said) == 12
    assert set(said) <= told


def test_its_rows_are_the_layout_of_the_script(bench, tmp_path):
    bench("seed_audit").write_rows(tmp_path / "rows.csv")
    written = (tmp_path / "rows.csv").read_bytes()
    assert written == (DOCS / "recipes" / "seed-study" / "rows.csv").read_bytes()


def test_the_recipe_of_the_plate_is_a_study_file():
    study = read_study(DOCS / "recipes" / f"{PLATE}.toml")
    assert isinstance(study, Study)
    assert study.data.images.channels == ["DNA", "ER", "RNA", "AGP", "Mito"]
    assert all(PLATE in path for path in (study.data.images.table, study.data.profiles[0].files))


def bucket(folder: Path, real: Path) -> Path:
    """The recipe beside real tables laid out as in the bucket, and stand-ins for the images."""
    source = folder / "cpg0000-jump-pilot" / "source_4"
    work, name = source / "workspace", f"{PLATE}__2020-11-05T19_51_35-Measurement1"
    metadata = work / "metadata"
    platemap = metadata / "platemaps" / BATCH / "platemap" / "JUMP-Target-1_compound_platemap.txt"
    annotation = metadata / "external_metadata" / "JUMP-Target-1_compound_metadata.tsv"
    ending = "normalized_feature_select_negcon_batch.csv.gz"
    profile = work / "profiles" / BATCH / PLATE / f"{PLATE}_{ending}"
    images = source / "images" / BATCH / "images" / name / "Images"
    listed = work / "load_data_csv" / BATCH / PLATE / "load_data.csv"
    for path in (platemap, annotation, profile, listed, images / "file"):
        path.parent.mkdir(parents=True, exist_ok=True)
    platemap.write_bytes((real / "JUMP-Target-1_compound_platemap.tsv").read_bytes())
    annotation.write_bytes((real / annotation.name).read_bytes())
    other = pd.read_csv(real / f"BR00117010_{ending}")
    other.assign(Metadata_Plate=PLATE).iloc[:, :60].to_csv(profile, index=False)
    load_data(images, f"/home/ubuntu/bucket/{BATCH}/images/{name}/Images/").to_csv(
        listed, index=False
    )
    recipe = folder / f"{PLATE}.toml"
    recipe.write_bytes((DOCS / "recipes" / recipe.name).read_bytes())
    return recipe


def load_data(images: Path, written: str) -> pd.DataFrame:
    """LoadData of one field a well, with a small file for every stain."""
    stream = io.BytesIO()
    tifffile.imwrite(stream, np.ones((8, 8), np.uint16))
    rows = []
    for row, column in np.ndindex(16, 24):
        well = f"{row_letters(row)}{column + 1:02d}"
        entry = {"Metadata_Plate": PLATE, "Metadata_Well": well, "Metadata_Site": 1}
        for channel, stain in enumerate(("Mito", "AGP", "RNA", "ER", "DNA"), start=1):
            file = f"r{row + 1:02d}c{column + 1:02d}f01p01-ch{channel}sk1fk1fl1.tiff"
            (images / file).write_bytes(stream.getvalue())
            entry |= {f"FileName_Orig{stain}": file, f"PathName_Orig{stain}": written}
        rows.append(entry)
    return pd.DataFrame(rows)


def test_the_recipe_joins_and_the_audit_says_what_one_plate_allows(real_data, tmp_path):
    from phenolens.study import check, open_study

    recipe = bucket(tmp_path, real_data("cpjump1_profiles"))
    findings = check(open_study(recipe, out=tmp_path / "out"))
    told = {(f.severity, f.code): f.text for f in findings}
    marks = {"✗": "error", "!": "warning"}
    said = blocks(CHAPTER.split("## The plate itself")[1].split("## The study, declared")[0])
    assert len(said) == 5
    for line in said:
        code, what = line[2:].split(": ", 1)
        assert told[marks[line[0]], code] == what


@pytest.mark.network
def test_the_script_on_a_small_plate(bench):
    plate, study = bench("seed_plate"), bench("seed_study")
    size = plate.Size(controls=30, compounds=12, twice=3, sites=4, fields=178)
    design = ScreenDesign(
        plates=2, batches=1, treatments=5, control_wells=6, inactive=2, toxic=0, dosed=0,
        sites=1, mechanisms=3, **plate.SIZES,
    )  # fmt: skip
    screen = plate.simulate(design, *plate.rows_of(design), grey=True)
    null = plate.null_plate(size)
    plane = np.random.default_rng(0).normal(size=(len(null.stains), 2))
    maps = dict.fromkeys(("umap", "noise_umap", "noise_plane"), plane)
    found = study.findings(null, screen, maps=maps, epochs=1)
    assert {*NUMBERS} <= set(found)
    assert found["1"]["always_dmso"]["balanced"] == pytest.approx(1 / 13)
    assert found["2"]["position"]["accuracy"] == 1
    assert found["8"]["maps"]["quantile_sd"] == pytest.approx(0, abs=1e-9)
    assert found["audit"].keys() == set(NUMBERS)
    assert found["audit"]["4"]
