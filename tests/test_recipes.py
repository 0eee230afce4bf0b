"""The recipes: study files pass on small trees of the same shape, and commands parse."""

from __future__ import annotations

import io
import re
import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile

from phenolens.cli import app
from phenolens.files import read_json
from phenolens.study import check, open_study
from phenolens.study.step import take

DOCS = Path(__file__).parents[1] / "docs"
PAGE = (DOCS / "recipes.md").read_text(encoding="utf-8")
PLATES = pd.read_csv(DOCS / "recipes" / "CPJUMP1-plates.csv")
BATCH = "2020_11_04_CPJUMP1"
SOURCE = Path("cpg0000-jump-pilot/source_4")
WELLS = ["A01", "A02", "B03", "C04", "D05", "P24"]
# As published: a map of well_position and broad_sample, and a table of what each sample is.
SAMPLES = {
    "compound": ["", "BRD-1", "BRD-2", "BRD-3", "", ""],
    "crispr": ["", "BRDN1", "BRDN2", "BRDN3", "BRDN4", "BRDN4"],
    "orf": ["", "ccsb1", "ccsb2", "ccsb3", "ccsb4", "ccsb4"],
}
KNOWN = {
    "compound": {
        "broad_sample": ["BRD-1", "BRD-2", "BRD-3"], "pert_iname": ["taxol", "x-1", "x-2"],
        "target_list": ["TUBB", "A1|A2", ""], "pert_type": "trt",
        "control_type": ["poscon_cp", "", ""],
    },
    "crispr": {
        "broad_sample": ["BRDN1", "BRDN2", "BRDN3", "BRDN4"], "gene": ["KRAS", "KRAS", "MET", ""],
        "pert_type": ["trt", "trt", "trt", "control"], "control_type": ["", "", "", "negcon"],
        "target_sequence": ["AC", "CA", "GT", "TG"],
    },
    "orf": {
        "broad_sample": ["ccsb1", "ccsb2", "ccsb3", "ccsb4"], "gene": ["KRAS", "MET", "ADA", "RB1"],
        "pert_type": ["trt", "trt", "trt", "control"], "control_type": ["", "", "", "negcon"],
    },
}  # fmt: skip
CONTROLS = {"compound": ["A01", "D05", "P24"], "crispr": ["D05", "P24"], "orf": ["D05", "P24"]}


def tree(folder: Path, kind: str, plates: Sequence[str]) -> Path:
    """The study file of a kind of CPJUMP1's plates, beside a tree as in the bucket."""
    work, stream = folder / SOURCE / "workspace", io.BytesIO()
    tifffile.imwrite(stream, np.ones((8, 8), np.uint16))
    maps = work / f"metadata/platemaps/{BATCH}/platemap"
    outside = work / "metadata/external_metadata"
    for place in (maps, outside):
        place.mkdir(parents=True)
    table = pd.DataFrame({"well_position": WELLS, "broad_sample": SAMPLES[kind]})
    table.to_csv(maps / f"JUMP-Target-1_{kind}_platemap.txt", sep="\t", index=False)
    known = pd.DataFrame(KNOWN[kind])
    known.to_csv(outside / f"JUMP-Target-1_{kind}_metadata.tsv", sep="\t", index=False)
    for plate in plates:
        listed = work / f"load_data_csv/{BATCH}/{plate}/load_data.csv"
        profiles = work / f"profiles/{BATCH}/{plate}"
        images = f"{BATCH}/images/{plate}__2020-11-05T19_51_35-Measurement1/Images"
        here = folder / SOURCE / "images" / images
        for place in (listed.parent, profiles, here):
            place.mkdir(parents=True)
        rows = []
        for well in WELLS:
            row = {"Metadata_Plate": plate, "Metadata_Well": well, "Metadata_Site": 1}
            for channel, stain in enumerate(("Mito", "AGP", "RNA", "ER", "DNA"), start=1):
                name = f"r{ord(well[0]) - 64:02d}c{well[1:]}f01p01-ch{channel}sk1fk1fl1.tiff"
                (here / name).write_bytes(stream.getvalue())
                row |= {f"FileName_Orig{stain}": name, f"PathName_Orig{stain}": f"/home/{images}/"}
            rows.append(row)
        pd.DataFrame(rows).to_csv(listed, index=False)
        features = {f"Cells_AreaShape_{n}": np.arange(6.0) + n for n in range(3)}
        wells = {"Metadata_Plate": plate, "Metadata_Well": WELLS}
        pd.DataFrame(wells | features).to_csv(
            profiles / f"{plate}_normalized_feature_select_negcon_batch.csv.gz", index=False
        )
    for name in ("CPJUMP1-plates.csv", f"CPJUMP1-{kind}.toml"):
        (folder / name).write_bytes((DOCS / "recipes" / name).read_bytes())
    return folder / f"CPJUMP1-{kind}.toml"


