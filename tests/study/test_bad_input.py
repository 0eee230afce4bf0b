"""Bad input, as a newcomer meets it: one line and exit code 2, or set aside by name."""

from __future__ import annotations

import pickle
import re

import numpy as np
import pandas as pd
import pytest
import tifffile

from phenolens.files import read_json

STAINS = ("DNA", "ER", "RNA", "AGP", "Mito")
ROW = 3  # of the first plate's image table: the field that the tests damage


def run(command, screen, verb="check"):
    return command(verb, screen.study, "--jobs", 1, "--out", screen.out)


def refusal(command, screen, verb="check") -> str:
    return run(command, screen, verb).refused()


def reasons(screen) -> list[tuple[str, str, str]]:
    """Well, stain and reason of everything that was set aside, as ``ledger.json`` says."""
    aside = read_json(screen.out / "ledger.json")["set_aside"]
    return [(item["well"], item["channel"], item["reason"]) for item in aside]


# The study file.


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("permutations = 200", "permutation = 200", "'evaluate.permutation' is not a setting"),
        ("[evaluate]", "[evalute]", "'evalute' is not a setting"),
        ("permutations = 200", 'permutations = "many"', r"'evaluate.permutations'.*got 'many'"),
        ("permutations = 200", "permutations = -1", r"greater than or equal to 1 \(got -1\)"),
        ("[evaluate]", "[evaluate", "not valid TOML.*line"),
        ('name = "deep"', 'name = "../deep"', r"data.profiles.0.name.*got '../deep'"),
        ("[evaluate]", '[splits]\nleave_out = "row"\n[evaluate]', "leave_out.*got 'row'"),
    ],
)
def test_a_wrong_study_file_is_refused_with_the_place(wells, command, old, new, said):
    wells.settings(old, new)
    line = refusal(command, wells)
    assert "study.toml" in line
    assert re.search(said, line)
    assert not wells.out.exists()


def test_two_profiles_of_one_name(wells, command):
    with wells.study.open("a") as stream:
        stream.write('\n[[data.profiles]]\nname = "deep"\nfiles = "profiles.csv"\n')
    assert "share a name: deep" in refusal(command, wells)


def test_a_study_file_that_is_not_there_or_a_folder(wells, command):
    wells.study.unlink()
    assert "There is no study file" in refusal(command, wells)
    wells.study.mkdir()
    assert "cannot be read as a study file" in refusal(command, wells)


def test_a_folder_that_cannot_be_written(wells, command):
    wells.out.write_text("a file is in the way")
    assert str(wells.out) in refusal(command, wells)


# Tables.


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("p.parquet", b"no parquet", "cannot be read as a table.*[Pp]arquet"),
        ("p.parquet", b"", "cannot be read as a table"),
        ("p.parquet", pickle.dumps({"f0": [1.0]}), "cannot be read as a table"),
        ("p.pkl", pickle.dumps({"f0": [1.0]}), "is no table we read; expected .csv"),
        ("p.npy", pickle.dumps({"f0": [1.0]}), "is no table we read"),
        ("p.csv", b"", "it is empty .0 bytes."),
        ("p.csv", b"Metadata_Plate,Metadata_Well,f0\n", "has a header but no rows"),
        ("p.csv", bytes(range(256)), "cannot be read as a table"),
        ("p.csv.gz", b"Metadata_Plate,f0", "it is not packed with gzip; take .gz off its name"),
        ("p.h5ad", b"no hdf5", "cannot be read as AnnData"),
        ("p.sqlite", b"no database", "cannot be read as an SQLite database"),
    ],
)
def test_a_file_that_is_no_table_is_refused_by_name(wells, command, name, content, said):
    (wells.folder / name).write_bytes(content)
    wells.settings("profiles.csv", name)
    line = refusal(command, wells)
    assert str(wells.folder / name) in line
    assert re.search(said, line)


def test_a_table_that_is_missing_is_refused_by_name(wells, command):
    wells.settings("profiles.csv", "nope.csv")
    assert "There is no file" in refusal(command, wells)
    wells.settings("nope.csv", "nope*.csv")
    assert "No file matches" in refusal(command, wells)


@pytest.mark.parametrize("column", ["Metadata_Plate", "Metadata_Well", "Metadata_Compound"])
def test_a_missing_column_is_refused_with_those_there_are(wells, command, column):
    wells.write(wells.frame().drop(columns=column))
    line = refusal(command, wells)
    assert column in line
    assert "Metadata_Mechanism" in line


