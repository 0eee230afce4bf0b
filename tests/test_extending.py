"""docs/extending.md: a package adds one of each from outside, through a study to the report."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pandas as pd
import pytest

import phenolens
from phenolens.files import read_sealed
from phenolens.simulate import ScreenDesign, write_screen

PAGE = Path(__file__).parents[1] / "docs" / "extending.md"
BLOCK = re.compile(
    r"^```(python|toml|html)\n(?:# |\{# )(\S+)(?: #\})?\n(.*?)^```", re.DOTALL | re.M
)
FILES = {name: text for _, name, text in BLOCK.findall(PAGE.read_text(encoding="utf-8"))}
QUICK = """
[evaluate]
permutations = 200
bootstrap = 20

[measure]
families = ["AreaShape", "Intensity"]

[[data.profiles]]
name = "lines"
files = "profiles.jsonl"
prefix = "f"
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """The page's package, installed: its files, and what a wheel says of its entry points."""
    folder = tmp_path_factory.mktemp("site")
    for name, text in FILES.items():
        if name.startswith("my_lab/"):
            (folder / "my_lab").mkdir(exist_ok=True)
            (folder / name).write_text(text)
    about = folder / "my_lab-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: my-lab\nVersion: 1.0\n")
    groups = tomllib.loads(FILES["pyproject.toml"])["project"]["entry-points"]
    lines = [
        line
        for group, entries in groups.items()
        for line in (f"[{group}]", *(f"{name} = {place}" for name, place in entries.items()))
    ]
    (about / "entry_points.txt").write_text("\n".join(lines) + "\n")
    return folder


