"""The result of a question: told, written, joined back; refused in one line."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import zipfile
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import load_workbook

from phenolens.errors import InputError
from phenolens.evaluate.results import COLUMNS
from phenolens.findings import Finding
from phenolens.tools.result import Result
from phenolens.tools.summaries import in_text

ENDINGS = [".parquet", ".csv", ".csv.gz", ".tsv", ".xlsx"]
READ = {
    ".parquet": pd.read_parquet,
    ".csv": pd.read_csv,
    ".csv.gz": pd.read_csv,
    ".tsv": lambda path: pd.read_csv(path, sep="\t"),
    ".xlsx": lambda path: pd.read_excel(path, sheet_name="table"),
}


def refusal(call: object, *args: object, **options: object) -> str:
    with pytest.raises(InputError) as told:
        call(*args, **options)
    assert "\n" not in str(told.value)
    return str(told.value)


def test_a_result_loads_no_heavy_library():
    code = (
        "import sys, phenolens.tools.result, phenolens.tools.plot; "
        "print(sorted({'pandas', 'numpy', 'matplotlib', 'anndata', 'openpyxl'} & set(sys.modules)))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


def test_what_is_left_out_is_empty():
    result = Result("activity", pd.DataFrame({"n": [1]}), {})
    assert (result.findings, result.settings, result.more) == ((), {}, {})
    assert list(result.scores) == list(COLUMNS) and result.scores.empty
    assert repr(result) == "activity: 1 row, 1 column"


def test_repr_tells_numbers_with_intervals_and_notes_worst_first(answer):
    lines = repr(answer("activity")).splitlines()
    assert lines[0] == "activity: 6 rows, 16 columns"
    assert "  fraction retrieved: 0.5 (0.1876 to 0.8124)" in lines
    assert "  nearest neighbour: 0.25" in lines  # half an interval is none
    assert not any("alpha" in line or "excluded" in line for line in lines)
    assert [line[2] for line in lines[-3:]] == ["✗", "!", "·"]


def test_repr_stays_short(answer):
    many = {f"number_{i}": i for i in range(50)}
    findings = (Finding("as-told", "info", {}, {"text": "word " * 200}),) * 50
    lines = repr(replace(answer("activity"), summary=many, findings=findings)).splitlines()
    assert len(lines) < 20 and max(map(len, lines)) < 170
    assert "  … 42 more in .summary" in lines and lines[-1] == "  … 44 more in .findings"


def test_lines_tell_the_whole_summary_then_the_notes(answer):
    lines = list(answer("activity").lines())
    for line in ("fraction retrieved low: 0.1876", "can reject: yes", "excluded:",
                 "  no replicate: 2"):  # fmt: skip
        assert line in lines
    assert not any(line.endswith("–") for line in lines)  # half an interval is not told
    assert lines[-3:] == [
        "✗ No plate holds <b>replicates</b>.",
        "! Plate P3 has 4 control wells.",
        "· Labels were permuted within plates.",
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.00019996, "0.0002"), (123456.7, "123457"), (12.0, "12"), (np.float32(0.5), "0.5"),
        (np.inf, "inf"), (None, "–"), (np.nan, "–"), (["a", 1], "a, 1"), (False, "no"),
        (np.array([1.5, 2]), "1.5, 2"), (np.int64(3), "3"), ("a_b", "a_b"),
    ],
)  # fmt: skip
def test_values_as_a_person_reads_them(value, text):
    assert in_text(value) == text


def test_a_dict_that_json_can_write(answer):
    told = json.loads(json.dumps(answer("activity").to_dict(), allow_nan=False))
    assert set(told) == {"question", "summary", "findings", "settings"}
    assert told["summary"]["nearest_neighbour"] == {"value": 0.25, "low": 0.1, "high": None}
    text = "Plate P3 has 4 control wells."
    assert told["findings"][1] == {
        "code": "as-told", "severity": "warning", "where": "", "about": {}, "what": text,
        "values": {"text": text, "n": 4}, "consequence": "", "remedy": "",
    }  # fmt: skip


class _Page(HTMLParser):
    """Tags in balance, and the text of each kind of cell."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open, self.tags, self.texts, self.attributes = [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.open.append(tag)
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_a_notebook_gets_numbers_notes_and_the_first_rows(answer):
    result = answer("activity")
    long = replace(result, table=pd.concat([result.table] * 3, ignore_index=True))
    page = _Page(long._repr_html_())
    assert page.open == [] and page.tags.count("tr") == 11 and page.tags.count("td") == 160
    assert {"0.5 (0.1876 to 0.8124)", "first 10 of 18 rows, 16 columns"} <= set(page.texts)
    assert "! Plate P3 has 4 control wells." in page.texts


