"""Plate maps drawn as a plate, in every form that people draw them, are one row a well."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phenolens.errors import InputError
from phenolens.io.features import find_families
from phenolens.io.formats.base import table_format
from phenolens.io.formats.plate_grid import PlateGrid
from phenolens.io.tables.plate_grids import find_grids, long_table
from phenolens.profiles import row_letters

SHAPES = [(2, 3), (3, 4), (4, 6), (6, 8), (8, 12), (16, 24), (32, 48)]
WHOLE = SHAPES[2:]


def compound(row: int, column: int) -> str:
    return "DMSO" if column % 5 == 0 else f"cpd-{row}-{column}"


def dose(row: int, column: int) -> float:
    return 0.0 if column % 5 == 0 else 0.25 * (row + 1)


def grid(
    values=compound,
    shape: tuple[int, int] = (8, 12),
    *,
    corner: str = "",
    rows: bool = True,
    columns: bool = True,
) -> list[list]:
    """A grid as the cells of a sheet."""
    head = [[*([corner] if rows else []), *range(1, shape[1] + 1)]] if columns else []
    return head + [
        [*([row_letters(r)] if rows else []), *(values(r, c) for c in range(shape[1]))]
        for r in range(shape[0])
    ]


def wells(values=compound, shape: tuple[int, int] = (8, 12), name: str = "Compound"):
    """The same as it should come out."""
    places = [(r, c) for r in range(shape[0]) for c in range(shape[1])]
    return pd.DataFrame(
        {
            "Well": [f"{row_letters(r)}{c + 1:02d}" for r, c in places],
            name: [values(r, c) for r, c in places],
        }
    )


def text(cells: list[list], sep: str = ",") -> str:
    return "".join(sep.join(map(str, row)) + "\n" for row in cells)


def read(folder: Path, content: str, name: str = "platemap.csv") -> tuple[pd.DataFrame, list[str]]:
    path = folder / name
    path.write_text(content, encoding="utf-8")
    kind = table_format(path, metadata=True)
    assert kind.name == "plate grid"
    found = kind.read(path)
    return found.frame, found.notes


def ordered(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.sort_values("Well", ignore_index=True)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("sep", [",", ";", "\t"])
def test_a_grid_with_headings_is_one_row_a_well(tmp_path, shape, sep):
    frame, notes = read(tmp_path, text(grid(shape=shape, corner="Compound"), sep))
    pd.testing.assert_frame_equal(ordered(frame), ordered(wells(shape=shape)))
    assert notes == [f"read as a grid of {shape[0]} x {shape[1]}, one row a well"]


@pytest.mark.parametrize("shape", WHOLE)
@pytest.mark.parametrize(("rows", "columns"), [(True, False), (False, True), (False, False)])
def test_a_whole_plate_needs_no_headings(tmp_path, shape, rows, columns):
    frame, notes = read(tmp_path, text(grid(shape=shape, rows=rows, columns=columns)))
    pd.testing.assert_frame_equal(ordered(frame), ordered(wells(shape=shape)))
    assert "a grid without a title is taken for compounds" in notes


def test_a_part_of_a_plate_keeps_its_place(tmp_path):
    cells = [["", 3, 4, 5], ["C", "a", "b", ""], ["D", "", "c", "d"]]
    frame, _ = read(tmp_path, text(cells))
    assert dict(zip(frame["Well"], frame["Compound"], strict=True)) == {
        "C03": "a", "C04": "b", "D04": "c", "D05": "d",
    }  # fmt: skip


@pytest.mark.parametrize("corner", ["", "<>", "Row", "row/col", "Well", "\\"])
def test_a_corner_that_says_nothing_is_no_title(tmp_path, corner):
    frame, _ = read(tmp_path, text(grid(corner=corner)))
    assert list(frame) == ["Well", "Compound"]


ONE_BELOW_ANOTHER = {
    "titles above": [["Compound"], *grid(), [], ["Dose:"], *grid(dose)],
    "titles in the corner": [*grid(corner="Compound"), [""], *grid(dose, corner="Dose")],
    "no gap": [*grid(corner="Compound"), *grid(dose, corner="Dose")],
    "side by side": [
        [*one, "", *other]
        for one, other in zip(grid(corner="Compound"), grid(dose, corner="Dose"), strict=True)
    ],
}


@pytest.mark.parametrize("cells", ONE_BELOW_ANOTHER.values(), ids=ONE_BELOW_ANOTHER)
@pytest.mark.parametrize("padded", [True, False])
def test_several_grids_are_several_columns(tmp_path, cells, padded):
    width = max(map(len, cells))
    rows = [row + [""] * (width - len(row)) for row in cells] if padded else cells
    frame, notes = read(tmp_path, text(rows))
    expected = wells().merge(wells(dose, name="Dose"), on="Well")
    pd.testing.assert_frame_equal(ordered(frame), ordered(expected))
    assert notes == ["read as 2 grids of 8 x 12, one row a well"]


def test_letters_on_both_sides_and_lines_about_the_plate(tmp_path):
    about = [["TYPE", "96-deep"], ["BARCODE", "PL-123"], [""]]
    both = [[*row, row[0]] for row in grid()]
    frame, notes = read(tmp_path, text(about + both))
    assert set(frame["Plate"]) == {"PL-123"}
    pd.testing.assert_frame_equal(ordered(frame.drop(columns="Plate")), ordered(wells()))
    assert "2 cells beside the grids are not read, such as 'TYPE'" in notes


@pytest.mark.parametrize("title", ["Plate: {}", "Plate {}", "Barcode {}", "plate_id={}"])
def test_a_grid_a_plate(tmp_path, title):
    cells = [[title.format("P1")], *grid(), [title.format("P2")], *grid(dose, corner="Compound")]
    frame, _ = read(tmp_path, text(cells))
    assert frame.groupby("Plate").size().to_dict() == {"P1": 96, "P2": 96}
    first = frame[frame["Plate"] == "P1"].drop(columns="Plate")
    assert ordered(first)["Compound"].tolist() == ordered(wells())["Compound"].tolist()


def test_the_plate_that_was_named_first_holds_for_all_its_grids(tmp_path):
    cells = [["Plate: P1"], *grid(corner="Compound"), *grid(dose, corner="Dose")]
    frame, _ = read(tmp_path, text(cells))
    assert set(frame["Plate"]) == {"P1"}
    assert list(frame) == ["Plate", "Well", "Compound", "Dose"]


def test_numbers_are_what_the_files_name_or_the_title_says(tmp_path):
    by_file, _ = read(tmp_path, text(grid(dose)), "plate_doses.csv")
    by_title, _ = read(tmp_path, text([["Concentration"], *grid(dose)]))
    assert list(by_file) == list(by_title) == ["Well", "Concentration"]
    assert by_file["Concentration"].dtype == float


def test_decimal_commas_in_a_grid(tmp_path):
    content = text(grid(dose, corner="Dose"), ";").replace(".", ",")
    frame, notes = read(tmp_path, content)
    pd.testing.assert_frame_equal(ordered(frame), ordered(wells(dose, name="Dose")))
    assert "decimal commas read: Dose" in notes


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (grid(dose), "a grid of numbers and does not say what they are: write Concentration"),
        (grid(dose, rows=False), "a grid of numbers and does not say what they are"),
        (grid(dose, rows=False, columns=False), "a grid of numbers and does not say what"),
        ([*grid(), [""], *grid()], "holds 2 grids of 'Compound': write above each what it holds"),
        (
            [["Compound"], *grid(), ["Plate: P2"], *grid()],
            "names the plate of 1 of its 2 grids; name it for all, or for none",
        ),
    ],
)
def test_what_a_grid_does_not_say_is_asked_in_one_line(tmp_path, cells, said):
    with pytest.raises(InputError) as refused:
        read(tmp_path, text(cells))
    assert said in str(refused.value)
    assert "platemap.csv" in str(refused.value)


def bare(count: int, rows: int) -> list[list]:
    return [[*range(count)], *([0.125 * c + r for c in range(count)] for r in range(rows))]


ORDINARY = {
    "one row a well": [["Well", "Compound"], ["A01", "a"], ["A02", "b"]],
    "letters for names": [["donor", "age", "dose"], ["A", 1, 2], ["B", 3, 4]],
    "numbered features": [["Well", *range(64)], *[["A01", *range(64)]] * 9],
    "an embedding": bare(64, 8),
    "whole numbers from 0": bare(12, 8),
    "a table of 12 columns": [[f"c{k}" for k in range(12)], *[[0.5] * 12] * 7],
    "names that differ": grid(lambda r, c: f"x{r}-{c}", rows=False, columns=False),
}


@pytest.mark.parametrize("cells", ORDINARY.values(), ids=ORDINARY)
def test_an_ordinary_table_is_no_grid(tmp_path, cells):
    path = tmp_path / "t.csv"
    path.write_text(text(cells))
    assert table_format(path).name == "delimited"


def test_a_grid_of_numbers_is_never_taken_for_profiles(tmp_path):
    frame, _ = read(tmp_path, text(grid(dose, (16, 24))), "concentration.csv")
    assert find_families(frame) == []


def test_what_stands_beside_a_grid_is_told(tmp_path):
    _, notes = read(tmp_path, text([*grid(), [""], ["Legend: DMSO is the control"]]))
    assert notes[-1] == (
        "1 cells beside the grids are not read, such as 'Legend: DMSO is the control'"
    )


@given(
    st.sampled_from(SHAPES),
    st.integers(0, 5),
    st.integers(0, 5),
    st.data(),
)
def test_no_well_is_lost_or_moved_wherever_the_grid_lies(shape, down, right, data):
    names = st.one_of(st.just(""), st.sampled_from(["DMSO", "a", "b 1", "c-2", "4"]))
    held = {
        (r, c): data.draw(names) for r in range(min(shape[0], 4)) for c in range(min(shape[1], 4))
    }
    cells = [[""]] * down + [
        [""] * right + row
        for row in grid(lambda r, c: held.get((r, c), "x"), shape, corner="Compound")
    ]
    frame, _ = long_table(find_grids(cells)[0], name="map", source="map")
    got = dict(zip(frame["Well"], frame["Compound"].astype(str), strict=True))
    expected = {
        f"{row_letters(r)}{c + 1:02d}": held.get((r, c), "x")
        for r in range(shape[0])
        for c in range(shape[1])
    }
    assert got == {well: name for well, name in expected.items() if name}


def test_a_file_that_is_no_grid_any_more_is_refused(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match="holds no plate map"):
        PlateGrid().read(path)


def test_plates_below_one_another_under_one_row_of_numbers(tmp_path):
    rows = [[plate, *row] for plate in ("P1", "P2") for row in grid()[1:]]
    frame, notes = read(tmp_path, text([["Plate", "Row", *range(1, 13)], *rows]))
    assert frame.groupby("Plate").size().to_dict() == {"P1": 96, "P2": 96}
    assert notes[-1] == "a grid without a title is taken for compounds"
    unnamed = [grid()[0], *grid()[1:], *grid()[1:]]
    with pytest.raises(InputError, match="holds 2 grids of 'Compound'"):
        read(tmp_path, text(unnamed))


def test_rows_that_nobody_uses_may_be_left_out_or_empty(tmp_path):
    left_out, _ = read(tmp_path, ",1,2,3\n  A ,a,b,c\nC ,d,e,f\n")
    empty, _ = read(tmp_path, ",1,2,3\nA,a,b,c\n,,,\nC,d,e,f\n")
    assert left_out["Well"].tolist() == ["A01", "A02", "A03", "C01", "C02", "C03"]
    pd.testing.assert_frame_equal(left_out, empty)


def test_values_that_are_letters_are_no_rows(tmp_path):
    cells = grid(lambda r, c: "A" if r < 4 else "B", corner="Drug")
    both = [[*row, "", ""] for row in [*cells, [""] * 13, *grid(dose, corner="Concentration")]]
    frame, notes = read(tmp_path, text(both))
    assert list(frame) == ["Well", "Drug", "Concentration"]
    assert frame["Drug"].value_counts().to_dict() == {"A": 48, "B": 48}
    assert notes == ["read as 2 grids of 8 x 12, one row a well"]
