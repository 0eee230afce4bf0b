"""Text tables as spreadsheets, instruments and R write them, each to the same frame."""

from __future__ import annotations

import csv
import gzip
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phenolens.errors import InputError
from phenolens.io.tables.text import names_things, read_text

WELLS = pd.DataFrame(
    {"Plate": ["P1", "P1", "P2"], "Well": ["A01", "A02", "B07"], "Dose µM": [0.5, 1.25, 10.0]}
)


def written(
    folder: Path, text: str | bytes, *, encoding: str = "utf-8", name: str = "t.csv"
) -> Path:
    path = folder / name
    content = text if isinstance(text, bytes) else text.encode(encoding)
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return path


def read(folder: Path, text: str | bytes, **options: str) -> tuple[pd.DataFrame, list[str]]:
    return read_text(written(folder, text, **options))


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
@pytest.mark.parametrize("name", ["t.csv", "t.txt", "t.tsv.gz"])
@pytest.mark.parametrize(
    ("sep", "decimal"), [(",", "."), (";", "."), (";", ","), ("\t", "."), ("\t", ","), ("|", ".")]
)
def test_the_separator_and_the_decimal_mark_are_found(tmp_path, sep, decimal, name, quoting, ends):
    text = WELLS.to_csv(index=False, sep=sep, decimal=decimal, quoting=quoting, lineterminator=ends)
    frame, notes = read(tmp_path, text, name=name)
    pd.testing.assert_frame_equal(frame, WELLS)
    assert notes == (["decimal commas read"] if decimal == "," else [])


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_the_encoding_is_found(tmp_path, encoding, ends):
    text = WELLS.to_csv(index=False, lineterminator=ends)
    frame, notes = read(tmp_path, text, encoding=encoding)
    pd.testing.assert_frame_equal(frame, WELLS)
    said = ["read as Windows-1252 text, as it is no UTF-8"]
    assert notes == (said if encoding == "cp1252" else [])


@pytest.mark.parametrize("order", ["le", "be"])
def test_both_orders_of_utf16_are_read_by_their_mark(tmp_path, order):
    mark = b"\xff\xfe" if order == "le" else b"\xfe\xff"
    frame, _ = read(tmp_path, mark + WELLS.to_csv(index=False).encode(f"utf-16-{order}"))
    pd.testing.assert_frame_equal(frame, WELLS)


def test_a_character_far_below_shows_the_encoding_too(tmp_path):
    text = "Well,Note\n" + "A01,plain\n" * 20_000 + "A02,caf\u00e9\n"
    frame, notes = read(tmp_path, text, encoding="cp1252")
    assert frame["Note"].iloc[-1] == "caf\u00e9"
    assert notes == ["read as Windows-1252 text, as it is no UTF-8"]


@pytest.mark.parametrize("said", ["sep=;", '"sep=;"', "SEP=;"])
def test_the_line_for_excel_is_no_header(tmp_path, said):
    frame, notes = read(tmp_path, f"{said}\r\n" + WELLS.to_csv(index=False, sep=";"))
    pd.testing.assert_frame_equal(frame, WELLS)
    assert notes == []


ABOVE = {
    "comments": "# plate map of the screen\n# made by hand, 2021\n",
    "words": "Plate layout\n\n",
    "padded": "Plate layout,,\nOperator:,me,\n,,\n",
    "values": "Plate layout\nDate,2021-03-05\nVolume,40\n\n",
}


@pytest.mark.parametrize("above", ABOVE.values(), ids=ABOVE)
def test_lines_above_the_header_are_told_and_not_read(tmp_path, above):
    frame, notes = read(tmp_path, above + WELLS.to_csv(index=False))
    pd.testing.assert_frame_equal(frame, WELLS)
    (note,) = notes
    assert "above the header are not read: " in note
    assert above.splitlines()[0].rstrip(",") in note


def test_a_header_may_begin_like_a_comment(tmp_path):
    text = "#Well\tcompound\nA01\tDMSO\nA02\tcpd1\n"
    frame, notes = read(tmp_path, text)
    assert list(frame) == ["Well", "compound"]
    assert len(frame) == 2
    assert notes == []


@pytest.mark.parametrize("header", ["Plate,Well,Dose µM", "Plate,Well,Dose µM,"])
def test_separators_at_the_end_of_rows_are_no_column(tmp_path, header):
    rows = "".join(f"{p},{w},{d},\n" for p, w, d in WELLS.itertuples(index=False))
    frame, _ = read(tmp_path, f"{header}\n{rows}")
    pd.testing.assert_frame_equal(frame, WELLS)


def test_names_of_rows_as_R_writes_them_do_not_shift_the_columns(tmp_path):
    text = '"Plate"\t"Well"\t"x"\n"1"\t"P1"\t"A01"\t0.5\n"2"\t"P1"\t"A02"\t1.5\n'
    frame, _ = read(tmp_path, text)
    rows = [["P1", "A01", 0.5], ["P1", "A02", 1.5]]
    assert frame[["Plate", "Well", "x"]].values.tolist() == rows