def test_text_among_the_features(wells, command):
    frame = wells.frame().astype({"f1": object})
    frame.loc[4, "f1"] = "n.d."
    wells.write(frame)
    assert re.search("not numeric, such as f1 with 'n.d.'", refusal(command, wells))


def test_the_same_well_in_two_spellings(wells, command):
    frame = wells.frame()
    again = frame.head(1).assign(Metadata_Well="a1", f0=9.0)
    wells.write(pd.concat([frame, again]))
    assert "rows share a key, such as P01/A01" in refusal(command, wells)


def test_two_plates_of_one_barcode(wells, screen, command):
    wells.write(wells.frame().replace({"Metadata_Plate": {"P02": "P01"}}))
    assert "Two plates may carry one barcode" in refusal(command, wells)
    for path in screen.folder.rglob("load_data.csv"):
        pd.read_csv(path).assign(Metadata_Plate="P1").to_csv(path, index=False)
    line = refusal(command, screen)
    assert "two plates carry one barcode" in line
    assert "plate P1, well A01" in line


def test_repeated_rows_are_counted(wells, command):
    wells.write(pd.concat([wells.frame(), wells.frame().head(3)]))
    assert run(command, wells).code == 0
    assert wells.ledger()["joins"][0]["duplicates"] == 3


def test_a_value_that_is_no_well_is_listed_as_it_was_written(wells, command):
    frame = wells.frame()
    frame.loc[0, "Metadata_Well"] = "XX99"
    wells.write(frame)
    assert run(command, wells).code == 0
    item = wells.ledger()["set_aside"][0]
    assert (item["plate"], item["well"], item["file"]) == ("P01", "XX99", "profiles")


@pytest.mark.parametrize(("n_wells", "refused"), [(1, False), (40, True)])
def test_conflicting_labels(wells, command, n_wells, refused):
    keys = wells.frame()[["Metadata_Plate", "Metadata_Well", "Metadata_Compound"]]
    keys.loc[keys.index < n_wells, "Metadata_Compound"] = "something else"
    keys.to_csv(wells.folder / "map.csv", index=False)
    with wells.study.open("a") as stream:
        on = '{ Metadata_Plate = "Metadata_Plate", Metadata_Well = "Metadata_Well" }'
        stream.write(f'\n[[data.tables]]\nfile = "map.csv"\non = {on}\n')
    answer = run(command, wells)
    if refused:
        assert "map.csv disagrees with what was read before" in answer.refused()
    else:
        assert reasons(wells) == [("A01", "", "conflicting Metadata_Compound")]
        assert "or something else" in wells.ledger()["conflicts"][0]["examples"][0]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("Metadata_Nope == 1", "no column 'Metadata_Nope'; it has Metadata_Plate"),
        ("Metadata_Compound == 'water'", "matches none of 42 wells"),
        ("Metadata_Compound ==", "cannot be evaluated"),
        ("Metadata_Compound", "does not say yes or no"),
        ("@__import__('os').getcwd() == ''", "cannot be evaluated"),
    ],
)
def test_a_query_that_says_nothing(wells, command, query, said):
    wells.settings("[data.columns]", f'[data]\ncontrols = "{query}"\n[data.columns]')
    assert said in refusal(command, wells)


@pytest.mark.parametrize(
    ("column", "said"),
    [
        ("Metadata_Plate", 'where all rows are of one plate, say plate = "=P1"'),
        ("Metadata_Well", "name theirs as well in [data.columns]"),
    ],
)
def test_a_table_without_plates_or_wells_says_what_to_do(wells, command, column, said):
    wells.write(wells.frame().drop(columns=column))
    told = refusal(command, wells)
    assert f"no column {column!r}; it has Metadata_" in told
    assert said in told


# Features.