@given(text=st.text())
def test_no_text_becomes_markup_or_fetches_anything(text):
    note = Finding("as-told", "info", {}, {"text": text})
    table = pd.DataFrame({text: [text, "<script src='http://x'>"]})
    page = _Page(Result(text, table, {text: text}, (note,))._repr_html_())
    assert set(page.tags) <= {"div", "table", "thead", "tbody", "tr", "th", "td"}
    assert set(page.attributes) <= {"style"}


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("question", ["activity", "assay", "match"])
def test_each_form_gives_the_table_back(answer, tmp_path, question, ending):
    result = answer(question)
    path = result.write(tmp_path / f"deep/er/found{ending}")
    back = READ[ending](path)
    # Text files know no difference between nothing and an empty text.
    whole, again = (f.astype(object).mask(f.isna() | (f == ""), "–") for f in (result.table, back))
    pd.testing.assert_frame_equal(whole, again, check_dtype=False, rtol=1e-12)
    assert [p.name for p in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_same_result_gives_the_same_bytes(answer, tmp_path, ending):
    first, again = (answer("activity").write(tmp_path / f"{n}{ending}") for n in ("first", "b"))
    assert first.read_bytes() == again.read_bytes()


def test_no_time_of_day_is_written(answer, tmp_path):
    book = answer("activity").write(tmp_path / "found.xlsx")
    with zipfile.ZipFile(book) as opened:
        assert {member.date_time for member in opened.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    properties = load_workbook(book).properties
    assert properties.created.year == properties.modified.year == 1980
    packed = answer("activity").write(tmp_path / "found.csv.gz").read_bytes()
    assert packed[4:8] == b"\0\0\0\0" and gzip.decompress(packed).startswith(b"Metadata_Treatment")


def test_a_workbook_holds_summary_notes_and_settings_too(answer, tmp_path):
    sheets = pd.read_excel(answer("activity").write(tmp_path / "a.xlsx"), sheet_name=None)
    assert list(sheets) == ["table", "summary", "findings", "settings"]
    summary = sheets["summary"].set_index("name")["value"]
    assert summary["fraction_retrieved"] == 0.5 and summary["excluded: no replicate"] == 2
    assert sheets["settings"].set_index("name")["value"]["same_by"] == "Metadata_Treatment"
    assert list(sheets["findings"]["severity"]) == ["info", "warning", "error"]
    assert json.loads(sheets["findings"]["values"][1])["n"] == 4


def test_infinite_doses_are_text_in_a_workbook(answer, tmp_path):
    path = answer("dose").write(tmp_path / "a.xlsx")
    doses = list(load_workbook(path)["table"].values)[1:]
    assert [row[4] for row in doses] == [0.012, 1.2, "inf"]


@pytest.mark.parametrize(
    "text", ["=1+1", "#N/A", "-2", "1e5", " a ", "a\x00b", "é\n✗", "x" * 40_000]
)
def test_text_stays_text_in_a_workbook(tmp_path, text):
    path = Result("match", pd.DataFrame({"label": [text]}), {}).write(tmp_path / "a.xlsx")
    cell = load_workbook(path)["table"]["A2"]
    kept = text.replace("\x00", "")
    assert cell.data_type in ("s", "inlineStr")
    assert cell.value == (kept if len(kept) < 40_000 else f"{'x' * 32_766}…")


@pytest.mark.parametrize("ending", ENDINGS)
def test_lists_become_text(tmp_path, ending):
    table = pd.DataFrame(
        {"a": [["x", 1], (2.5,), np.array([1, 2])], "b": [{"k": 1}, None, "plain"]}
    )
    back = READ[ending](Result("match", table, {}).write(tmp_path / f"a{ending}"))
    assert list(back["a"]) == ["x; 1", "2.5", "1; 2"]
    assert list(back["b"].fillna("")) == ['{"k": 1}', "", "plain"]
    assert isinstance(table["a"][0], list)


@pytest.mark.parametrize(
    "name", ["found", "found.json", "found.gz", "found.xls", "found.CSV", ".csv", "folder.csv"]
)
def test_other_endings_are_refused_in_a_line_that_names_ours(answer, tmp_path, name):
    (tmp_path / "folder.csv").mkdir()
    told = refusal(answer("match").write, tmp_path / name)
    assert all(ending in told for ending in ENDINGS) and name in told
    assert [p.name for p in tmp_path.iterdir()] == ["folder.csv"]


def test_a_file_where_a_folder_should_be_is_told(answer, tmp_path):
    (tmp_path / "file").write_text("")
    told = refusal(answer("match").write, tmp_path / "file" / "found.csv")
    assert "cannot be written" in told


def test_more_rows_than_excel_holds_are_refused_and_the_old_file_stays(answer, tmp_path):
    path = answer("match").write(tmp_path / "a.xlsx")
    before = path.read_bytes()
    long = Result("match", pd.DataFrame({"n": np.zeros(1_048_576)}), {})
    assert "1,048,575 rows" in refusal(long.write, path)
    assert path.read_bytes() == before and [p.name for p in tmp_path.iterdir()] == ["a.xlsx"]


def wells(**columns: object) -> anndata.AnnData:
    obs = pd.DataFrame(columns)
    obs.index = obs.index.astype(str)
    return anndata.AnnData(np.zeros((len(obs), 2), dtype=np.float32), obs=obs)


@pytest.mark.parametrize("name", ["Treatment", "Metadata_Treatment"])
def test_treatments_join_to_all_their_wells(answer, name):
    adata = wells(**{name: pd.Categorical(["b", "DMSO", "a", "b"])})
    found = answer("activity").join(adata)
    assert list(adata.obs) == [name] and adata.n_obs == 4
    np.testing.assert_array_equal(found.obs["activity_map"], [0.8, np.nan, 0.9, 0.8])
    assert found.obs["activity_active"].isna().tolist() == [False, True, False, False]
    assert (found.obs["activity_active"] == True).tolist() == [True, False, True, True]  # noqa: E712
    assert "activity_Metadata_Treatment" not in found.obs


def test_what_was_joined_can_be_written_and_read(answer, tmp_path):
    joined = answer("activity").join(wells(Treatment=pd.Categorical(["b", None, "a"])))
    joined.write_h5ad(tmp_path / "a.h5ad")
    back = anndata.read_h5ad(tmp_path / "a.h5ad").obs
    np.testing.assert_array_equal(back["activity_q"], joined.obs["activity_q"])
    assert list(back["activity_active"].fillna(False)) == [True, False, True]
    assert back["activity_test"].isna().tolist() == [False, True, False]


def test_plates_join_to_all_their_wells(answer):
    found = answer("assay").join(wells(Plate=["P2", "P1", "P2"], Well=["A01", "A01", "A02"]))
    assert list(found.obs["assay_passed"]) == [False, True, False]


def test_wells_join_by_plate_and_well_however_they_are_written():
    table = pd.DataFrame(
        {"Metadata_Plate": [1, 1, 2], "Metadata_Well": ["A01", "B02", "A01"], "score": [1, 2, 3]}
    )
    adata = wells(Metadata_Plate=pd.Categorical(["2", "1", "1"]), Well=["a1", "A1", "B2"])
    assert list(Result("classify", table, {}).join(adata).obs["classify_score"]) == [3, 1, 2]


def test_missing_values_and_number_types_of_a_key_do_not_part_what_belongs_together():
    table = pd.DataFrame(
        {
            "Metadata_Compound": ["x", "y"], "Metadata_Concentration": [5.3, 10.0],
            "Metadata_Mechanism": [None, "kinase"], "map": [0.1, 0.2],
        }
    )  # fmt: skip
    adata = wells(
        Compound=["y", "x"], Concentration=np.array([10, 5.3], dtype=np.float32),
        Mechanism=pd.Categorical(["kinase", ""]),
    )  # fmt: skip
    assert list(Result("activity", table, {}).join(adata).obs["activity_map"]) == [0.2, 0.1]


def test_names_that_only_look_like_numbers_stay_apart():
    table = pd.DataFrame({"Metadata_Plate": ["07", "7"], "score": [1, 2]})
    joined = Result("assay", table, {}).join(wells(Plate=["7", "07"]))
    assert list(joined.obs["assay_score"]) == [2, 1]


def test_a_key_can_be_named_and_a_further_table_joined(answer):
    adata = wells(Plate=["P1", "P1"], Well=["A02", "A01"], Treatment=["a", "a"])
    found = answer("classify").join(adata, table="predictions")
    assert list(found.obs["classify_predicted"]) == ["b", "a"]
    table = pd.DataFrame({"Metadata_Treatment": ["a"], "Metadata_Well": ["?"], "map": [0.5]})
    by_name = Result("activity", table, {}).join(adata, on="Treatment")
    assert list(by_name.obs["activity_map"]) == [0.5, 0.5]


def test_joins_that_cannot_be_are_refused_in_one_line(answer):
    adata = wells(Treatment=["a", "b"], Plate=["P1", "P2"])
    activity = answer("activity")
    twice = replace(activity, table=pd.concat([activity.table] * 2))
    assert "12 rows of the table share a key" in refusal(twice.join, adata)
    assert "no Metadata_* column in common" in refusal(answer("match").join, adata)
    assert "must be a column of both" in refusal(activity.join, adata, on="Plate")
    assert "no table 'members'; it has predictions" in refusal(
        answer("classify").join, adata, table="members"
    )
    told = refusal(activity.join, wells(Treatment=["A", "B"]))
    assert "No observation matches the table on Metadata_Treatment" in told


def test_a_join_leaves_a_file_on_disk_alone(answer, tmp_path: Path):
    wells(Treatment=["a", "b"]).write_h5ad(tmp_path / "a.h5ad")
    before = (tmp_path / "a.h5ad").read_bytes()
    backed = anndata.read_h5ad(tmp_path / "a.h5ad", backed="r+")
    assert list(answer("activity").join(backed).obs["activity_map"]) == [0.9, 0.8]
    backed.file.close()
    assert (tmp_path / "a.h5ad").read_bytes() == before