def test_rows_of_separators_alone_say_nothing(tmp_path):
    frame, _ = read(tmp_path, WELLS.to_csv(index=False) + ",,\n,,\n")
    pd.testing.assert_frame_equal(frame, WELLS)


@pytest.mark.parametrize("gap", ["   ", " "])
def test_runs_of_spaces_part_columns_where_nothing_else_can_be_meant(tmp_path, gap):
    text = "well c1 c2\nA01 0.5 1\nA02 1.5 20\n".replace(" ", gap)
    frame, notes = read(tmp_path, text)
    assert frame.to_dict("list") == {"well": ["A01", "A02"], "c1": [0.5, 1.5], "c2": [1, 20]}
    assert notes == ["separated by spaces"]


def test_words_of_one_column_are_not_parted(tmp_path):
    frame, _ = read(tmp_path, "Compound name\ncompound 1\ncompound 2\n")
    assert frame.to_dict("list") == {"Compound name": ["compound 1", "compound 2"]}


@pytest.mark.parametrize("values", [["1,500", "2,250"], ["1.234.567", "2.345.678"]])
def test_what_may_be_thousands_stays_text_and_is_named(tmp_path, values):
    frame, notes = read(
        tmp_path, "Well;x\n" + "".join(f"A0{k};{v}\n" for k, v in enumerate(values))
    )
    assert frame["x"].tolist() == values
    assert f"x ({values[0]}); write numbers without thousands marks" in notes[0]


@pytest.mark.parametrize("certain", ["0,125", "1,5", "12,3456", "1,5e3"])
def test_one_certain_comma_tells_of_the_others(tmp_path, certain):
    frame, _ = read(tmp_path, f"Well;x\nA01;1,500\nA02;{certain}\n")
    assert frame["x"].tolist() == [1.5, float(certain.replace(",", "."))]


def test_a_comma_beside_points_counts_in_its_own_column_alone(tmp_path):
    frame, notes = read(tmp_path, "Well;x;y\nA01;0,5;0.5\nA02;1,5;1.5\n")
    assert frame[["x", "y"]].values.tolist() == [[0.5, 0.5], [1.5, 1.5]]
    assert notes == ["decimal commas read: x"]


def test_quoted_decimals_of_a_comma_separated_table_are_read(tmp_path):
    frame, notes = read(tmp_path, 'Well,x\nA01,"0,5"\nA02,"1,25"\n')
    assert frame["x"].tolist() == [0.5, 1.25]
    assert notes == ["decimal commas read"]


@settings(max_examples=80, deadline=None)
@given(
    st.lists(
        st.floats(allow_nan=False, allow_infinity=False, width=32).map(lambda x: x + 0.0),
        min_size=1,
        max_size=20,
    ).filter(lambda values: any(x != round(x) for x in values))
)
def test_decimal_commas_give_the_numbers_of_decimal_points(tmp_path_factory, values):
    folder = tmp_path_factory.mktemp("decimals")
    frame = pd.DataFrame({"Well": "A01", "x": values})
    one, _ = read(folder, frame.to_csv(index=False, sep=";", decimal=",", float_format="%.9g"))
    other, _ = read(folder, frame.to_csv(index=False, sep=";", float_format="%.9g"))
    numbers = pd.api.types.is_numeric_dtype(one["x"])
    assert not numbers or one["x"].tolist() == other["x"].tolist()


names = st.text(
    st.characters(codec="cp1252", exclude_categories=["Cc", "Zs"]), min_size=1, max_size=8
)