def run(site: Path, folder: Path, *words: str) -> subprocess.CompletedProcess:
    paths = [str(site), str(Path(phenolens.__file__).parents[1])]
    env = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    return subprocess.run(
        [sys.executable, *words], cwd=folder, env=env, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def finished(site, tmp_path_factory) -> Path:
    """A screen of images, and profiles in the page's own format, studied by command."""
    folder = tmp_path_factory.mktemp("study")
    design = ScreenDesign(
        plates=2, batches=1, treatments=6, replicates=1, control_wells=8, sites=1, mechanisms=2,
        inactive=1, toxic=1, field_size=128,
    )  # fmt: skip
    write_screen(design, folder / "screen")
    told = run(site, folder, "-m", "phenolens", "init", "screen", "-o", "study.toml")
    assert told.returncode == 0, told.stderr
    tables = [pd.read_csv(path) for path in sorted((folder / "screen").rglob("load_data.csv"))]
    wells = pd.concat(tables)[["Metadata_Plate", "Metadata_Well"]].drop_duplicates()
    rows = [
        {"Metadata_Plate": str(plate), "Metadata_Well": well, "f0": float(n % 5), "f1": float(n)}
        for n, (plate, well) in enumerate(wells.itertuples(index=False))
    ]
    (folder / "profiles.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with (folder / "study.toml").open("a") as stream:
        stream.write(FILES["study.toml"] + QUICK)
    told = run(site, folder, "-m", "phenolens", "run", "study.toml", "--out", "out")
    assert told.returncode == 0, told.stderr
    return folder


def test_the_page_has_one_of_each():
    groups = tomllib.loads(FILES["pyproject.toml"])["project"]["entry-points"]
    assert sorted(groups) == [
        f"phenolens.{kind}"
        for kind in ("checks", "formats", "metrics", "representations", "sections")
    ]


def test_each_keeps_its_contract(site, tmp_path):
    told = run(site, tmp_path, "-c", FILES["test_my_lab.py"])
    assert (told.returncode, told.stderr) == (0, "")


def test_the_study_made_the_representation_fold_by_fold(finished):
    results = pd.read_parquet(finished / "out" / "results.parquet")
    assert {"quantiles", "lines", "cellprofiler"} <= set(results["representation"])
    provenance = json.loads((finished / "out" / "provenance.json").read_text())
    cards = json.dumps(provenance)
    assert "quantiles" in cards
    (first, *_) = sorted((finished / "out" / "store").glob("representation-quantiles-*"))
    card = read_sealed(first / "card.json")
    assert (card["kind"], card["learns"], card["labels_seen"]) == ("unsupervised", "pixels", [])


def test_the_check_is_in_the_audit_in_its_own_words(finished):
    audit = json.loads((finished / "out" / "audit.json").read_text())
    (own,) = [item for item in audit if item["code"] == "plates-a-batch"]
    assert own["values"] == {"plates": 2, "batches": 1}
    assert own["what"] == "2 plates lie in 1 batches."
    assert "2 plates lie in 1 batches." in (finished / "out" / "report.html").read_text()


def test_the_metric_is_asked_of_every_representation(finished):
    results = pd.read_parquet(finished / "out" / "results.parquet")
    own = results[results["metric"] == "effective_dimensions"].set_index("representation")
    assert sorted(own.index) == ["cellprofiler", "lines", "quantiles"]
    assert (own["value"] >= 1).all() and (own["task"] == "dimensionality").all()


def test_the_report_calls_them_by_their_names(finished):
    text = (finished / "out" / "report.html").read_text(encoding="utf-8")
    assert "Brightness quantiles are 5 quantiles of each stain" in text
    assert re.search(r"<li>Brightness quantiles: \d+\.\d directions</li>", text)
    assert "Effective dimensions" in text


def test_a_wrong_option_is_named(site, finished, tmp_path):
    text = (finished / "study.toml").read_text().replace("levels = 5", "level = 5")
    (finished / "wrong.toml").write_text(text)
    told = run(site, finished, "-m", "phenolens", "check", "wrong.toml", "--out", str(tmp_path))
    assert told.returncode == 2
    assert (
        "'represent.quantiles.level' is not a setting we know; did you mean 'levels'" in told.stderr
    )


def test_without_the_package_the_line_says_what_is_missing(finished, tmp_path):
    told = run(tmp_path, finished, "-m", "phenolens", "check", "study.toml", "--out", str(tmp_path))
    assert told.returncode == 2
    assert "'represent.quantiles' is no representation that we know" in told.stderr


@pytest.fixture(scope="module")
def broken(site, tmp_path_factory) -> Path:
    """The same package, which can no longer be imported."""
    folder = tmp_path_factory.mktemp("broken")
    (folder / "my_lab").mkdir()
    (folder / "my_lab" / "__init__.py").write_text("import a_module_that_is_not_there\n")
    about = folder / "my_lab-1.0.dist-info"
    about.mkdir()
    for name in ("METADATA", "entry_points.txt"):
        (about / name).write_text((site / "my_lab-1.0.dist-info" / name).read_text())
    return folder


def test_a_package_that_cannot_be_imported_is_named(broken, finished, tmp_path):
    told = run(broken, finished, "-m", "phenolens", "check", "study.toml", "--out", str(tmp_path))
    assert told.returncode == 2
    assert "quantiles could not be loaded (ModuleNotFoundError" in told.stderr


def test_a_study_that_does_not_name_it_runs_and_says_so(broken, tmp_path):
    rows = [f"P{plate},A{well:02},c{well // 2},{well}" for plate in (1, 2) for well in range(1, 9)]
    (tmp_path / "wells.csv").write_text("\n".join(["Plate,Well,Compound,f0", *rows]) + "\n")
    (tmp_path / "study.toml").write_text(
        '[[data.profiles]]\nname = "p"\nfiles = "wells.csv"\nprefix = "f"\n'
    )
    told = run(broken, tmp_path, "-m", "phenolens", "check", "study.toml", "--out", "out")
    assert told.returncode == 0, told.stderr
    said = "The representation that the plug-in 'quantiles' offers could not be loaded"
    assert f"plug-in-not-loaded: {said} (ModuleNotFoundError" in told.stdout
    audit = json.loads((tmp_path / "out" / "audit.json").read_text())
    found = [item["values"] for item in audit if item["code"] == "plug-in-not-loaded"]
    assert {"representation"} <= {values["what"] for values in found}


def test_what_is_there_is_listed_with_its_options(site, broken, tmp_path):
    there = run(site, tmp_path, "-m", "phenolens", "encoders").stdout
    assert "quantiles: Brightness quantiles (unsupervised; learns from pixels; reads" in there
    assert "[represent.quantiles] or [[encoders]] settings: levels = 9" in there
    assert there.count("epochs = 30") == 1  # what networks share is said once
    assert "augment = { symmetries = true, gain = 0.1" in " ".join(there.split())  # as TOML has it
    assert max(map(len, there.splitlines())) <= 110
    told = run(broken, tmp_path, "-m", "phenolens", "encoders")
    assert "quantiles: could not be loaded (ModuleNotFoundError" in told.stdout
    assert told.returncode == 0 and "cnn: CNN (supervised; learns from labels" in told.stdout
