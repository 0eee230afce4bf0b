"""What is typed is what the function of the question is asked."""

from __future__ import annotations

import shlex
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from phenolens.cli.examples import EXAMPLES
from phenolens.cli.questions import QUESTIONS
from phenolens.cli.values import FORMS
from phenolens.errors import DesignError
from phenolens.simulate import simulate_profiles
from phenolens.tools import result

TYPED = [
    ("activity", "--same-by A", {"same_by": "A"}),
    ("activity", "--same-by A --same-by B", {"same_by": ["A", "B"]}),
    ("activity", "--controls \"A == 'b'\"", {"controls": "A == 'b'"}),
    ("activity", "--features X_", {"features": "X_"}),
    ("activity", "--features X_1 --features X_2", {"features": ["X_1", "X_2"]}),
    ("activity", "--layer raw --obsm X_cnn", {"layer": "raw", "obsm": "X_cnn"}),
    ("activity", "--normalized", {"normalized": True}),
    ("activity", "--no-normalized", {"normalized": False}),
    ("activity", "--position-safe", {"position_safe": "yes"}),
    ("activity", "--position-safe no", {"position_safe": "no"}),
    ("activity", "--position-safe=auto", {"position_safe": "auto"}),
    ("activity", "--position-safe --seed 1", {"position_safe": "yes", "seed": 1}),
    ("activity", "--null copairs --diff-by A", {"null": "copairs", "diff_by": "A"}),
    ("activity", "--within Plate --permutations 10", {"within": "Plate", "permutations": 10}),
    ("activity", "--alpha 0.1 --seed 0", {"alpha": 0.1, "seed": 0}),
    ("match", "--label L --among active", {"label": "L", "among": "active"}),
    ("match", "--not-same A --not-same B", {"not_same": ["A", "B"]}),
    ("match", "--similarity abs_cosine", {"similarity": "abs_cosine"}),
    ("match", "--opposite", {"similarity": "abs_cosine"}),
    ("retrieve", "--across Metadata_Plate", {"across": "Metadata_Plate"}),
    ("dose", "--compound C --concentration D", {"compound": "C", "concentration": "D"}),
    ("classify", "--leave-out plate --max-folds 3", {"leave_out": "plate", "max_folds": 3}),
    ("classify", "--no-baselines --bootstrap 5", {"baselines": False, "bootstrap": 5}),
    ("classify", "--baselines", {"baselines": True}),
    ("cluster", "--label L --clusters 4", {"label": "L", "clusters": 4}),
    ("batch", "--by Metadata_Batch", {"by": "Metadata_Batch"}),
    ("batch", "--column Metadata_Batch", {"by": "Metadata_Batch"}),
    ("assay", "--positive Metadata_Positive", {"positive": "Metadata_Positive"}),
]


@pytest.mark.parametrize(("verb", "typed", "options"), TYPED)
def test_options_are_keyword_arguments_and_no_other_is_passed(
    command, asked, tmp_path, verb, typed, options
):
    stands_in = asked(verb)
    out = tmp_path / "found.csv"
    answer = command(verb, "one.csv", "more/*.csv", *shlex.split(typed), "-o", out)
    assert (answer.code, answer.err) == (0, "")
    assert stands_in.options == options
    assert stands_in.data == ["one.csv", "more/*.csv"]
    assert stands_in.written == out
    assert answer.out == f"active: 3\nWrote {out}\n"


@pytest.mark.parametrize("verb", QUESTIONS)
def test_the_answer_goes_to_a_file_of_the_verbs_name(command, asked, verb):
    stands_in = asked(verb)
    assert command(verb, "one.csv", "two.csv").code == 0
    assert (stands_in.written, stands_in.options) == (Path(f"{verb}.parquet"), {})


@pytest.mark.parametrize(
    "typed",
    ["--position-safe t.csv", "--position-safe ./t.csv", "t.csv --position-safe",
     "--position-safe -- t.csv", "--position-safe yes t.csv"],
)  # fmt: skip
def test_position_safe_takes_no_table_for_its_value(command, asked, typed):
    stands_in = asked("activity")
    assert command("activity", *typed.split()).code == 0
    assert [Path(item).name for item in stands_in.data] == ["t.csv"]
    assert stands_in.options == {"position_safe": "yes"}