@settings(max_examples=80, deadline=None)
@given(
    cells=st.lists(st.tuples(names, names, st.integers(0, 99)), min_size=2, max_size=12),
    sep=st.sampled_from(",;\t|"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_what_is_written_quoted_comes_back(tmp_path_factory, cells, sep, encoding):
    made = io.StringIO()
    writer = csv.writer(made, delimiter=sep, quoting=csv.QUOTE_ALL)
    writer.writerows([("one", "two", "three"), *((f"x{a}", f"y{b}", c) for a, b, c in cells)])
    frame, _ = read(tmp_path_factory.mktemp("quoted"), made.getvalue(), encoding=encoding)
    assert frame.values.tolist() == [[f"x{a}", f"y{b}", c] for a, b, c in cells]


@pytest.mark.parametrize(
    ("column", "values", "kept"),
    [
        ("Metadata_Plate", ["007", "010"], True),
        ("Assay_Plate_Barcode", ["1E05", "1E06"], True),
        ("compound_id", ["0042", "17"], True),
        ("Plate", ["7", "10"], False),
        ("broad_sample", ["12345678901234567890", "1"], True),
        ("plate_row", ["01", "02"], False),
        ("Site", ["01", "02"], False),
        ("compound_concentration", ["00", "10"], False),
    ],
)
def test_names_of_things_keep_their_zeros(tmp_path, column, values, kept):
    frame, _ = read(tmp_path, f"Well,{column}\n" + "".join(f"A01,{v}\n" for v in values))
    assert frame[column].tolist() == (values if kept else [int(v) for v in values])


@given(st.lists(st.one_of(st.integers(-(2**53), 2**53), st.floats(allow_nan=False)), min_size=1))
def test_numbers_in_a_column_of_names_are_those_that_pandas_reads(values):
    text = "".join(f"{value!r}\n" for value in values)
    assert names_things("Plate") and not names_things("Plate_Row")
    alone = pd.read_csv(io.StringIO("x\n" + text), skip_blank_lines=False)["x"]
    as_text = pd.read_csv(io.StringIO("x\n" + text), dtype=str)["x"]
    assert np.array_equal(pd.to_numeric(as_text), alone)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "Plate,Well,Plate\nP1,A01,P2\n",
            "1 column name(s) more than once: Plate. Keep one of each",
        ),
        ("a,b\n1,2\n3,4,5\n", "line 3 has 3 values where there are 2 columns"),
        ("", "it is empty (0 bytes)"),
        ("\n\n", "there is nothing in it"),
    ],
)
def test_what_cannot_be_split_into_columns_is_one_line(tmp_path, text, said):
    with pytest.raises(InputError) as refused:
        read(tmp_path, text)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_the_first_rows_have_the_columns_of_all(tmp_path):
    path = written(tmp_path, "# x\n" + WELLS.to_csv(index=False, sep=";", decimal=","))
    head, _ = read_text(path, rows=1)
    pd.testing.assert_frame_equal(head, WELLS.head(1))


def test_errors_of_a_spreadsheet_are_missing_numbers_and_counted(tmp_path):
    frame, notes = read(tmp_path, "Well;x\nA01;0,5\nA02;#DIV/0!\nA03;#WERT!\n")
    assert frame["x"].iloc[0] == 0.5 and frame["x"].iloc[1:].isna().all()
    assert "2 errors of a spreadsheet are no numbers: #DIV/0! in x" in notes


def test_a_separator_that_is_given_is_taken(tmp_path):
    path = written(tmp_path, "Well::x\nA01::1\nA02::2\n")
    frame, _ = read_text(path, sep="::")
    assert frame.to_dict("list") == {"Well": ["A01", "A02"], "x": [1, 2]}


def test_line_ends_of_old_macs(tmp_path):
    frame, _ = read(tmp_path, WELLS.to_csv(index=False, lineterminator="\r"))
    pd.testing.assert_frame_equal(frame, WELLS)


def test_a_header_with_a_line_break_in_a_name(tmp_path):
    frame, _ = read(tmp_path, '# x\n"Well","Dose\n(uM)"\nA01,1\nA02,2\n')
    assert frame.to_dict("list") == {"Well": ["A01", "A02"], "Dose\n(uM)": [1, 2]}


@pytest.mark.parametrize("values", [["1 500", "2 250,5"], ["1'500", "22'250"], ["1\u202f500", "7"]])
def test_thousands_parted_by_spaces_stay_text_and_are_named(tmp_path, values):
    frame, notes = read(tmp_path, "Well;x\n" + "".join(f"A01;{value}\n" for value in values))
    assert frame["x"].tolist() == values
    assert f"x ({values[0]}); write numbers without thousands marks" in notes[0]


@pytest.mark.parametrize("values", [["01.02.2021", "03.04.2021"], ["1.2.3", "1.2.4"], ["1;2", "3"]])
def test_dates_and_versions_are_no_doubtful_numbers(tmp_path, values):
    text = "Well,x\n" + "".join(f'A01,"{value}"\n' for value in values)
    frame, notes = read(tmp_path, text)
    assert frame["x"].tolist() == values
    assert notes == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"PK\3\4\x14\0", "an Excel workbook or another archive (name it .xlsx, or unpack it)"),
        (gzip.compress(b"a,b", mtime=0), "packed with gzip (name it .gz)"),
        (b"PAR1\x15", "a Parquet file (name it .parquet)"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "with 'git lfs pull'"),
        (b"/annex/objects/MD5E-s12--ab.csv\n", "fetch it with 'git annex get'"),
    ],
)
def test_what_is_no_text_says_what_it_is(tmp_path, content, said):
    with pytest.raises(InputError) as refused:
        read(tmp_path, content)
    assert said in str(refused.value)


def test_a_table_that_is_called_gz_and_is_not_packed_says_so(tmp_path):
    path = tmp_path / "p.csv.gz"
    path.write_bytes(b"a,b\n1,2\n")
    with pytest.raises(InputError, match=r"not packed with gzip; take \.gz off its name"):
        read_text(path)
