"""The commands for people who only have profiles, on a simulated screen in each file form."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from phenolens import profiles, schema
from phenolens.io.anndata import write_h5ad
from phenolens.simulate import simulate_profiles

SAME = ("--same-by", "Metadata_Treatment")
CONTROLS = ("--controls", "Metadata_Control")


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return simulate_profiles(seed=3)[0]


@pytest.fixture(scope="module")
def parquet(table, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("tables") / "profiles.parquet"
    profiles.write(table, path)
    return path


@pytest.mark.parametrize("form", ["profiles.csv.gz", "profiles.parquet", "profiles.h5ad"])
def test_activity_reads_each_form_and_writes_the_columns_defined(command, table, tmp_path, form):
    path = tmp_path / form
    write_h5ad(table, path) if form.endswith("h5ad") else profiles.write(table, path)
    out = tmp_path / "activity.parquet"
    answer = command("activity", path, *SAME, *CONTROLS, "--permutations", 200, "-o", out)
    assert answer.code == 0, answer.err
    assert "fraction retrieved" in answer.out
    table = schema.tables()["activity"]
    assert list(schema.conform(pd.read_parquet(out), table)) == table.required


def test_the_same_seed_gives_the_same_bytes(command, parquet, tmp_path):
    for name in ("a", "b"):
        command("activity", parquet, *SAME, *CONTROLS, "--permutations", 100,
                "-o", tmp_path / f"{name}.parquet")  # fmt: skip
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_a_mechanism_that_treatments_share_is_matched(command, parquet, tmp_path):
    out = tmp_path / "match.csv"
    answer = command("match", parquet, *SAME, "--label", "Metadata_Mechanism",
                     "--permutations", 200, "-o", out)  # fmt: skip
    assert answer.code == 0, answer.err
    assert pd.read_csv(out)["map_normalized"].median() > 0


def test_a_representation_is_not_better_than_itself(command, table, tmp_path):
    for name in ("one", "two"):
        profiles.write(table, tmp_path / f"{name}.parquet")
    out = tmp_path / "comparison.csv"
    answer = command("compare", tmp_path / "one.parquet", tmp_path / "two.parquet",
                     *SAME, *CONTROLS, "-o", out)  # fmt: skip
    assert answer.code == 0, answer.err
    found = pd.read_csv(out)
    assert set(found["task"]) >= {"activity", "classification"}
    assert (found["difference"] == 0).all()
    assert (found["p"] == 1).all()


@pytest.mark.parametrize(
    "arguments",
    [
        ("retrieve", "--across", "Metadata_Plate"),
        ("classify",),
        ("cluster", "--label", "Metadata_Mechanism", "--clusters", "4"),
        ("batch",),
        ("assay",),
    ],
)
def test_the_other_questions_are_answered_from_a_table_alone(command, parquet, tmp_path, arguments):
    out = tmp_path / "answer.csv"
    verb, *rest = arguments
    answer = command(verb, parquet, *SAME, *CONTROLS, *rest, "-o", out)
    assert answer.code == 0, answer.err
    assert len(pd.read_csv(out)) > 0


def test_classification_beats_its_baselines_where_effects_are_planted(command, parquet, tmp_path):
    out = tmp_path / "classes.csv"
    command("classify", parquet, *SAME, *CONTROLS, "-o", out)
    found = pd.read_csv(out)
    pooled = found[(found["fold"] == "all") & (found["metric"] == "balanced_accuracy")]
    best = pooled.groupby("representation")["value"].max()
    others = best[[name for name in best.index if "majority" in name or "shuffled" in name]]
    assert best["profiles"] > others.max()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--controls", "Metadata_Nope == 1"), "Metadata_Nope"),
        (("--controls", "Metadata_Treatment == 'no such thing'"), "matches none"),
        ((*CONTROLS, "--position-safe", "--null", "copairs"), "--position-safe"),
        ((*CONTROLS, "--null", "magic"), "magic"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_one_line(command, parquet, tmp_path, arguments, said):
    answer = command("activity", parquet, *SAME, *arguments, "-o", tmp_path / "x.parquet")
    assert said in answer.refused()