def test_features_that_are_missing_infinite_or_constant_are_left_out_and_counted(wells, command):
    frame = wells.frame()
    frame.loc[1, "f1"], frame.loc[2, "f1"], frame["f2"], frame["f3"] = np.inf, -np.inf, 7.0, np.nan
    frame.loc[5, [name for name in frame if name.startswith("f")]] = np.nan
    wells.write(frame)
    assert run(command, wells, "normalize").code == 0
    assert "2 infinite values" in wells.ledger()["joins"][0]["note"]
    assert reasons(wells) == [("A06", "", "no feature has a value there: not in 'deep'")]
    notes = read_json(wells.out / "normalization.json")["deep"]
    assert notes["cleaned"]["all"]["dropped"] == ["f3"]
    assert notes["calibration"]["all"]["constant_everywhere"] == ["f2"]
    kept = pd.read_parquet(wells.out / "profiles" / "deep.parquet")
    assert "f3" not in kept
    assert len(kept) == len(frame) - 1


@pytest.mark.parametrize(("value", "verb"), [(np.nan, "normalize"), (1.0, "evaluate")])
def test_features_that_say_nothing_at_all(wells, command, value, verb):
    frame = wells.frame()
    frame[[name for name in frame if name.startswith("f")]] = value
    wells.write(frame)
    line = refusal(command, wells, verb)
    assert "Representation 'deep'" in line
    assert "12" in line


# Images.


def damaged(screen, damage: str) -> None:
    """Damage one stain (ER) of one field."""
    path = screen.image(ROW)
    content = {
        "truncated": path.read_bytes()[:500],
        "empty": b"",
        "no picture": b"not a picture at all",
    }
    planes = {
        "size": np.zeros((64, 64), np.uint16),
        "depth": np.zeros((128, 128), np.uint8),
        "colour": np.zeros((128, 128, 3), np.uint8),
    }
    if damage in content:
        path.write_bytes(content[damage])
    elif damage in planes:
        tifffile.imwrite(path, planes[damage])
    else:
        path.unlink()


@pytest.mark.parametrize(
    ("damage", "stain", "said"),
    [
        ("truncated", "ER", "cannot be read"),
        ("empty", "ER", r"empty \(0 bytes\)"),
        ("no picture", "ER", "cannot be read"),
        ("missing", "ER", "missing file"),
        ("colour", "ER", "uint8, where most images of the screen have uint16"),
        ("size", "ER", "64x64 pixels, where most images of the screen have 128x128 pixels"),
        ("depth", "ER", "uint8, where most images of the screen have uint16"),
    ],
)
def test_a_damaged_image_is_set_aside_by_name_with_its_well(screen, command, damage, stain, said):
    damaged(screen, damage)
    assert run(command, screen, "prepare").code == 0
    ledger = screen.ledger()
    image, well = ledger["set_aside"]
    assert (image["plate"], image["well"], image["site"]) == ("SIM001", "B02", "1")
    assert image["channel"] == stain
    assert bool(image["file"]) == bool(stain)
    assert re.search(said, image["reason"])
    assert (well["plate"], well["well"], well["site"]) == ("SIM001", "B02", "")
    assert "the well takes no part" in well["reason"]
    counts = {name: n for step in ledger["counts"].values() for name, n in step.items()}
    lost = ("wells_without_image", "wells_without_readable_image", "wells_of_unlike_images")
    assert sum(counts.get(name, 0) for name in lost) == 1


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda path: path.write_bytes(b""), "is empty (0 bytes)"),
        (lambda path: path.unlink(), "No image of the 28 listed is there"),
    ],
)
def test_a_screen_without_any_image_left(screen, command, damage, said):
    for path in screen.folder.rglob("*.tiff"):
        damage(path)
    assert said in refusal(command, screen, "prepare")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('nuclei = "DNA"', 'nuclei = "Nope"', "nuclei = 'Nope', but the stains are DNA, ER"),
        ('channels = ["DNA",', 'channels = ["Nope",', "no channel Nope; it has DNA, ER"),
        ('"Intensity"]', '"Nope"]', "Unknown feature families.*Nope.*known are AreaShape"),
        ("components = 8", 'representations = ["nope"]', "'nope' is not.*cellprofiler"),
        ("components = 8", "representations = []", "nothing to study"),
        ("[evaluate]", "[segment.options]\nnope = 3\n[evaluate]", "no setting 'nope'; there are"),
        ("[evaluate]", '[segment.options]\nneck = "wide"\n[evaluate]', "neck must be a number"),
        (
            "[evaluate]",
            '[prepare]\nillumination = "given"\n[evaluate]',
            "no illumination functions",
        ),
    ],
)
def test_an_image_setting_that_does_not_fit(screen, command, old, new, said):
    screen.settings(old, new)
    assert re.search(said, refusal(command, screen, "represent"))