@pytest.mark.parametrize("kind", list(SAMPLES))
def test_a_recipe_joins_every_plate_of_its_kind(kind, tmp_path):
    own = PLATES[PLATES["Perturbation"] == kind]
    others = PLATES.loc[PLATES["Perturbation"] != kind, "Plate"]
    plates = [*own["Plate"], *(others if kind == "orf" else others[:2])]  # which are left alone
    session = open_study(tree(tmp_path, kind, plates), out=tmp_path / "out", jobs=1)
    check(session)
    wells = take(session, "screen").wells
    kept = WELLS if kind == "compound" else WELLS[1:]
    assert sorted(wells["Metadata_Plate"].unique()) == sorted(own["Plate"])
    assert (wells.groupby("Metadata_Plate").size() == len(kept)).all()
    assert dict(zip(wells["Metadata_Plate"], wells["Metadata_Batch"], strict=True)) == dict(
        zip(own["Plate"], own["Condition"], strict=True)
    )
    controls = wells.loc[wells["Metadata_Control"], "Metadata_Well"].unique()
    assert sorted(controls) == CONTROLS[kind]
    ledger = read_json(tmp_path / "out/ledger.json")
    assert ledger["conflicts"] == []
    images = take(session, "screen").images
    assert len(images) == len(own) * len(kept)


def test_one_condition_of_a_recipe(tmp_path):
    asked = re.search(r"--set '(data\.exclude=[^']+)'", PAGE)
    compounds = PLATES[PLATES["Perturbation"] == "compound"]
    recipe = tree(tmp_path, "compound", list(compounds["Plate"]))
    session = open_study(recipe, out=tmp_path / "out", changes=[asked[1]])
    wells = take(session, "screen").wells
    named = compounds.loc[compounds["Condition"] == "U2OS 48 h", "Plate"]
    assert sorted(wells["Metadata_Plate"].unique()) == sorted(named) and len(named) == 4


def test_a_recipe_reads_the_gallery_without_downloading(tmp_path, store):
    """The line of the page that puts the bucket's name before the paths of a study file."""
    own = ["BR00117006", "BR00117020", "BR00118039", "BR00118049"]  # one a pattern
    recipe = tree(tmp_path, "orf", own)
    store.upload(tmp_path / "cpg0000-jump-pilot", "cellpainting-gallery", "cpg0000-jump-pilot/")
    shutil.rmtree(tmp_path / "cpg0000-jump-pilot")
    (old, new), *_ = re.findall(r"sed 's\|([^|]+)\|([^|]+)\|'", PAGE)
    recipe.write_text(recipe.read_text().replace(old, new))
    session = open_study(recipe, out=tmp_path / "out", jobs=1)
    check(session)
    screen = take(session, "screen")
    assert sorted(screen.wells["Metadata_Plate"].unique()) == sorted(own)
    assert len(screen.images) == 4 * len(WELLS[1:])
    assert sorted(screen.wells.loc[screen.wells["Metadata_Control"], "Metadata_Well"].unique()) == [
        "D05", "P24",
    ]  # fmt: skip


def lines() -> list[list[str]]:
    """Commands of the page's blocks, continued lines joined."""
    blocks = re.findall(r"^```sh\n(.*?)^```", PAGE, re.DOTALL | re.M)
    text = "\n".join(blocks).replace("\\\n", " ").replace("; do ", "\n").replace("; done", "")
    split = (shlex.split(line, comments=True) for line in text.splitlines())
    return [words for words in split if words[:1] == ["phenolens"]]


@pytest.mark.parametrize("words", lines(), ids=lambda words: " ".join(words)[:60])
def test_the_commands_parse(words):
    _, verb, *rest = words
    command = app.get_command(None, verb)
    command.make_context(verb, [word.replace("$kind", "orf") for word in rest])


def test_the_commands_name_what_is_there():
    named = {word for words in lines() for word in words if word.endswith(".toml")}
    kinds = ("compound", "crispr", "orf")
    told = {name.replace("$kind", kind) for name in named for kind in kinds}
    assert told == {path.name for path in (DOCS / "recipes").glob("*.toml")}


def test_the_sizes_on_the_page_follow_from_published_numbers_of_images():
    """Five of eight images a site, of 2.163 MB: the mean of 30 real files of these plates."""
    assert len(PLATES) == 51 and PLATES["Plate"].is_unique
    for name, part in [
        ("BR00116991", PLATES[PLATES["Plate"] == "BR00116991"]),
        ("24 plates of compounds", PLATES[PLATES["Perturbation"] == "compound"]),
        ("18 plates of guides", PLATES[PLATES["Perturbation"] == "crispr"]),
        ("9 plates of ORFs", PLATES[PLATES["Perturbation"] == "orf"]),
        ("all 51", PLATES),
    ]:
        fields = part["Images"].sum() // 8
        files, gigabytes = 5 * fields, 5 * fields * 2.163e6 / 1e9
        row, hours = [line for line in PAGE.splitlines() if line.startswith(f"| {name} |")]
        assert f"| {fields:,} | {files:,} | {gigabytes:,.0f} GB |" in row
        least, most = fields * (1.44 + 0.14) / 3600, fields * (0.92 + 5.86) / 3600
        digits = 1 if least < 10 else 0
        assert f"| {least:.{digits}f} to {most:.{digits}f} |" in hours
        assert f"| {fields * (40_493_346 + 15_789_762) / 6 / 1e9:,.0f} GB |" in hours
