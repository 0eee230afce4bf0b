"""What a newcomer types and hands in: one line, exit code 2, and nothing overwritten."""

from __future__ import annotations

import shlex
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from phenolens.simulate import simulate_profiles

NEEDS_PROC = pytest.mark.skipif(not Path("/proc").is_dir(), reason="a place nobody can write to")
QUESTIONS = ["activity", "match", "retrieve", "dose", "classify", "cluster", "batch", "assay"]


@pytest.fixture(scope="module")
def tables(tmp_path_factory) -> Path:
    """A folder with a table that can be used, and others that cannot."""
    folder = tmp_path_factory.mktemp("tables")
    table, _ = simulate_profiles(plates=2, treatments=6, controls=12, features=10, seed=1)
    frame = table.reset_index().drop(columns="Metadata_Control")
    names = frame.pop("Metadata_Treatment").astype(object)
    frame = frame.assign(Metadata_Compound=names.where(names != "DMSO", "DMSO"))
    frame.to_parquet(folder / "good.parquet")
    frame.to_parquet(folder / "activity.parquet")
    frame.head(1).to_csv(folder / "one-well.csv", index=False)
    frame.assign(Metadata_Compound=None).to_csv(folder / "blank.csv", index=False)
    frame.assign(**dict.fromkeys(table.columns, np.nan)).to_csv(folder / "nan.csv", index=False)
    (folder / "corrupt.parquet").write_bytes(b"PAR1 and no more")
    (folder / "empty.csv").touch()
    (folder / "shift.csv").write_bytes("Plate,Well\nP1,\u30c6\u30fc\n".encode("shift_jis"))
    (folder / "folder").mkdir()
    frame.to_csv(folder / "folder" / "p.csv", index=False)
    return folder


@pytest.fixture
def typed(command, tables, monkeypatch):
    monkeypatch.chdir(tables)

    def type_line(line: str) -> str:
        answer = command(*shlex.split(line))
        said = answer.refused()
        assert len(answer.err.splitlines()) == 1
        assert answer.out == ""
        return said

    return type_line


BAD_FILES = {
    "corrupt.parquet": "corrupt.parquet cannot be read as a table",
    "empty.csv": "empty.csv cannot be read as a table",
    "shift.csv": "is neither UTF-8, UTF-16 nor Windows-1252 text; save it as UTF-8",
    "nowhere.csv": "There is no file",
    "'nowhere/*.csv'": "No file matches",
    "''": "got a list with an empty path",
}


@pytest.mark.parametrize("verb", QUESTIONS)
@pytest.mark.parametrize("name", BAD_FILES)
def test_a_file_that_is_no_table(typed, verb, name):
    assert BAD_FILES[name] in typed(f"{verb} {name} -o new.csv")


@pytest.mark.parametrize("verb", [*QUESTIONS, "compare"])
def test_a_folder_where_a_table_is_meant(typed, verb):
    said = typed(f"{verb} folder good.parquet -o new.csv")
    assert "folder is a folder; name the tables in it, such as" in said


