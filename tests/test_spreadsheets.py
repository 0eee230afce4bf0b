"""What a table for people holds is text to a spreadsheet, and the same again to us."""

from __future__ import annotations

import codecs
import csv

import openpyxl
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phenolens.io.tables.text import read_text
from phenolens.plating.maps import map_texts
from phenolens.profiles import read_frame, write_frame
from phenolens.spreadsheets import as_meant, as_text
from phenolens.tools.sheets import write_sheets

RUN = [
    "=1+1",
    "+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "-DMSO",
    "+",
    "'=1",
    "''-x",
]
KEPT = [
    "-0.3",
    "+5",
    "-1e-5",
    "-1,5",
    "-.5",
    "-inf",
    "-12 %",
    "5'-FU",
    "a=b",
    "'quoted'",
    "",
    "DMSO",
]


@pytest.mark.parametrize("text", RUN)
def test_what_a_spreadsheet_would_run_is_marked(text):
    assert as_text(text) == f"'{text}"
    assert as_meant(as_text(text)) == text


@pytest.mark.parametrize("value", [*KEPT, -0.3, -7, None, True])
def test_numbers_and_other_text_stay(value):
    assert as_text(value) is value
    assert as_meant(value) is value


@given(st.text(alphabet=st.sampled_from("'=+-@\t\r\n.e1 %x")))
def test_no_text_is_lost_on_the_way_back(text):
    assert as_meant(as_text(text)) == text
    assert as_text(text)[:1] not in tuple("=@\t\r\n")


def _table() -> pd.DataFrame:
    text = [value for value in RUN if value.strip() == value and "\r" not in value]
    return pd.DataFrame(
        {
            "Metadata_Compound": text,
            "=evil": [f"x{k}" for k in range(len(text))],
            "effect": [-0.5 - k for k in range(len(text))],
        }
    )


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".csv.gz", ".parquet"])
def test_a_table_comes_back_as_it_was(tmp_path, ending):
    path = tmp_path / f"hits{ending}"
    write_frame(_table(), path)
    pd.testing.assert_frame_equal(read_frame(path), _table())
    if ending != ".parquet":
        pd.testing.assert_frame_equal(read_text(path)[0], _table())


def test_no_cell_of_a_csv_is_a_formula(tmp_path):
    path = tmp_path / "hits.csv"
    write_frame(_table(), path)
    with path.open(encoding="utf-8", newline="") as stream:
        cells = [cell for row in csv.reader(stream) for cell in row]
    unsafe = [cell for cell in cells if cell[:1] in tuple("=+-@\t\r")]
    assert unsafe == [str(value) for value in _table()["effect"]]
    assert "'=evil" in cells


def test_categories_and_missing_values(tmp_path):
    path = tmp_path / "hits.csv"
    kinds = pd.Categorical(["=a", None, "b"])
    write_frame(pd.DataFrame({"kind": kinds, "dose": [1.0, 2.0, 3.0]}), path)
    assert path.read_text() == "kind,dose\n'=a,1.0\n,2.0\nb,3.0\n"


@pytest.mark.parametrize(("name", "mark"), [("DMSO", False), ("naïve µM", True), ("咖啡因", True)])
def test_a_csv_that_excel_would_misread_begins_with_the_mark_of_utf8(tmp_path, name, mark):
    path = tmp_path / "hits.csv"
    frame = pd.DataFrame({"Metadata_Compound": [name], "score": [0.5]})
    write_frame(frame, path)
    assert path.read_bytes().startswith(codecs.BOM_UTF8) == mark
    pd.testing.assert_frame_equal(read_frame(path), frame)
    pd.testing.assert_frame_equal(read_text(path)[0], frame)
    for packed in ("hits.tsv", "hits.csv.gz"):
        write_frame(frame, tmp_path / packed)
        pd.testing.assert_frame_equal(read_frame(tmp_path / packed), frame)
    assert not (tmp_path / "hits.tsv").read_bytes().startswith(codecs.BOM_UTF8)


def test_text_of_a_workbook_stays_text_also_once_edited(tmp_path):
    path = tmp_path / "hits.xlsx"
    write_sheets({"table": _table()}, path)
    sheet = openpyxl.load_workbook(path)["table"]
    for row in range(2, sheet.max_row + 1):
        cell = sheet.cell(row, 1)
        assert (cell.data_type, cell.quotePrefix) == ("s", True)
        assert not sheet.cell(row, 2).quotePrefix
    held = [sheet.cell(row, 1).value for row in range(2, sheet.max_row + 1)]
    assert held == list(_table()["Metadata_Compound"])


def test_plate_maps_are_opened_by_people_too():
    maps = {"-P1": pd.DataFrame({"well_position": ["A01"], "compound": ["=1+1"]})}
    texts = map_texts(maps)
    assert texts["platemap/-P1.txt"].splitlines()[1] == "'-P1\tA01\t'=1+1"
    assert texts["barcode_platemap.csv"].splitlines()[1] == "'-P1,'-P1"