def test_a_field_without_cells_leaves_its_well_out_by_name(screen, command):
    for stain in STAINS:
        tifffile.imwrite(screen.image(ROW, stain), np.zeros((128, 128), np.uint16))
    assert run(command, screen, "represent").code == 0
    assert ("B02", "", "no cell found: not in 'cellprofiler'") in reasons(screen)
    assert screen.ledger()["counts"]["represent"]["wells_not_in_cellprofiler"] >= 1


# Other forms of images, all of them read.


def eight_bit(screen) -> None:
    for path in screen.folder.rglob("*.tiff"):
        tifffile.imwrite(path, (tifffile.imread(path) >> 6).clip(0, 255).astype(np.uint8))


def single_stain(screen) -> None:
    screen.settings('channels = ["DNA", "ER", "RNA", "AGP", "Mito"]', 'channels = ["DNA"]')


def one_file_a_field(screen, *, stacked: bool = False) -> None:
    """Multi-channel files, or one stack a plate with the position of each field in it."""
    rows, planes = [], {}
    for table in sorted(screen.folder.rglob("load_data.csv")):
        for number, row in pd.read_csv(table).iterrows():
            paths = [screen.folder.rglob(row[f"FileName_Orig{s}"]) for s in STAINS]
            own = [next(p for p in found if row["Metadata_Plate"] in p.parts) for found in paths]
            plate = row["Metadata_Plate"]
            name = f"{plate}.tiff" if stacked else f"{plate}_{number}.tiff"
            planes.setdefault(name, []).append(np.stack([tifffile.imread(p) for p in own]))
            rows.append({"Metadata_Plate": plate, "Metadata_Well": row["Metadata_Well"],
                         "file": name, "position": len(planes[name]) - 1})  # fmt: skip
    for name, parts in planes.items():
        tifffile.imwrite(screen.folder / name, np.stack(parts) if stacked else parts[0])
    pd.DataFrame(rows).to_csv(screen.folder / "images.csv", index=False)
    index = 'index = "position"\n' if stacked else ""
    named = f'table = "images.csv"\nlayout = "table"\nfile = "file"\n{index}'
    text = re.sub(r'table = ".*"\nlayout = .*\nroot = .*\n', named, screen.study.read_text())
    screen.study.write_text(re.sub(r'batch = ".*"\n', "", text))


def stack_a_plate(screen) -> None:
    one_file_a_field(screen, stacked=True)


@pytest.mark.parametrize("change", [eight_bit, single_stain, one_file_a_field, stack_a_plate])
def test_other_forms_of_images_are_read(screen, command, change):
    change(screen)
    answer = run(command, screen, "represent")
    assert answer.code == 0, answer.err
    assert run(command, screen, "normalize").code == 0
    table = pd.read_parquet(screen.out / "profiles" / "cellprofiler.parquet")
    assert table["Metadata_CellCount"].sum() > 80
    assert table["Metadata_Treatment"].nunique() > 4


# Designs that leave questions open: the study runs all the same, and says which.


def test_a_screen_without_labels(wells, command):
    wells.write(wells.frame().drop(columns=["Metadata_Compound", "Metadata_Mechanism"]))
    columns = 'compound = "Metadata_Compound"\nmechanism = "Metadata_Mechanism"\n'
    wells.settings(columns, "")
    assert run(command, wells, "run").code == 0
    assert {"no-labels", "no-controls"} <= wells.audit()
    page = (wells.out / "report.html").read_text()
    assert "None of the 42 wells says what was done to it" in page
    assert (wells.out / "umap.parquet").is_file()


def keep_controls(wells, number: int, plates: tuple[str, ...] = ("P01", "P02", "P03")) -> None:
    """Leave so many control wells on these plates."""
    frame = wells.frame()
    control = (frame["Metadata_Compound"] == "DMSO") & frame["Metadata_Plate"].isin(plates)
    rank = control.groupby(frame["Metadata_Plate"]).cumsum()
    wells.write(frame[~control | (rank <= number)])