@pytest.mark.parametrize("verb", QUESTIONS)
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("blank.csv", ("same_by (--same-by)", "controls (--controls)")),
        ("nan.csv", ("columns holds a number", "no columns of features")),
        ("one-well.csv", ("control", "two", "four", "No class", "batches", "has a")),
    ],
)
def test_a_table_that_holds_too_little(typed, verb, name, said):
    line = typed(f"{verb} {name} -o new.csv")
    assert any(words in line for words in said), line


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("activity good.parquet --same-by Metadata_Compund", "did you mean 'Metadata_Compound'?"),
        ("activity good.parquet --same-by ''", "same_by (--same-by): 'good' has no column ''"),
        ("activity good.parquet --controls DMSO", "\"Metadata_Compound == 'DMSO'\"?"),
        ("activity good.parquet --controls ''", "controls (--controls) is empty"),
        ("activity good.parquet --controls 'a b'", "cannot be evaluated"),
        ("activity good.parquet --features zz", "no columns with the prefix 'zz'"),
        ("activity good.parquet --layer raw", "is no AnnData file (.h5ad)"),
        ("activity good.parquet --within Plat --permutations 9", "within (--within): 'good' has"),
        ("match good.parquet --label Metadata_Mechansm", "label (--label): 'good' has no column"),
        ("match good.parquet --not-same zz", "not_same (--not-same): 'good' has no column 'zz'"),
        ("retrieve good.parquet --across zz", "across (--across): 'good' has no column 'zz'"),
        ("dose good.parquet --concentration zz", "concentration (--concentration): 'good' has"),
        ("dose good.parquet", "No well of 'good' has a concentration: name its column with conc"),
        ("batch good.parquet --by zz", "by (--by): 'good' has no column 'zz'"),
        ("assay good.parquet --positive 'zz == 1'", "positive (--positive) = 'zz == 1': there is"),
        ("audit good.parquet --same-by zz", "same_by (--same-by): 'good' has no column 'zz'"),
        ("classify good.parquet --leave-out plates", "--leave-out has no 'plates'; did you mean '"),
        ("cluster good.parquet --clusters 1", "--clusters must be a whole number, 2 or more; got"),
        ("activity good.parquet --seed 4294967296", "a whole number, 0 to 4294967295; got '42949"),
        ("batch good.parquet --seed -1", "must be a whole number, 0 to 4294967295; got '-1'"),
        ("match good.parquet --label A --label B", "--label takes one value; it is given twice"),
        ("batch good.parquet -o a.csv --output b.csv", "--output takes one value; it is given"),
        ("batch good.parquet --by=A --by B", "--by takes one value; it is given twice"),
        ("compare good.parquet", "compare takes two tables or more"),
        ("compare good.parquet good.parquet", "Two representations are called 'good'"),
        ("compare good.parquet activity.parquet --tasks both", "--tasks has no 'both'"),
        ("audit folder", "Name its study file, or hand files of other tools in with tables (--t"),
    ],
)
def test_what_cannot_be_asked(typed, line, said):
    assert said in typed(f"{line} -o new.csv" if " -o " not in line else line)


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("good", "must name a file that ends in"),
        ("good.docx", "must name a file that ends in"),
        ("folder", "must name a file that ends in"),
        ("''", "must name a file that ends in"),
        ("empty.csv/new.csv", "empty.csv/new.csv cannot be written"),
        pytest.param("/proc/new.csv", "/proc/new.csv cannot be written", marks=NEEDS_PROC),
    ],
)
def test_an_output_that_cannot_be(command, tables, monkeypatch, output, said):
    monkeypatch.chdir(tables)
    answer = command("audit", "good.parquet", "-o", *shlex.split(output))
    assert said in answer.refused()


def test_a_folder_that_is_not_there_is_made(command, tables, tmp_path):
    place = tmp_path / "new" / "deeper" / "found.csv"
    assert command("batch", tables / "good.parquet", "-o", place).code == 0
    assert len(pd.read_csv(place))


@pytest.mark.parametrize(
    "line",
    [
        "batch good.parquet -o good.parquet",
        "batch good.parquet -o ./folder/../good.parquet",
        "batch '*.parquet' -o good.parquet",
        "activity activity.parquet",
        "audit good.parquet -o good.parquet",
        "compare activity.parquet good.parquet -o good.parquet",
    ],
)
def test_an_answer_never_replaces_the_table_it_is_made_of(typed, tables, line):
    before = {path: path.read_bytes() for path in tables.glob("*.parquet")}
    assert "is a table that is read; name another file" in typed(line)
    assert {path: path.read_bytes() for path in tables.glob("*.parquet")} == before


def test_lines_that_are_told_hold_every_note_once(command, tables, tmp_path):
    answer = command("assay", tables / "good.parquet", "-o", tmp_path / "found.csv")
    assert answer.code == 0
    told = answer.out.splitlines()
    plates = [line for line in told if "passed" in line or "did not pass" in line]
    assert any("P01" in line for line in plates)
    assert any("P02" in line for line in plates)
    assert not [line for line in told if line.endswith("..")]
    assert len(set(told)) == len(told)
