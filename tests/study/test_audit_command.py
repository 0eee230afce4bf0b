"""``phenolens audit``: a study with the numbers of the published one, clean ones, and bad input."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tomli_w

from phenolens.audit.basis import AuditFinding
from phenolens.files import read_json
from phenolens.profiles import row_letters
from phenolens.published.audits import audit_tables
from phenolens.simulate import simulate_profiles

SEED = {
    "study": {"name": "one plate of CPJUMP1", "controls": ["DMSO"]},
    "images": {"stains": ["DNA", "ER", "RNA", "AGP", "Mito"], "input": "grey"},
    "training": {
        "train_transforms": ["RandomHorizontalFlip", "RandomRotation", "Resize"],
        "test_transforms": ["Resize"],
        "shared_dataset": True,
    },
    "split": {"unit": "field"},
    "attribution": {"threshold": "quantile", "value": 0.8, "map_size": 7, "image_size": 224},
    "representations": [
        {"name": "cnn", "trained_on": "train", "supervised": True},
        {"name": "cnn_cellprofiler", "trained_on": "train", "supervised": True,
         "blocks": {"cnn": 16, "cellprofiler": 3}},
        {"name": "vae", "trained_on": "all", "supervised": False},
    ],
    "scores": [
        {"representation": "cnn", "metric": "accuracy", "value": 0.204},
        {"representation": "cnn", "metric": "map", "value": 0.106, "on": "all"},
        {"representation": "cnn_cellprofiler", "metric": "map", "value": 0.081, "on": "all"},
        {"representation": "vae", "metric": "map", "value": 0.037, "on": "all"},
        {"representation": "cnn", "metric": "silhouette", "value": 0.52, "labels": "kmeans"},
        {"representation": "vae", "metric": "silhouette", "value": 0.50, "labels": "kmeans"},
    ],
    "tests": [{"name": "ANOVA of activation area", "unit": "field"}],
}  # fmt: skip

# The eight findings about the published study, by the codes that must name each.
EIGHT = {
    1: ["majority-class"],
    2: ["class-is-one-well", "split-shares-wells"],
    3: ["label-order"],
    4: ["unscaled-blocks"],
    5: ["clusters-as-labels"],
    6: ["augmentation-off", "test-rows-in-training"],
    7: ["grey-input"],
    8: ["quantile-threshold", "coarse-attribution", "well-not-unit"],
}


def seed_rows(rng: np.random.Generator) -> pd.DataFrame:
    """2,867 fields of one plate, 250 labels; DMSO in 64 of 384 wells, 18 compounds in two."""
    names = [f"compound-{k:03d}" for k in range(249)]
    labels = np.array(["DMSO"] * 64 + names + names[:18])
    places = rng.permutation(384)[: len(labels)]
    wells = np.array([f"{row_letters(k // 24)}{k % 24 + 1:02d}" for k in places])
    frame = pd.DataFrame({"Metadata_Plate": "BR00116991", "Metadata_Well": np.repeat(wells, 9),
                          "Metadata_Site": np.tile(np.arange(1, 10), len(wells)),
                          "label": np.repeat(labels, 9)})  # fmt: skip
    treated = np.flatnonzero(frame["label"] != "DMSO")
    frame = frame.drop(index=rng.choice(treated, len(frame) - 2867, replace=False))
    frame = frame.sort_values(["Metadata_Well", "Metadata_Site"], ignore_index=True)
    return frame.assign(fold=np.where(rng.random(len(frame)) < 0.8, "train", "test"))


def write_tables(folder: Path, design: dict, tables: dict[str, pd.DataFrame]) -> Path:
    """The folder a user exports."""
    folder.mkdir(exist_ok=True)
    (folder / "design.toml").write_text(tomli_w.dumps(design))
    for name, table in tables.items():
        table.to_csv(folder / f"{name}.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def seed_study(tmp_path_factory) -> Path:
    """Its tables as the notebook would have exported them: wells differ, treatments do not."""
    rng = np.random.default_rng(0)
    rows = seed_rows(rng)
    well = pd.factorize(rows["Metadata_Well"])[0]
    keys = rows[["Metadata_Plate", "Metadata_Well", "Metadata_Site"]]
    seen = rng.normal(size=(well.max() + 1, 16))[well] + rng.normal(size=(len(rows), 16))
    cnn = pd.DataFrame(seen).add_prefix("cnn_")
    raw = pd.DataFrame({"Count_Cells": rng.poisson(120, len(rows)),
                        "Texture_SumVariance": rng.gamma(4, 500, len(rows)),
                        "Texture_Variance": rng.gamma(4, 150, len(rows))})  # fmt: skip
    area = 0.20 + rng.normal(0, 0.05, well.max() + 1)[well] + rng.normal(0, 0.06, len(rows))
    area = np.clip(area, 0.01, 0.9)
    folder = write_tables(tmp_path_factory.mktemp("seed"), SEED, {
        "rows": rows,
        "embeddings_cnn": pd.concat([keys, cnn], axis=1),
        "embeddings_cnn_cellprofiler": pd.concat([keys, cnn, raw], axis=1),
        "attribution": keys.assign(area_fraction=area),
    })  # fmt: skip
    vae = rng.normal(size=(well.max() + 1, 16))[well] + 0.5 * rng.normal(size=(len(rows), 16))
    np.save(folder / "embeddings_vae.npy", rng.permutation(vae).astype(np.float32))
    return folder


@pytest.fixture(scope="module")
def seed_findings(seed_study) -> list[AuditFinding]:
    return audit_tables(seed_study)


@pytest.mark.parametrize("number", EIGHT)
def test_each_finding_about_the_published_study(seed_findings, number):
    grave = {f.code for f in seed_findings if f.severity in ("error", "warning")}
    assert set(EIGHT[number]) <= grave


def test_the_published_numbers_are_told(seed_findings):
    told = {(f.code, f.where): f for f in seed_findings}
    majority = told["majority-class", "cnn"]
    assert majority.basis == "data"
    assert "accuracy of cnn: 20 %" in majority.said.what
    assert "231 of 249 treatments" in next(
        f.said.what for f in seed_findings if f.code == "class-is-one-well"
    )
    assert told["label-order", "vae"].severity == "error"
    assert told["label-order", "vae"].basis == "data"
    assert told["label-order", "cnn"].severity == "ok"
    assert told["unscaled-blocks", "cnn_cellprofiler"].basis == "data"
    assert told["label-noise-in-map", "vae"].severity == "error"
    assert told["label-noise-in-map", "cnn"].severity == "ok"
    assert told["test-rows-in-training", "vae"].severity == "warning"
    assert "single-plate" in {f.code for f in seed_findings}
    assert "missing-baselines" in {f.code for f in seed_findings}


CLEAN = {
    "study": {"baselines": ["majority", "cell-count", "intensity", "position", "untrained",
                            "shuffled-labels"]},
    "images": {"stains": ["DNA", "ER"], "used": ["DNA", "ER"], "input": "stains"},
    "representations": [{"name": "cnn", "trained_on": "train", "supervised": True}],
    "scores": [{"representation": "cnn", "metric": "accuracy", "value": 0.9}],
}  # fmt: skip


@pytest.fixture
def tables(tmp_path) -> Path:
    """A small clean study as files, its keys written carelessly."""
    table, _ = simulate_profiles(
        plates=3, treatments=10, controls=8, features=12, active=1.0, mechanisms=10, effect=3.0
    )
    frame = table.reset_index()
    names = {name: f"f{k}" for k, name in enumerate(table.columns)}
    rows = frame[["Metadata_Plate", "Metadata_Well", "Metadata_Treatment"]].copy()
    rows["split"] = np.where(rows["Metadata_Plate"] == "P03", "Test", "Train")
    embedding = frame.rename(columns=names)[["Metadata_Plate", "Metadata_Well", *names.values()]]
    embedding["Metadata_Well"] = [
        w[0].lower() + str(int(w[1:])) for w in embedding["Metadata_Well"]
    ]
    embedding = embedding.sample(frac=1, random_state=0)
    return write_tables(tmp_path / "tables", CLEAN, {"rows": rows, "embeddings_cnn": embedding})


def test_a_clean_study_exits_with_zero_and_writes_json(command, tables, tmp_path):
    answer = command("audit", "--tables", tables, "-o", tmp_path / "audit.json", "--strict")
    assert answer.code == 0, answer.out
    assert answer.out.splitlines()[-2].startswith("0 errors, 0 warnings")
    found = read_json(tmp_path / "audit.json")
    assert set(found[0]) == {
        "code", "severity", "where", "about", "values", "what", "consequence", "remedy", "basis",
    }  # fmt: skip
    assert {f["severity"] for f in found} == {"info", "ok"}
    order = next(f for f in found if f["code"] == "label-order")
    assert (order["severity"], order["basis"]) == ("ok", "data")


def test_strict_fails_on_errors_only_and_the_worst_come_first(command, tables):
    (tables / "design.toml").write_text(tomli_w.dumps(CLEAN | {"images": {"input": "grey"}}))
    answer = command("audit", "--tables", tables)
    assert answer.code == 0
    assert answer.out.startswith("✗ grey-input [declaration]")
    assert command("audit", "--tables", tables, "--strict").code == 1
    small = CLEAN | {"study": {"baselines": []}, "scores": [
        {"representation": "cnn", "metric": "balanced_accuracy", "value": 0.4}]}  # fmt: skip
    (tables / "design.toml").write_text(tomli_w.dumps(small))
    answer = command("audit", "--tables", tables, "--strict")
    assert (answer.code, answer.out[:19]) == (0, "! missing-baselines")


def test_rows_alone_are_enough(command, tables):
    (tables / "design.toml").unlink()
    answer = command("audit", "--tables", tables)
    assert answer.code == 0
    assert "· grey-input: Not checked" in answer.out


def test_a_design_alone_is_enough(command, tmp_path):
    folder = write_tables(tmp_path / "words", SEED, {})
    answer = command("audit", "--tables", folder, "--strict")
    assert answer.code == 2  # blocks are declared, but neither their table nor the scaling
    said = SEED | {"representations": [{"name": "cnn_cellprofiler", "scaled": False}]}
    write_tables(folder, said, {})
    answer = command("audit", "--tables", folder, "--strict")
    assert answer.code == 1
    for code in ("unscaled-blocks", "clusters-as-labels", "augmentation-off", "grey-input",
                 "quantile-threshold", "split-shares-wells", "well-not-unit"):  # fmt: skip
        assert f"✗ {code} [declaration]" in answer.out


def test_unknown_files_are_named(command, tables):
    (tables / "features.csv").write_text("a\n1\n")
    assert "· unread-files [data]: Files with names that mean nothing here: features.csv" in (
        command("audit", "--tables", tables).out
    )


BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "no folder": (lambda f: [p.unlink() for p in f.iterdir()] and f.rmdir(), "no folder"),
    "nothing in it": (lambda f: [p.unlink() for p in f.iterdir()], "neither design.toml nor rows"),
    "a key nobody knows": (
        lambda f: (f / "design.toml").write_text("[images]\nform = 'grey'\n"),
        "'images.form' is not a key we know",
    ),
    "a value nobody knows": (
        lambda f: (f / "design.toml").write_text("[images]\ninput = 'blue'\n"),
        "'images.input'",
    ),
    "no TOML": (lambda f: (f / "design.toml").write_text("[images"), "not valid TOML"),
    "no plate": (lambda f: (f / "rows.csv").write_text("well,label\nA01,x\n"), "Metadata_Plate"),
    "no label": (lambda f: (f / "rows.csv").write_text("plate,well\np,A01\n"), "for the class"),
    "no well": (
        lambda f: (f / "rows.csv").write_text("plate,well,label\np,A01,x\np,Z99,x\n"),
        "row 2: 'Z99' is not a well name",
    ),
    "an empty plate": (
        lambda f: (f / "rows.csv").write_text("plate,well,label\n,A01,x\n"),
        "Metadata_Plate is empty in row 1",
    ),
    "no rows": (lambda f: (f / "rows.csv").write_text("plate,well,label\n"), "no rows"),
    "an empty file": (lambda f: (f / "rows.csv").write_text(""), "cannot be read"),
    "text among features": (
        lambda f: (f / "embeddings_cnn.csv").write_text("plate,well,f0,file\np,A01,1,a.tif\n"),
        "columns of text: file",
    ),
    "no features": (
        lambda f: (f / "embeddings_cnn.csv").write_text("plate,well\np,A01\n"),
        "no features",
    ),
    "a pickle": (
        lambda f: np.save(f / "embeddings_vae.npy", np.array([{}], dtype=object)),
        "cannot be read as an array",
    ),
    "one dimension": (lambda f: np.save(f / "embeddings_vae.npy", np.ones(3)), "rows by features"),
    "two of one kind": (
        lambda f: np.save(f / "embeddings_cnn.npy", np.ones((3, 2))),
        "two of one kind",
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_unusable_input_is_one_line(command, tables, what):
    damage, said = BAD[what]
    damage(tables)
    assert said in command("audit", "--tables", tables).refused()


def test_either_a_study_or_tables(command, tables):
    assert "either STUDY or --tables" in command("audit").refused()
    assert "either STUDY or --tables" in command("audit", tables, "--tables", tables).refused()
    assert "no wells.parquet" in command("audit", tables).refused()


def test_a_study_file_of_ours(command, wells, tmp_path):
    answer = command("audit", wells.study, "--out", tmp_path / "out")
    assert answer.code == 0
    assert "✓ layout-confounded [data]" in answer.out
    assert "results.parquet is not there yet" in answer.out
    frame = wells.frame()
    fixed = frame.groupby("Metadata_Well")["Metadata_Compound"].transform("first")
    wells.write(frame.assign(Metadata_Compound=fixed))
    answer = command("audit", wells.study, "--out", tmp_path / "out", "--strict")
    assert answer.code == 1
    assert "✗ layout-confounded [data]" in answer.out


def result(name: str, metric: str, value: float, **rest: object) -> dict:
    row = {
        "representation": name,
        "task": "classification",
        "metric": metric,
        "fold": "all",
        "split": "leave-plate-out",
        "unit": "well",
        "low": value - 0.05,
        "high": value + 0.05,
    }
    return row | {"value": value, "n": 100} | rest  # fmt: skip


RESULTS = [
    *(result(f"baseline:{name}", "accuracy", 0.3)
      for name in ("majority", "cell-count", "intensity", "position", "shuffled-labels:cnn")),
    result("baseline:position", "balanced_accuracy", 0.15),
    result("cnn", "accuracy", 0.32),
    result("cnn", "balanced_accuracy", 0.18),
    result("cnn", "train_test_gap", 0.35),
    result("cnn", "mean_map", 0.2, task="activity"),
    result("cnn", "mean_map_normalized", 0.01, task="activity"),
    result("cnn", "silhouette", -0.1, task="silhouette"),
    result("cnn", "silhouette_p", 0.4, task="silhouette"),
]  # fmt: skip


@pytest.mark.parametrize("better", [0.0, 0.3])
def test_a_finished_folder_of_ours(command, tmp_path, better):
    """Weak scores are warned of; the same scores well above their baselines are not."""
    table, _ = simulate_profiles(plates=3, treatments=10, controls=8, features=2)
    wells = table.reset_index()[["Metadata_Plate", "Metadata_Well", "Metadata_Treatment",
                                 "Metadata_Control"]]  # fmt: skip
    fold = pd.factorize(wells["Metadata_Plate"])[0]
    wells.assign(fold=fold, role="", n_images=2).to_parquet(tmp_path / "wells.parquet")
    results = pd.DataFrame(RESULTS)
    own = (results["representation"] == "cnn") & (results["metric"] != "train_test_gap")
    results.loc[own, ["value", "low", "high"]] += better
    results.loc[results["metric"] == "train_test_gap", "value"] -= better
    results.to_parquet(tmp_path / "results.parquet")
    answer = command("audit", tmp_path)
    mark = "✓" if better else "!"
    for code in ("baseline-not-beaten", "train-test-gap", "label-noise-in-map"):
        assert f"{mark} {code} [data]" in answer.out
    assert f"{mark} majority-class [data]: Accuracy of cnn" in answer.out
    assert "✓ clusters-as-labels" in answer.out
    assert "✓ missing-baselines" in answer.out


def test_a_study_may_be_audited_with_other_settings(command, tmp_path):
    screen, _ = simulate_profiles(seed=3)
    screen.reset_index().to_parquet(tmp_path / "screen.parquet")
    study = tmp_path / "study.toml"
    command("init", tmp_path / "screen.parquet", "-o", study, "-q")
    said = command("audit", study, "--out", tmp_path / "out", "--set", "data.cntrols=x").refused()
    assert "'data.cntrols' is not a setting we know; did you mean 'controls'?" in said
    controls = "data.controls=Metadata_Compound == 'nothing of this name'"
    said = command("audit", study, "--out", tmp_path / "out", "--set", controls).refused()
    assert "nothing of this name" in said
