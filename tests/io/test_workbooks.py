"""Excel workbooks as people save them: one sheet or several, with all that Excel adds."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phenolens.errors import InputError
from phenolens.io.formats.base import table_format
from phenolens.io.formats.workbook import Workbook
from phenolens.io.paths import read_tables
from phenolens.tools.sheets import write_sheets

LONG = [["Well", "Compound", "Dose"], ["A01", "DMSO", 0], ["A02", "a", 0.5], ["B01", "b", 1.5]]
FRAME = pd.DataFrame(
    {"Well": ["A01", "A02", "B01"], "Compound": ["DMSO", "a", "b"], "Dose": [0.0, 0.5, 1.5]}
)
MOA = [["Compound", "MOA"], ["a", "kinase"], ["b", "HDAC"]]
COMPOUNDS = [["", 1, 2, 3], ["A", "DMSO", "a", "b"], ["B", "DMSO", "c", "d"]]
DOSES = [["", 1, 2, 3], ["A", 0, 0.5, 1], ["B", 0, 5, 10]]


def book(path: Path, sheets: dict[str, list[list]], change=None) -> Path:
    made = openpyxl.Workbook()
    made.remove(made.active)
    for name, rows in sheets.items():
        sheet = made.create_sheet(name)
        for row in rows:
            sheet.append(row)
    if change is not None:
        change(made)
    made.save(path)
    return path


@pytest.fixture
def read(tmp_path):
    def read_book(sheets: dict[str, list[list]], change=None, **options):
        path = book(tmp_path / "map.xlsx", sheets, change)
        found = table_format(path, metadata=True).read(path, **options)
        return found.frame, found.notes

    return read_book


def test_one_sheet_is_a_table(read):
    frame, notes = read({"Sheet1": LONG})
    pd.testing.assert_frame_equal(frame, FRAME)
    assert notes == []


def test_numbers_stored_as_text_are_numbers_and_names_stay_names(read):
    rows = [["Plate", "Well", "Dose"], ["007", "A01", "0.5"], ["008", "A02", 1]]
    frame, notes = read({"Sheet1": rows})
    assert frame["Plate"].tolist() == ["007", "008"]
    assert frame["Dose"].tolist() == [0.5, 1.0]
    assert notes == []


def test_a_number_that_is_shown_with_zeros_keeps_them(read):
    def zeros(made):
        made["S"]["A2"].number_format = "000"

    frame, _ = read({"S": [["Plate", "Well"], [7, "A01"]]}, zeros)
    assert frame["Plate"].tolist() == ["007"]


def test_notes_and_hidden_sheets_are_named_and_not_read(read):
    def hide(made):
        made["old"].sheet_state = "hidden"
        made["older"].sheet_state = "veryHidden"

    sheets = {"Map": LONG, "Read me": [["made by me"], ["on Monday"]], "old": LONG, "older": LONG}
    frame, notes = read(sheets, hide)
    pd.testing.assert_frame_equal(frame, FRAME)
    assert notes == [
        "sheet 'old' is hidden and not read",
        "sheet 'older' is hidden and not read",
        "sheet 'Read me' holds no table",
    ]
    asked, _ = read(sheets, hide, sheet="old")
    pd.testing.assert_frame_equal(asked, FRAME)


def test_sheets_of_plates_are_put_below_one_another(read):
    frame, notes = read({"P1": LONG, "P2": LONG})
    assert frame.groupby("Plate").size().to_dict() == {"P1": 3, "P2": 3}
    assert "sheets are named after their plates" in notes
    other, _ = read({"Sheet1": LONG, "Sheet2": LONG})
    assert "Plate" not in other and set(other["Sheet"]) == {"Sheet1", "Sheet2"}


def test_a_sheet_of_compounds_beside_one_of_wells_can_be_read_too(read, tmp_path):
    frame, notes = read({"Map": LONG, "Annotation": MOA})
    pd.testing.assert_frame_equal(frame, FRAME)
    assert notes == ["sheet 'Annotation' names no wells: not read here"]
    assert Workbook().parts(tmp_path / "map.xlsx") == ["", "Annotation"]
    other, _ = read({"Map": LONG, "Annotation": MOA}, sheet="Annotation")
    assert other.to_dict("list") == {"Compound": ["a", "b"], "MOA": ["kinase", "HDAC"]}


def test_sheets_that_do_not_belong_together_are_asked_for(read, tmp_path):
    sheets = {"Compounds": LONG, "Controls": [["Well", "control"], ["A01", "yes"]]}
    with pytest.raises(InputError, match=r'say which is meant, such as sheet = "Compounds"'):
        read(sheets)
    assert Workbook().parts(tmp_path / "map.xlsx") == ["Compounds", "Controls"]
    with pytest.raises(InputError, match=r"has no sheet 'Doses'; it has Compounds or Controls\."):
        read(sheets, sheet="Doses")


def test_the_one_sheet_with_features_is_the_profiles(read):
    features = [f"Cells_Intensity_MeanIntensity_{stain}" for stain in ("DNA", "ER", "RNA", "AGP")]
    profiles = [["Plate", "Well", *features], ["P1", "A01", 1, 2, 3, 4], ["P1", "A02", 2, 3, 4, 5]]
    frame, notes = read({"Profiles": profiles, "Map": LONG})
    assert list(frame) == profiles[0]
    assert notes == ["sheet 'Map' names no features: not read here"]
    one, other = ([p[1:] for p in profiles] for _ in range(2))
    stacked, _ = read({"P1": one, "P2": other, "Map": LONG})
    assert stacked["Plate"].tolist() == ["P1", "P1", "P2", "P2"]


GRIDS = {
    "two sheets": {"Compound": COMPOUNDS, "Dose": DOSES},
    "one sheet": {"Sheet1": [["Compound"], *COMPOUNDS, [], ["Dose"], *DOSES]},
    "in the corner": {
        "Map": [["Compound", 1, 2, 3], *COMPOUNDS[1:], ["Dose", 1, 2, 3], *DOSES[1:]]
    },
}


@pytest.mark.parametrize("sheets", GRIDS.values(), ids=GRIDS)
def test_grids_of_sheets_are_columns(read, sheets):
    frame, notes = read(sheets)
    assert frame.to_dict("list") == {
        "Well": ["A01", "A02", "A03", "B01", "B02", "B03"],
        "Compound": ["DMSO", "a", "b", "DMSO", "c", "d"],
        "Dose": [0.0, 0.5, 1.0, 0.0, 5.0, 10.0],
    }
    assert notes == ["read as 2 grids of 2 x 3, one row a well"]


@pytest.mark.parametrize("names", [("P1", "P2"), ("Plate P1", "Plate P2")])
def test_a_sheet_a_plate(read, names):
    frame, notes = read(dict.fromkeys(names, COMPOUNDS))
    assert set(frame["Plate"]) == {"P1", "P2"}
    assert len(frame) == 12
    assert "sheets are named after their plates" in notes


def test_grids_that_nobody_named_are_asked_for(read):
    with pytest.raises(InputError, match="holds 2 grids of 'Compound': write above each"):
        read({"Sheet1": COMPOUNDS, "Sheet2": COMPOUNDS})


def test_merged_cells_each_have_the_value_they_show(read):
    def merge(made):
        made["S"].merge_cells("A1:C1")
        made["S"].merge_cells("B3:B4")

    rows = [["My plate", None, None], LONG[0], ["A01", "a", 1], ["A02", None, 2]]
    frame, notes = read({"S": rows}, merge)
    assert frame["Compound"].tolist() == ["a", "a"]
    assert notes == [
        "sheet 'S': 2 merged cells are taken apart",
        "1 line(s) above the header are not read: 'My plate'",
    ]


def test_a_formula_without_a_saved_value_is_named(read):
    with pytest.raises(InputError) as refused:
        read({"S": [LONG[0], ["A01", "a", "=1+1"], ["A02", "b", "=2*C2"]]})
    said = str(refused.value)
    assert "map.xlsx, sheet 'S': 2 formulas have no saved value, such as that of cell C2" in said
    frame, _ = read({"S": LONG, "T": [["=1+1", "x"], ["a", "b"]]}, sheet="S")
    assert len(frame) == 3


def test_dates_are_text_and_doubted_among_names(read):
    rows = [["Well", "Gene", "Day"], ["A01", "TP53", datetime(2021, 3, 5)]]
    frame, notes = read({"S": [*rows, ["A02", datetime(2021, 9, 2), datetime(2021, 3, 6, 14, 30)]]})
    assert frame["Day"].tolist() == ["2021-03-05", "2021-03-06 14:30:00"]
    (note,) = notes
    assert "'Gene' holds 1 date(s) among other values, such as 2021-09-02 in B3" in note


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("t.xlsx", b"PK\x03\x04fake", "is no Excel workbook, or is cut short; save it again as"),
        ("t.xlsx", b"", "is empty (0 bytes); save it again as"),
        ("t.xlsx", b"\xd0\xcf\x11\xe0locked", "is an old .xls or locked with a password"),
        ("t.xls", b"\xd0\xcf\x11\xe0", "is an Excel file of before 2007: save it as .xlsx or"),
        ("t.ods", b"PK", "is a spreadsheet of LibreOffice: save it as .xlsx or as CSV."),
        ("t.xlsb", b"PK", "is a binary Excel file: save it as .xlsx or as CSV."),
    ],
)
def test_what_is_no_workbook_says_what_to_do(tmp_path, name, content, said):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError) as refused:
        read_tables([path])
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([], "holds no table"),
        ([["Well", "Compound"]], "holds no table"),
        ([["Well", "Compound", "Compound"], ["A01", "a", "b"]], "more than once: Compound"),
    ],
)
def test_a_sheet_without_a_table_is_refused(read, rows, said):
    with pytest.raises(InputError, match=said):
        read({"S": rows})


def test_a_file_that_excel_keeps_open_is_no_table(tmp_path):
    assert Workbook().recognises(tmp_path / "~$map.xlsx") is None


texts = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=9)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(texts.map(lambda t: f"x{t}"), st.integers(-(10**9), 10**9), st.booleans()),
        min_size=1,
        max_size=12,
    )
)
def test_what_we_write_comes_back(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("books") / "t.xlsx"
    frame = pd.DataFrame(rows, columns=["Compound", "count", "flag"])
    frame.insert(0, "Well", [f"A{1 + k % 12:02d}" for k in range(len(frame))])
    summary = pd.DataFrame({"name": ["wells"], "value": [len(frame)]})
    write_sheets({"table": frame, "summary": summary}, path)
    found = Workbook().read(path)
    pd.testing.assert_frame_equal(found.frame, frame)
    assert found.notes == ["sheet 'summary' names no wells: not read here"]


def test_a_sheet_is_asked_for_only_where_there_are_any(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("Well,Compound\nA01,a\n")
    with pytest.raises(InputError, match="has no sheet to choose; leave 'sheet' out"):
        read_tables([path], sheet="Map")