@pytest.mark.parametrize(
    ("number", "code"), [(0, "no-controls"), (1, "controls-reused"), (3, "few-controls")]
)
def test_few_controls_are_flagged_and_never_calibrate_their_own_judges(
    wells, command, number, code
):
    keep_controls(wells, number)
    assert run(command, wells, "normalize").code == 0
    assert run(command, wells).code == 0
    assert code in wells.audit()
    table = pd.read_parquet(wells.out / "profiles" / "deep.parquet")
    if number == 3:
        assert table["Metadata_Calibrated"].all()
    elif number == 1:
        assert not table["Metadata_Calibrated"].any()


@pytest.mark.parametrize("number", [0, 1])
def test_a_plate_that_cannot_be_calibrated_takes_no_part_among_those_that_can(
    wells, command, number
):
    keep_controls(wells, number, ("P01",))
    assert run(command, wells, "normalize").code == 0
    table = pd.read_parquet(wells.out / "profiles" / "deep.parquet")
    assert set(table["Metadata_Plate"]) == {"P02", "P03"}
    assert (
        len(reasons(wells))
        == 8 + number
        == wells.ledger()["counts"]["normalize"]["wells_not_in_deep"]
    )
    assert "cannot be calibrated" in reasons(wells)[0][2]


def test_without_a_scale_wells_are_compared_in_units_of_their_own_spread(wells, command):
    frame = wells.frame()
    names = [name for name in frame if name.startswith("f")]
    frame[names] = 5000 + frame[names] * np.array([1000.0] + [1.0] * (len(names) - 1))
    wells.write(frame[frame["Metadata_Compound"] != "DMSO"])
    assert run(command, wells, "evaluate").code == 0
    nearest = pd.read_parquet(wells.out / "similarity.parquet")
    assert nearest["cosine"].min() < 0.5


def test_one_treatment_beside_controls(wells, command):
    frame = wells.frame()
    wells.write(frame[frame["Metadata_Compound"].isin(["DMSO", "treatment-002"])])
    assert run(command, wells, "evaluate").code == 0


def test_a_treatment_with_one_well_and_a_single_plate(wells, command):
    frame = wells.frame()
    once = (frame["Metadata_Compound"] == "treatment-002") & (frame["Metadata_Plate"] != "P01")
    wells.write(frame[~once])
    assert run(command, wells).code == 0
    assert "class-is-one-well" in wells.audit()
    wells.write(frame[frame["Metadata_Plate"] == "P01"])
    answer = run(command, wells)
    assert answer.code == 0
    assert "single-plate" in wells.audit()


def test_one_field_without_labels_is_measured_and_shown(screen, command):
    tables = sorted(screen.folder.rglob("load_data.csv"))
    pd.read_csv(tables[0]).iloc[[ROW]].to_csv(tables[0], index=False)
    tables[1].unlink()
    text = re.sub(r'(?m)^(batch|compound|concentration|mechanism|target) = .*\n', "",
                  screen.study.read_text())  # fmt: skip
    screen.study.write_text(re.sub(r"\[\[data.tables\]\]\nfile = .*\non = .*\n", "", text))
    answer = run(command, screen, "interpret")
    assert answer.code == 0, answer.err
    assert "pixel-pca needs 3 images" in answer.err
    assert {"no-labels", "no-controls", "single-plate"} <= screen.audit()
    assert len(pd.read_parquet(screen.out / "profiles" / "cellprofiler.parquet")) == 1
    shown = pd.read_parquet(screen.out / "exemplars.parquet")
    assert shown["Metadata_Treatment"].tolist() == ["SIM001 B02"]


@pytest.mark.parametrize("n_wells", [1, 2])
def test_a_study_of_one_or_two_wells(wells, command, n_wells):
    wells.write(wells.frame().head(n_wells))
    assert run(command, wells, "evaluate").code == 0
    why = {item["question"] for item in read_json(wells.out / "unanswered.json")}
    assert {"silhouette", "clustering"} <= why


def test_a_run_on_damaged_input_says_so_in_the_report(screen, command):
    damaged(screen, "truncated")
    screen.settings("components = 8", 'components = 8\nrepresentations = ["cellprofiler"]')
    text = re.sub(r'mechanism = ".*"\n', "", screen.study.read_text())
    screen.study.write_text(text)
    answer = run(command, screen, "run")
    assert answer.code == 0, answer.err
    page = (screen.out / "report.html").read_text()
    assert screen.image(ROW).name in page
    assert "cannot be read" in page
    assert "none of its images can be used" in page
    assert not list(screen.out.glob("*.partial*"))