def test_each_table_of_compare_is_a_representation(command, asked):
    stands_in = asked("compare")
    command("compare", "a.csv", "b/*.csv", "--tasks", "activity")
    assert (stands_in.data, stands_in.options) == (["a.csv", "b/*.csv"], {"tasks": ["activity"]})


def test_embeddings_of_one_file_are_compared(command, asked):
    stands_in = asked("compare")
    command("compare", "a.h5ad", "--obsm", "X_a", "--obsm", "X_b")
    assert (stands_in.data, stands_in.options) == ("a.h5ad", {"obsm": ["X_a", "X_b"]})


def test_one_table_is_not_compared(command):
    assert "two tables or more" in command("compare", "a.csv").refused()


@pytest.mark.parametrize("output", ["x.docx", "x", ".csv", "x.csv.bz2"])
def test_an_output_in_no_form_we_write_is_refused_before_any_work(command, asked, output):
    stands_in = asked("activity")
    said = command("activity", "one.csv", "-o", output).refused()
    assert "--output" in said
    assert output in said
    assert stands_in.data is None


def test_an_output_that_is_a_folder_is_refused(command, asked, tmp_path):
    asked("activity")
    (tmp_path / "x.csv").mkdir()
    assert "x.csv" in command("activity", "one.csv", "-o", tmp_path / "x.csv").refused()


def test_the_forms_are_those_a_result_writes():
    assert FORMS == result.ENDINGS


def test_what_was_found_is_told_even_if_it_cannot_be_written(command, asked):
    asked("activity")
    answer = command("activity", "one.csv", "-o", "full.csv")
    assert answer.out == "active: 3\n"
    assert "full.csv cannot be written: No space left on device" in answer.refused()


def test_what_cannot_be_asked_is_one_line(command, asked):
    def refuse() -> None:
        raise DesignError("No control\nwell is left.")

    asked("activity").instead = refuse
    assert command("activity", "one.csv").refused() == "No control well is left."


@pytest.fixture(scope="module")
def screen(tmp_path_factory) -> Path:
    """Four plates, as tables by plate and as two representations of all; doses and mechanisms."""
    folder = tmp_path_factory.mktemp("screen")
    (folder / "plates").mkdir()
    wells = simulate_profiles(
        plates=4, treatments=12, controls=24, features=40, active=1.0, effect=4.0, seed=1
    )[0].reset_index()
    features = list(wells.filter(like="_Simulated_"))
    for name, others in (("cellprofiler", features[1::2]), ("network", features[::2])):
        frame = wells.drop(columns=others)
        number = frame["Metadata_Treatment"].str.extract(r"(\d+)$")[0].astype(float) - 1
        treated = number.notna()
        whole = number.fillna(0).astype(int)
        kept = frame.drop(columns=["Metadata_Treatment", "Metadata_Control"]).assign(
            Metadata_Compound=np.where(treated, "compound-" + (whole // 3).astype(str), "DMSO"),
            Metadata_Concentration=np.where(treated, 10.0 ** (whole % 3), np.nan),
            Metadata_Mechanism=np.where(treated, "mechanism-" + (whole // 6).astype(str), None),
        )
        kept.to_parquet(folder / f"{name}.parquet")
    for plate, part in kept.groupby("Metadata_Plate"):
        part.to_parquet(folder / "plates" / f"{plate}.parquet")
    return folder


EXAMPLE_LINES = [line for verb in QUESTIONS for line in EXAMPLES[verb]]


@pytest.mark.parametrize("line", EXAMPLE_LINES)
def test_examples_of_the_help_run(command, screen, monkeypatch, tmp_path, line):
    monkeypatch.chdir(tmp_path)
    for path in screen.iterdir():
        (tmp_path / path.name).symlink_to(path)
    _, *words = shlex.split(line)
    answer = command(*words)
    assert (answer.code, answer.err) == (0, "")
    written = answer.out.splitlines()[-1].removeprefix("Wrote ")
    read = {".csv": pd.read_csv, ".xlsx": pd.read_excel, ".parquet": pd.read_parquet}
    assert len(read[Path(written).suffix](written)) > 0
