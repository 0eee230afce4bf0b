"""One plate map in every form that people have it in: the same labels at the first try."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pandas as pd
import pytest

from phenolens.findings import Finding
from phenolens.io.discovery.discover import discover, study_toml
from phenolens.io.integrate import integrate

WELLS = ("A01", "A02", "B01", "B02")
HELD = dict(zip(WELLS, ("DMSO", "taxol", "taxol", "ALLN"), strict=True))
DOSES = dict(zip(WELLS, (0.0, 0.3, 1.0, 3.0), strict=True))


def long(wells=WELLS) -> pd.DataFrame:
    held = {"compound": list(HELD.values()), "dose_um": list(DOSES.values())}
    return pd.DataFrame({"well": list(wells), **held})


def grid(values: dict) -> list[list]:
    return [["", 1, 2, 3], *([row, values[f"{row}01"], values[f"{row}02"], ""] for row in "AB")]


def book(path: Path, sheets: dict[str, list[list]]) -> None:
    made = openpyxl.Workbook()
    made.remove(made.active)
    for name, rows in sheets.items():
        sheet = made.create_sheet(name)
        for row in rows:
            sheet.append(row)
    made.save(path)


def cells(frame: pd.DataFrame) -> list[list]:
    return [list(frame), *frame.values.tolist()]


def text(rows: list[list], sep: str = ",") -> str:
    return "".join(sep.join(map(str, row)) + "\n" for row in rows)


def semicolons(folder: Path) -> None:
    long().to_csv(folder / "map.csv", sep=";", decimal=",", index=False, encoding="cp1252")


def utf16(folder: Path) -> None:
    long().to_csv(folder / "map.txt", sep="\t", index=False, encoding="utf-16")


def for_excel(folder: Path) -> None:
    (folder / "map.csv").write_text("sep=;\r\n" + long().to_csv(sep=";", decimal=",", index=False))


def below_a_title(folder: Path) -> None:
    about = "Plate map\nDate,2021-03-05\n\n"
    (folder / "map.csv").write_text(about + long().to_csv(index=False))


def spelled(*wells: str):
    def write(folder: Path) -> None:
        long(wells).to_csv(folder / "map.csv", index=False)

    return write


def rows_and_columns(first_row, first_column):
    def write(folder: Path) -> None:
        rows = [first_row, first_row, first_row + 1, first_row + 1]
        columns = [first_column, first_column + 1] * 2
        frame = long().drop(columns="well").assign(Row=rows, Column=columns)
        frame.to_csv(folder / "map.csv", index=False)

    return write


def letters_and_columns(folder: Path) -> None:
    frame = long().drop(columns="well").assign(row=list("AABB"), col=["01", "02"] * 2)
    frame.to_csv(folder / "map.csv", index=False)


def another_name(folder: Path) -> None:
    long().rename(columns={"well": "Plate position"}).to_csv(folder / "map.csv", index=False)


def as_grids(folder: Path) -> None:
    both = [["compound"], *grid(HELD), [], ["dose_um"], *grid(DOSES)]
    (folder / "map.csv").write_text(text(both, ";").replace(".", ","))


def two_grid_files(folder: Path) -> None:
    (folder / "compounds.csv").write_text(text(grid(HELD)))
    (folder / "doses.csv").write_text(text(grid(DOSES)))


def workbook(folder: Path) -> None:
    book(folder / "map.xlsx", {"Map": cells(long()), "Read me": [["by me"], ["on Monday"]]})


def workbook_of_grids(folder: Path) -> None:
    book(folder / "map.xlsx", {"compound": grid(HELD), "dose_um": grid(DOSES)})


def workbook_a_sheet_a_plate(folder: Path) -> None:
    book(folder / "maps.xlsx", dict.fromkeys(("P1", "P2"), cells(long())))


def workbook_of_two_tables(folder: Path) -> None:
    one, other = long()[["well", "compound"]], long()[["well", "dose_um"]]
    book(folder / "map.xlsx", {"compounds": cells(one), "doses": cells(other)})


def files_named_after_their_plates(folder: Path) -> None:
    for plate in ("P1", "P2"):
        (folder / f"{plate}.csv").write_text(
            text([["compound"], *grid(HELD), [], ["dose_um"], *grid(DOSES)])
        )


FORMS = {
    "semicolons, decimal commas, Windows": semicolons,
    "UTF-16, tabs": utf16,
    "for Excel": for_excel,
    "below a title": below_a_title,
    "A - 1": spelled("A - 1", "A - 2", "B - 1", "B - 2"),
    "r01c02": spelled("r01c01", "r01c02", "r02c01", "r02c02"),
    "01A": spelled("01A", "02A", "01B", "02B"),
    "A001": spelled("A001", "A002", "B001", "B002"),
    "rows and columns": rows_and_columns(1, 1),
    "rows and columns from 0": rows_and_columns(0, 0),
    "letters and columns": letters_and_columns,
    "another name": another_name,
    "grids below one another": as_grids,
    "two files with a grid": two_grid_files,
    "a workbook": workbook,
    "a workbook of grids": workbook_of_grids,
    "a sheet a plate": workbook_a_sheet_a_plate,
    "two tables in a workbook": workbook_of_two_tables,
    "files named after their plates": files_named_after_their_plates,
}


@pytest.mark.parametrize("write", FORMS.values(), ids=FORMS)
def test_a_plate_map_of_any_form_labels_the_wells(tmp_path, fields, write):
    write(tmp_path)
    found = discover(tmp_path)
    joined = integrate(found.section(), tmp_path).wells
    assert len(joined) == 8
    assert joined["Metadata_Compound"].tolist() == [HELD[well] for well in joined["Metadata_Well"]]
    doses = [DOSES[well] for well in joined["Metadata_Well"]]
    assert joined["Metadata_Concentration"].tolist() == doses
    assert joined["Metadata_Control"].sum() == 2
    assert "FILL IN" not in study_toml(found, relative_to=tmp_path)


UNREAD = {
    "numbers": ("well", [1, 2, 3, 4], "numbers its wells (1, 2, 3), and whether 2 is A02 or B01"),
    "colrow": ("colrow", ["0101", "0201", "0102", "0202"], "'colrow' holds no well names (got"),
}


@pytest.mark.parametrize(("column", "values", "said"), UNREAD.values(), ids=UNREAD)
def test_a_map_without_wells_says_what_would_make_them(tmp_path, fields, column, values, said):
    long(values).rename(columns={"well": column}).to_csv(tmp_path / "map.csv", index=False)
    found = discover(tmp_path)
    assert found.tables == ()
    (line,) = [note for note in found.lines() if "map.csv" in note]
    assert said in line
    assert "give a column Row and a column Column" in line


def test_a_map_of_numbers_without_a_title_is_asked_what_they_are(tmp_path, fields):
    (tmp_path / "map.csv").write_text(text(grid(DOSES)))
    (line,) = [note for note in discover(tmp_path).lines() if "map.csv" in note]
    assert "a grid of numbers and does not say what they are: write Concentration" in line


def test_a_workbook_that_is_none_is_named_with_what_to_do(tmp_path, fields):
    (tmp_path / "map.xlsx").write_bytes(b"PK\x03\x04 cut")
    (line,) = [note for note in discover(tmp_path).lines() if "map.xlsx" in note]
    assert "is no Excel workbook, or is cut short; save it again as .xlsx, or as CSV" in line


def test_plates_that_are_numbers_with_zeros_meet_their_map(tmp_path, fields):
    named = fields.assign(Metadata_Plate=fields["Metadata_Plate"].map({"P1": "007", "P2": "012"}))
    named.to_csv(tmp_path / "load_data.csv", index=False)
    plates = [plate for plate in ("007", "012") for _ in WELLS]
    both = pd.concat([long(), long()]).assign(barcode=plates)
    both.to_csv(tmp_path / "map.csv", index=False)
    joined = integrate(discover(tmp_path).section(), tmp_path).wells
    assert sorted(set(joined["Metadata_Plate"])) == ["007", "012"]
    assert joined["Metadata_Compound"].notna().all()


def test_a_line_about_wells_is_said():
    why = "column 'w' numbers its wells (1, 2), and whether 2 is A02 or B01 it does not say; x."
    said = str(Finding("unused-no-wells", "info", {"file": "map.csv", "files": 1}, {"why": why}))
    assert said.startswith("map.csv: column 'w' numbers its wells")
