"""What a newcomer hands in, to every question: refused in one line, or answered with a note."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.sparse

import phenolens as pl
from phenolens.simulate import simulate_profiles

QUESTIONS = {
    "activity": {"permutations": 20},
    "match": {"permutations": 20},
    "retrieve": {"across": "Metadata_Plate"},
    "dose": {},
    "classify": {"bootstrap": 5, "baselines": False},
    "cluster": {"clusters": 3},
    "batch": {},
    "assay": {},
    "compare": {"tasks": ["activity"]},
    "audit": {},
}
READING = [name for name in QUESTIONS if name != "audit"]
FEATURES = [f"f{number}" for number in range(10)]


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    """Two plates of 9 treatments (three compounds, three doses) in two wells, and 16 controls."""
    table, _ = simulate_profiles(
        plates=2, treatments=9, replicates=2, controls=16, features=10, active=1.0, effect=3.0,
        shifted=0.5, seed=1,
    )  # fmt: skip
    names = table.index.to_frame(index=False)
    number = names["Metadata_Treatment"].str.extract(r"(\d+)$")[0].astype(float)
    treated, number = number.notna(), number.fillna(1).astype(int) - 1
    described = {
        "Metadata_Compound": np.where(treated, "c" + (number // 3).astype(str), "DMSO"),
        "Metadata_Concentration": np.where(treated, 10.0 ** (number % 3), np.nan),
        "Metadata_Mechanism": np.where(treated, "m" + (number // 5).astype(str), None),
    }
    wells = names[["Metadata_Plate", "Metadata_Well"]].assign(**described)
    return pd.concat([wells, table.set_axis(FEATURES, axis=1).reset_index(drop=True)], axis=1)


def ask(question: str, data: object, **options: object) -> pl.Result:
    """Ask a question with quick settings; compare takes the data twice."""
    pair = {"one": data, "other": data} if question == "compare" else data
    return getattr(pl, question)(pair, **(QUESTIONS[question] | options))


def refused(question: str, data: object, **options: object) -> str:
    """What a question says that cannot be asked: one sentence or two, on one line."""
    with pytest.raises(pl.PhenolensError) as error:
        ask(question, data, **options)
    return one_line(str(error.value))


def one_line(text: str) -> str:
    assert "\n" not in text
    assert text[-1] in ".?", text
    assert ".." not in text.replace("...", ""), text
    assert ".;" not in text.replace("...;", ""), text
    return text


def answered(question: str, data: object, **options: object) -> pl.Result:
    """An answer of which every word can be read; numbers may be missing."""
    found = ask(question, data, **options)
    for note in found.findings:
        one_line(note.text)
    assert list(found.lines())
    assert repr(found).startswith(question)
    assert "<table" in found._repr_html_()
    assert found.to_dict()["question"] == question
    return found


def warned(found: pl.Result) -> str:
    return " ".join(note.text for note in found.findings if note.severity != "info")


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_screen_answers_every_question(frame, question):
    """The refusals below are those of the damage done to it."""
    assert len(answered(question, frame).table)


# Columns.

COLUMNS = [
    *((name, "same_by", "Metadata_Compund", "Metadata_Compound") for name in QUESTIONS),
    ("match", "label", "Metadata_Mechansm", "Metadata_Mechanism"),
    ("cluster", "label", "Mechansm", "Metadata_Mechanism"),
    ("activity", "within", "Metadata_Plat", "Metadata_Plate"),
    ("retrieve", "within", "Metadata_Plat", "Metadata_Plate"),
    ("activity", "diff_by", "Metadata_Plat", "Metadata_Plate"),
    ("match", "not_same", "Metadata_Compond", "Metadata_Compound"),
    ("retrieve", "across", "Metadata_Plte", "Metadata_Plate"),
    ("dose", "compound", "Metadata_Compond", "Metadata_Compound"),
    ("dose", "concentration", "Concentratoin", "Metadata_Concentration"),
    ("batch", "by", "Metadata_Plt", "Metadata_Plate"),
]


@pytest.mark.parametrize(("question", "setting", "wrong", "meant"), COLUMNS)
def test_a_column_that_is_not_there(frame, question, setting, wrong, meant):
    said = refused(question, frame, **{setting: wrong})
    spelled = f"{setting} (--{setting.replace('_', '-')})"
    assert said == f"{spelled}: 'profiles' has no column {wrong!r}; did you mean {meant!r}?"


@pytest.mark.parametrize(("question", "setting"), [("activity", "same_by"), ("batch", "by")])
@pytest.mark.parametrize("wrong", ["zzz", ""])
def test_columns_that_say_something_are_listed_where_none_is_near(frame, question, setting, wrong):
    said = refused(question, frame.assign(Metadata_Empty=None), **{setting: wrong})
    assert "it has Metadata_Plate, Metadata_Well, " in said
    assert "Metadata_Empty" not in said
    assert "Metadata_Control" not in said


@pytest.mark.parametrize(
    ("question", "setting"), [("activity", "same_by"), ("match", "label"), ("match", "not_same")]
)
def test_a_feature_is_no_column_that_describes_wells(frame, question, setting):
    assert "'f3' is a feature of 'profiles'" in refused(question, frame, **{setting: "f3"})


@pytest.mark.parametrize(
    ("question", "setting", "value", "said"),
    [
        ("activity", "same_by", 3, "a column or a list of columns; got 3"),
        ("batch", "same_by", [None], "one column is named by text; got None"),
        ("activity", "same_by", [["Metadata_Compound"]], "got ['Metadata_Compound']"),
        ("activity", "within", 1, "a column or a list of columns; got 1"),
        ("retrieve", "within", 1.5, "a column or a list of columns; got 1.5"),
        ("match", "label", ["Metadata_Mechanism"], "one column is named by text; got ['Metadata"),
        ("cluster", "label", 0, "one column is named by text; got 0"),
        ("retrieve", "across", ["Metadata_Plate"], "one column is named by text"),
        ("dose", "compound", ["Metadata_Compound"], "one column is named by text"),
        ("batch", "by", ["Metadata_Plate"], "one column is named by text"),
        ("match", "separator", 3, "separator (--separator) is text, such as ';'; got 3"),
        ("activity", "measurement", 5, "measurement (--measurement) is a query or 'average'"),
        ("activity", "features", 3, "a prefix or a list of names; got 3"),
        ("assay", "features", "", "features (--features) is empty"),
        ("batch", "layer", ["a"], "layer (--layer) is one name; got ['a']"),
        ("batch", "obsm", ["a"], "obsm (--obsm) is one name; got ['a']"),
    ],
)
def test_a_list_where_one_is_meant_and_what_is_no_name(frame, question, setting, value, said):
    assert said in refused(question, frame, **{setting: value})


@pytest.mark.parametrize("question", QUESTIONS)
def test_no_column_is_no_treatment(frame, question):
    assert "same_by (--same-by) names no column" in refused(question, frame, same_by=[])


def test_one_name_and_a_list_of_it_are_the_same(frame):
    one, listed = (answered("activity", frame, same_by=by) for by in ("Compound", ["Compound"]))
    pd.testing.assert_frame_equal(one.table, listed.table)


@pytest.mark.parametrize(
    ("question", "setting", "column", "said"),
    [
        ("batch", "by", None, "Metadata_X has one value or none"),
        ("batch", "by", "b", "Metadata_X has one value or none"),
        ("match", "label", None, "has a value of 'Metadata_X' to match by; name another"),
        ("dose", "concentration", None, "No well of 'profiles' has a concentration: name its"),
        ("dose", "concentration", "a lot", "holds no positive number.*got 'a lot'"),
        ("dose", "concentration", -1.0, r"holds no positive number.*got '-1\.0'"),
        ("dose", "concentration", 2.0, "No compound has 3 positive doses in column 'Metadata_X'"),
    ],
)
def test_a_column_that_says_too_little(frame, question, setting, column, said):
    told = frame.assign(Metadata_X=column)
    assert re.search(said, refused(question, told, **{setting: "Metadata_X"}))


def test_a_label_that_is_each_treatment_s_own(frame):
    found = answered("cluster", frame, label="Metadata_Treatment")
    assert list(found.table) == ["method", "Metadata_Treatment", "cluster", "space"]
    assert "No value of 'Metadata_Treatment' is shared" in refused(
        "match", frame, label="Metadata_Treatment"
    )


def test_clusters_without_a_label_to_judge_them_say_so(frame):
    found = answered("cluster", frame.drop(columns="Metadata_Mechanism"))
    assert "name another column with label (--label)" in warned(found)
    assert "No treatment of 'profiles' has a mechanism to match by; name another column with" in (
        refused("match", frame.drop(columns="Metadata_Mechanism"))
    )


# Controls.

CONTROLS = [
    ("Metadata_Compund == 'DMSO'", "no column 'Metadata_Compund'; did you mean 'Metadata_Compoun"),
    ("DMSO", "did you mean \"Metadata_Compound == 'DMSO'\"?"),
    ("Metadata_Compound = 'DMSO'", "does not say yes or no for each well; compare a column"),
    ("Metadata_Compound", "does not say yes or no"),
    ("Metadata_Compound ==", "cannot be evaluated"),
    ("__import__('os').getcwd()", "cannot be evaluated"),
    ("Metadata_Compound == 'water'", "none of 68 wells; Metadata_Compound holds 'c0', 'DMSO', '"),
    ("Compound == 0 and Well == 'Compound'", "Metadata_Well holds 'A01', 'A02', 'A03', 'A04', '"),
    ("", "is empty; leave it out"),
    ([True] * 3, "one true or false a row (68 rows); got bool of shape (3,)"),
    ([False] * 68, "is false for all 68 rows"),
    ([1] * 68, "got int64 of shape (68,); for numbers, say mask == 1"),
    (np.ones((68, 2), bool), "got bool of shape (68, 2)"),
    (["Metadata_Compound == 'DMSO'"], "got [\"Metadata_Compound == 'DMSO'\"]"),
    (5, "got int64 of shape ()"),
    ([True] * 68, "All 68 wells of 'profiles' are negative controls"),
]


@pytest.mark.parametrize("question", ["activity", "batch"])
@pytest.mark.parametrize(("controls", "said"), CONTROLS)
def test_controls_that_are_none(frame, question, controls, said):
    line = refused(question, frame, controls=controls)
    assert said in line
    assert "controls (--controls)" in line


@pytest.mark.parametrize("question", ["activity", "classify"])
def test_a_well_is_a_control_or_none(frame, question):
    cells = pd.concat([frame.assign(f0=frame["f0"] + step) for step in (-1.0, 0.0, 5.0)])
    mask = (cells["Metadata_Compound"] == "DMSO").to_numpy(copy=True)
    answered(question, cells, controls=mask)
    mask[np.flatnonzero(mask)[0]] = False
    said = refused(question, cells, controls=mask)
    assert "Some rows of 1 wells are controls and some are not, such as those of P01/A" in said


@pytest.mark.parametrize(("count", "lost"), [(2, None), (3, 4), (4, 0)])
def test_few_controls_a_plate(frame, count, lost):
    """Of three, two scale the third and the treated wells, and are left out themselves."""
    rank = frame.groupby(["Metadata_Plate", "Metadata_Compound"]).cumcount()
    part = frame[(frame["Metadata_Compound"] != "DMSO") | (rank < count)]
    if lost is None:
        assert "is left to evaluate with: a plate needs three or more" in refused("activity", part)
        return
    item = pl.read(part.assign(**{name: 1000 + 50 * part[name] for name in FEATURES}))
    assert len(item.normalized.wells) == len(part) - lost
    assert item.normalized.wells.abs().to_numpy().max() <= 50
    assert ("4 wells left out" in warned(answered("activity", item))) is bool(lost)


@pytest.mark.parametrize("kind", [list, np.array, pd.Series, lambda m: pd.array(m, "boolean"),
                                  lambda m: np.array(m, dtype=object)])  # fmt: skip
def test_masks_of_every_kind_mark_the_same_controls(frame, kind):
    mask = kind((frame["Metadata_Compound"] == "DMSO").tolist())
    roles = pl.read(frame, controls=mask).design.roles
    pd.testing.assert_frame_equal(roles, pl.read(frame).design.roles)


@pytest.mark.parametrize(
    ("positive", "said"),
    [
        ("Metadata_X == 'a'", "there is no column 'Metadata_X'; it has Metadata_Plate"),
        ("c1", "did you mean \"Metadata_Compound == 'c1'\"?"),
        ("Metadata_Compound == 'z'", "matches none of 68 wells; Metadata_Compound holds 'c0'"),
        ("", "is a query, such as"),
        ([True] * 68, "is a query, such as \"Metadata_Compound == 'nocodazole'\"; got a list."),
    ],
)
def test_positive_controls_that_are_none(frame, positive, said):
    line = refused("assay", frame, positive=positive)
    assert line.startswith("positive (--positive)")
    assert said in line


# Settings.

SETTINGS = [
    ("activity", "seed", -1), ("batch", "seed", -1), ("classify", "seed", "0"),
    ("cluster", "seed", 2**40), ("assay", "seed", 1.5), ("dose", "seed", True),
    ("retrieve", "seed", "x"), ("compare", "seed", -1), ("match", "permutations", 0),
    ("activity", "permutations", "100"), ("activity", "permutations", 10.0),
    ("activity", "alpha", 2), ("match", "alpha", 0), ("activity", "alpha", np.nan),
    ("activity", "alpha", "0.1"), ("cluster", "clusters", 1), ("cluster", "clusters", "4"),
    ("classify", "max_folds", 1), ("classify", "bootstrap", 0), ("classify", "leave_out", "plates"),
    ("classify", "leave_out", ["plate"]), ("classify", "baselines", "yes"),
    ("classify", "baselines", None), ("activity", "position_safe", "maybe"),
    ("activity", "position_safe", ["yes"]), ("activity", "null", "magic"),
    ("activity", "null", None), ("match", "among", "some"), ("match", "similarity", "x"),
    ("activity", "normalized", "no"), ("batch", "normalized", 1), ("compare", "tasks", "activty"),
    ("compare", "tasks", ["cluster"]),
]  # fmt: skip


@pytest.mark.parametrize(("question", "setting", "value"), SETTINGS)
def test_a_value_that_a_setting_cannot_have(frame, question, setting, value):
    with pytest.raises(pl.ConfigError) as error:
        ask(question, frame, **{setting: value})
    said = one_line(str(error.value))
    assert said.startswith(f"{setting} (--{setting.replace('_', '-')}) ")
    assert str(value[0] if isinstance(value, list) else value) in said


@pytest.mark.parametrize(
    ("question", "setting", "value", "said"),
    [
        ("classify", "leave_out", "plates", "has no 'plates'; did you mean 'plate'?"),
        ("activity", "position_safe", "maybe", "it takes auto, yes or no."),
        ("activity", "null", "copair", "did you mean 'copairs'?"),
        ("match", "similarity", "x", "it takes cosine, abs_cosine or correlation."),
        ("cluster", "clusters", 1, "must be a whole number, 2 or more; got 1."),
        ("activity", "seed", -1, "must be a whole number, 0 to 4294967295; got -1."),
        ("activity", "alpha", 2, "must be a number between 0 and 1; got 2."),
        ("classify", "baselines", "no", "must be True or False; got 'no'."),
        (
            "compare",
            "tasks",
            [],
            "is empty; name activity, matching or",
        ),
        ("activity", "null", pd.Series(range(99)), "has no a pandas.core.series.Series; it takes"),
    ],
)
def test_what_a_setting_takes_is_told(frame, question, setting, value, said):
    assert said in refused(question, frame, **{setting: value})


@pytest.mark.parametrize("seed", [np.int64(3), np.uint8(3)])
def test_numbers_of_numpy_are_numbers(frame, seed):
    one = ask("activity", frame, seed=3, permutations=np.int32(20), alpha=np.float64(0.1))
    other = ask("activity", frame, seed=seed, permutations=20, alpha=0.1)
    pd.testing.assert_frame_equal(one.table, other.table)
    assert one.settings == other.settings
    assert type(other.settings["seed"]) is int


def test_the_seed_deals_the_controls_their_roles_too(frame):
    """As it does in a study; what was read already keeps its roles."""
    direct = ask("activity", frame, seed=5)
    pd.testing.assert_frame_equal(direct.table, ask("activity", pl.read(frame, seed=5)).table)
    assert not direct.table["map"].equals(ask("activity", frame, seed=0).table["map"])


def test_more_clusters_than_treatments(frame):
    found = answered("cluster", frame, clusters=999)
    assert "k-means makes 8 clusters, not 999: there are 9 treatments" in warned(found)
    assert "kmeans-8" in found.summary


# What the design does not allow.

BLANKS = {"none": None, "nan": np.nan, "empty": "", "text": "nan"}


@pytest.mark.parametrize(
    ("question", "blank"),
    [
        *((name, "none") for name in READING),
        *((name, blank) for name in ("classify", "cluster", "batch", "assay") for blank in BLANKS),
    ],
)
def test_no_well_has_a_compound(frame, question, blank):
    said = refused(question, frame.assign(Metadata_Compound=BLANKS[blank]))
    if question == "dose":
        assert "No usable well of 'profiles' is a negative control" in said
        assert "controls (--controls)" in said
    else:
        name = "one" if question == "compare" else "profiles"  # as it was handed in
        assert f"No well of '{name}' has a treatment" in said
        assert "same_by (--same-by); there are Metadata_Concentration, Metadata_Mechanism." in said


@pytest.mark.parametrize("blank", BLANKS)
def test_some_wells_have_no_compound(frame, blank):
    some = frame["Metadata_Compound"].astype(object).mask(frame.index % 5 == 0, BLANKS[blank])
    item = pl.read(frame.assign(Metadata_Compound=some))
    assert item.table.index.get_level_values("Metadata_Treatment").isna().sum() == 14
    assert "14 wells without a treatment" in " ".join(map(str, item.findings))
    expected = pl.read(frame.assign(Metadata_Compound=some.where(frame.index % 5 != 0, None)))
    pd.testing.assert_frame_equal(item.table, expected.table)


@pytest.mark.parametrize("question", QUESTIONS)
def test_wells_without_a_compound_are_left_out(frame, question):
    some = frame["Metadata_Compound"].astype(object).mask(frame.index % 5 == 0, None)
    found = answered(question, frame.assign(Metadata_Compound=some))
    if question not in ("compare", "audit"):
        assert "14 wells without a treatment take part in no question" in warned(found)


def few(frame: pd.DataFrame, what: str) -> pd.DataFrame:
    """The screen, with only this in it."""
    control = frame["Metadata_Compound"] == "DMSO"
    return {
        "one well": frame[~control].head(1),
        "one control": frame[control].head(1),
        "one plate": frame[frame["Metadata_Plate"] == frame["Metadata_Plate"].iloc[0]],
        "one treatment": frame[control | (frame["Metadata_Compound"] == "c1")].assign(
            Metadata_Concentration=None
        ),
        "no controls": frame[~control],
        "controls only": frame[control],
        "every well its own": frame.assign(
            Metadata_Compound=np.where(control, "DMSO", "x" + frame.index.astype(str))
        ),
        "one treatment, no controls": frame[frame["Metadata_Compound"] == "c1"].assign(
            Metadata_Concentration=None
        ),
        "one control a plate": frame[~control | ~frame.assign(c=control).duplicated(
            ["c", "Metadata_Plate"])],
    }[what]  # fmt: skip


NO_TREATMENT, NO_CONTROL = "are negative controls: none is treated", "is a negative control"
FEW = {
    "one well": dict.fromkeys(("activity", "retrieve", "dose", "assay", "compare"), NO_CONTROL)
    | {"match": "need two", "classify": "No class of", "cluster": "Clustering needs at least four",
       "batch": "not of several batches", "audit": None},
    "one control": dict.fromkeys(QUESTIONS, NO_TREATMENT)
    | {"dose": "has a concentration", "audit": None},
    "one plate": {"activity": None, "match": None, "retrieve": "two values of Metadata_Plate",
                  "dose": None, "classify": None, "cluster": None,
                  "batch": "name the column of batches with by (--by)", "assay": None},
    "one treatment": {"activity": None, "match": "has a mechanism to match by", "retrieve": None,
                      "dose": "has a concentration", "classify": None,
                      "cluster": "Silhouette needs two values", "batch": None, "assay": None},
    "no controls": {"activity": NO_CONTROL, "match": None, "retrieve": NO_CONTROL,
                    "dose": NO_CONTROL, "classify": None, "cluster": None, "batch": None,
                    "assay": NO_CONTROL, "compare": NO_CONTROL, "audit": None},
    "controls only": dict.fromkeys(QUESTIONS, NO_TREATMENT)
    | {"dose": "has a concentration", "audit": None},
    "every well its own": {
        "activity": "36 wells without a replicate", "match": None,
        "retrieve": "36 wells without a replicate", "dose": "No compound has 3 positive doses",
        "classify": "Nearest possible design", "cluster": None, "batch": None, "assay": None,
        "compare": "no treatment of two representations was tested"},
    "one treatment, no controls": {"classify": "nothing to tell apart", "cluster": "at least four"},
    "one control a plate": {"activity": "is left to evaluate with: a plate needs three or more",
                            "retrieve": "is left to evaluate with: a plate needs three or more",
                            "classify": None, "batch": None, "assay": None},
}  # fmt: skip


@pytest.mark.parametrize(
    ("what", "question", "said"),
    [(what, question, said) for what, told in FEW.items() for question, said in told.items()],
)
def test_screens_that_hold_too_little(frame, what, question, said):
    part = few(frame, what)
    if said is None:
        answered(question, part)
    else:
        assert said in refused(question, part)


def test_reasons_are_told_once(frame):
    said = refused("compare", few(frame, "one well"), tasks=["activity", "classification"])
    assert said.count("classification of one, other: ") == 1
    for block in ("one", "other"):  # each is named: a person mends its table
        assert said.count(f"No usable well of '{block}' is a negative control") == 1


def test_plates_say_whether_they_passed_and_why_not(frame):
    lines = list(ask("assay", frame).lines())
    assert any(line.startswith("· Plates passed: P01, P02.") for line in lines)
    assert len(ask("assay", frame).table) == 2
    noise = np.random.default_rng(0).normal(size=(len(frame), len(FEATURES)))
    lines = list(ask("assay", frame.assign(**dict(zip(FEATURES, noise.T, strict=True)))).lines())
    assert any(re.match("! Plate P01 did not pass: .*replicate", line) for line in lines)


def test_many_plates_are_counted():
    from phenolens.tools.assay import _passed

    plates = pd.DataFrame({"Metadata_Plate": [f"P{n:02d}" for n in range(45)]})
    plates = plates.assign(reasons="few-control-wells", n_controls=2)
    notes = list(_passed(plates.assign(passed=plates.index % 3 == 0)))
    told = [str(note) for note in notes]
    assert len(told) == 22
    assert told[0] == "Plate P01 did not pass: 2 control wells, fewer than 6."
    assert told[20] == "10 more plates did not pass; the table says why."
    assert told[21].startswith("Plates passed: P00, P03")
    many = list(_passed(plates.assign(passed=True)))
    assert str(many[0]).endswith("P19 and 25 more.")


def test_the_summary_of_clusters_is_by_method(frame):
    found = ask("cluster", frame)
    assert {"kmeans-3", "kmeans-chosen", "leiden", "silhouette"} <= set(found.summary)
    own = found.scores[found.scores["task"] == "clustering: leiden"].set_index("metric")["value"]
    assert found.summary["leiden"]["ari"] == own["ari"]
    assert "none:" not in list(found.lines())


# Two rows for a well.


def test_rows_that_repeat_others_count_once(frame):
    item = pl.read(pd.concat([frame, frame.head(5)]))
    pd.testing.assert_frame_equal(item.table, pl.read(frame).table)
    assert "5 rows repeat another exactly and count once." in map(str, item.findings)


@pytest.mark.parametrize("question", QUESTIONS)
def test_two_versions_of_a_well_are_not_cells(frame, question):
    again = frame.head(3).assign(f0=9.0)
    said = refused(question, pd.concat([frame, again]))
    assert "3 of 68 wells have several rows that differ, such as P01/A0" in said
    assert "ObjectNumber" in said


@pytest.mark.parametrize(
    "change", [{"f1": 9.0}, {"Metadata_Compound": "another"}, {"Metadata_Well": "a1", "f1": 3.0}]
)
def test_wells_that_differ_in_anything_or_are_spelled_otherwise(frame, change):
    first = frame[frame["Metadata_Well"] == "A01"].head(1)
    said = refused("activity", pd.concat([frame, first.assign(**change)]))
    assert "1 of 68 wells have several rows that differ, such as P01/A01 with 2" in said


def test_two_plates_of_one_barcode_are_not_cells(frame):
    said = refused("batch", frame.assign(Metadata_Plate="P1"))
    assert "tell plates of one barcode apart" in said


def test_many_rows_a_well_are_cells(frame):
    cells = pd.concat([frame.assign(f0=frame["f0"] + step) for step in (-1.0, 0.0, 5.0)])
    item = pl.read(cells)
    assert "Rows are cells: wells are their medians." in map(str, item.findings)
    np.testing.assert_array_equal(item.table["f0"], pl.read(frame).table["f0"])


@pytest.mark.parametrize(("number", "like", "shown"), [("x", str, "'x0'"), ("1.5", float, "1.5")])
def test_cells_are_numbered_by_whole_numbers(frame, number, like, shown):
    cells = pd.concat([frame.assign(ObjectNumber=f"{number}{k}") for k in range(3)])
    said = refused("activity", cells.assign(ObjectNumber=cells["ObjectNumber"].map(like)))
    assert f"profiles: 'Metadata_ObjectNumber' numbers cells; {shown} is no whole number." in said


# Features and their values.


def damaged(frame: pd.DataFrame, what: str) -> pd.DataFrame:
    values = frame[FEATURES].astype(np.float64)
    if what == "one nan":
        values.loc[3, "f0"] = np.nan
    elif what == "one infinite":
        values.loc[3, "f1"] = np.inf
    elif what == "a well without values":
        values.loc[20] = np.nan
    elif what == "a feature without values":
        values["f2"] = np.nan
    elif what == "one constant":
        values["f3"] = 7.0
    elif what == "one huge":
        values.loc[3, "f4"] = 1e30
    elif what == "huge":
        values *= 1e30
    elif what == "whole numbers":
        values = (values * 10).round().astype(int)
    elif what == "nullable":
        values = values.astype("Float32")
    elif what == "one feature":
        values = values[["f0"]]
    elif what == "no values":
        values[:] = np.nan
    elif what == "all constant":
        values[:] = 1.0
    elif what == "all infinite":
        values[:] = -np.inf
    elif what == "text":
        values = values.astype(str)
    elif what == "truths":
        values = values > 0
    elif what == "no features":
        values = values[[]]
    elif what == "complex":
        values = values.astype(complex)
    return pd.concat([frame.drop(columns=FEATURES), values], axis=1)


USABLE = [
    "one nan", "one infinite", "a well without values", "a feature without values", "one constant",
    "one huge", "huge", "whole numbers", "nullable", "one feature",
]  # fmt: skip


@pytest.mark.parametrize("question", ["activity", "classify", "cluster"])
@pytest.mark.parametrize("what", USABLE)
def test_values_that_can_be_used(frame, question, what):
    found = answered(question, damaged(frame, what))
    if what == "a well without values":
        assert "left out, such as P01/" in warned(found)


@pytest.mark.parametrize("question", sorted(set(QUESTIONS) - {"activity", "classify", "cluster"}))
@pytest.mark.parametrize("what", ["huge", "one feature"])
def test_values_that_other_questions_can_use(frame, question, what):
    answered(question, damaged(frame, what))


@pytest.mark.parametrize("question", ["activity", "classify", "batch", "assay", "compare"])
@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("no values", "none of its 10 columns holds a number in 68 wells"),
        ("all infinite", "none of its 10 columns holds a number in 68 wells"),
        ("all constant", "Feature selection left none of the 10 features"),
        ("no features", "no columns of features; it has Metadata_Plate"),
        ("truths", "name the features with features (--features)"),
    ],
)
def test_values_that_cannot_be_used(frame, question, what, said):
    assert said in refused(question, damaged(frame, what))


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("text", "f0 holds numbers as text: convert it with .astype(float)"),
        ("complex", "10 feature column(s) are not numeric, such as f0"),
    ],
)
def test_values_that_are_no_real_numbers(frame, what, said):
    assert said in refused("activity", damaged(frame, what))


def test_features_may_be_truths_if_they_are_named(frame):
    answered("batch", damaged(frame, "truths"), features=FEATURES)


@pytest.mark.parametrize(
    ("features", "said"),
    [
        ("zz", "no columns with the prefix 'zz'"),
        (["f0", "ff1"], "no column 'ff1'; did you mean 'f1'?"),
        ([], "no columns among the features named"),
        (["Metadata_Compound"], "not numeric, such as Metadata_Compound with 'c0'"),
    ],
)
def test_features_that_are_not_there(frame, features, said):
    assert said in refused("activity", frame, features=features)


# Tables in other shapes.


def test_columns_named_by_numbers_are_features(frame):
    numbered = frame.rename(columns={name: number for number, name in enumerate(FEATURES)})
    one, other = (ask("activity", table).table for table in (frame, numbered))
    np.testing.assert_allclose(one["map"], other["map"])


@pytest.mark.parametrize("question", ["activity", "batch"])
def test_a_row_index_without_a_name(frame, question):
    bare = frame.set_index(["Metadata_Plate", "Metadata_Well"])
    bare.index = bare.index.map("_".join)
    said = refused(question, bare)
    assert "no column for the plate: call it Metadata_Plate" in said
    assert "the row index (such as 'P01_A" in said
    assert "has no name and is not read" in said


def test_a_name_for_rows_that_is_not_read_is_told(frame):
    named = frame.set_axis(frame["Metadata_Compound"].to_numpy(), axis=0)
    assert "the row index (such as 'c0') has no name" in str(pl.read(named).findings[0])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda f: f.drop(columns="Metadata_Plate"), "no column for the plate"),
        (lambda f: f.drop(columns="Metadata_Well"), "no column for the well"),
        (lambda f: f.set_axis(range(f.shape[1]), axis=1), "no column for the plate"),
        (lambda f: f.assign(Metadata_Well="Z99"), "'Metadata_Well' holds no well names (got Z99)"),
        (
            lambda f: f.assign(Metadata_Well=range(len(f))),
            "numbers its wells (0, 1, 2), and whether",
        ),
        (lambda f: f.assign(Metadata_Plate=np.nan), "got no plate"),
        (
            lambda f: f.head(0),
            "0 rows and 15 columns; hand in a table with one row a",
        ),
        (lambda f: pd.DataFrame(), "0 rows and 0 columns"),
        (lambda f: pd.concat([f, f[["f0"]]], axis=1), "more than once: f0. Keep one of each"),
        (lambda f: pd.concat([f, f[["Metadata_Compound"]]], axis=1), "once: Metadata_Compound"),
        (lambda f: f.assign(Metadata_L=[[1]] * len(f)), "hold lists, dictionaries or arrays"),
        (lambda f: f.assign(f0=[{}] * len(f)), "hold lists, dictionaries or arrays"),
        (
            lambda f: f.set_axis(pd.MultiIndex.from_product([["a"], f.columns]), axis=1),
            "columns have 2 levels; make them one, such as frame.columns = frame.columns.map(",
        ),
    ],
)
@pytest.mark.parametrize("question", ["activity", "cluster", "audit"])
def test_tables_of_another_shape(frame, question, change, said):
    assert said in refused(question, change(frame))


def test_wells_of_no_plate_are_set_aside_and_counted(frame):
    some = frame["Metadata_Plate"].where(frame.index % 7 != 0, None)
    found = answered("activity", frame.assign(Metadata_Plate=some))
    assert "10 set aside: no plate or no well name (profiles)." in warned(found)


class Polars:
    """Stands in for a table of another library that knows the way to pandas."""

    __module__ = "polars"

    def to_pandas(self) -> None:
        raise NotImplementedError


def hand_in(frame: pd.DataFrame, what: str) -> object:
    return {
        "dict": dict(frame), "None": None, "number": 3, "set": {1}, "bytes": b"x.csv",
        "empty text": "", "empty list": [], "list with None": [None], "function": pl.read,
        "array": frame[FEATURES].to_numpy(), "Series": frame["f0"], "frames": [frame, frame],
        "generator": (row for row in frame), "Polars": Polars(), "Result": ask("batch", frame),
        "missing": "nowhere/x.csv", "pattern": Path("nowhere/*.csv"), "list": ["nowhere/x.csv"],
    }[what]  # fmt: skip


HANDED_IN = {
    "dict": "got dict: make a DataFrame", "None": "got NoneType", "number": "got int",
    "set": "got set", "bytes": "got bytes", "empty text": "got an empty path",
    "empty list": "got an empty list", "list with None": "got a list with NoneType",
    "function": "got function", "array": "got numpy.ndarray: make a DataFrame",
    "Series": "got pandas.core.series.Series: make a DataFrame",
    "frames": "got a list with pandas.core.frame.DataFrame: hand in one table; pandas.concat",
    "generator": "got generator", "Polars": "got polars.Polars: hand in its .to_pandas()",
    "Result": "got phenolens.tools.result.Result", "missing": "There is no file",
    "pattern": "No file matches", "list": "There is no file",
}  # fmt: skip


@pytest.mark.parametrize("question", ["activity", "classify", "audit"])
@pytest.mark.parametrize("what", HANDED_IN)
def test_data_that_is_no_table(frame, question, what):
    if (question, what) == ("audit", "None"):
        said = "Hand in either a study or profiles, or a folder with tables (--tables)."
        assert refused("audit", None) == said
    else:
        assert HANDED_IN[what] in refused(question, hand_in(frame, what))


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("corrupt.parquet", b"PAR1 nothing more", "cannot be read as a table"),
        ("empty.csv", b"", "cannot be read as a table"),
        ("empty.parquet", b"", "cannot be read as a table"),
        ("header.csv", b"Metadata_Plate,Metadata_Well,f0\n", "has a header but no rows"),
        ("shift.csv", "a,b\nテー,1\n".encode("shift_jis"), "is neither UTF-8, UTF-16 nor Windows"),
        ("binary.csv", b"a,b\n\0,1\n", "byte 4 is 0, so it is no text"),
        ("ragged.csv", b"a,b\n1,2\n3,4,5\n", "line 3 has 3 values where there are 2 columns"),
        ("empty.h5ad", b"", "cannot be read as AnnData"),
        ("table.xlsx", b"PK", "is no Excel workbook, or is cut short; save it again"),
        ("table.xls", b"PK", "is an Excel file of before 2007: save it as .xlsx or as CSV"),
        ("table.docx", b"PK", "is no table we read; expected .csv"),
        ("folder.csv", None, "is a folder; name the tables in it, such as"),
        ("folder", None, "is a folder; name the tables in it, such as"),
    ],
)
@pytest.mark.parametrize("question", ["activity", "batch"])
def test_files_that_are_no_table(tmp_path, question, name, content, said):
    path = tmp_path / name
    path.mkdir() if content is None else path.write_bytes(content)
    line = refused(question, path)
    assert str(path) in line
    assert said in line


# AnnData.


def adata(frame: pd.DataFrame, x: object = None, **parts: object):
    import anndata

    obs = frame.drop(columns=FEATURES).set_axis(frame.index.astype(str), axis=0)
    var = None if x is None else pd.DataFrame(index=FEATURES)
    return anndata.AnnData(x, obs=obs, var=var, **parts)


@pytest.mark.parametrize("question", ["activity", "match", "batch"])
@pytest.mark.parametrize("kind", ["dense", "sparse", "obsm", "sparse obsm", "view"])
def test_anndata_gives_the_answer_of_the_frame(frame, question, kind):
    values = frame[FEATURES].to_numpy(np.float32)
    where = {"obsm": "X_dino"} if "obsm" in kind else {}
    held = scipy.sparse.csr_matrix(values) if "sparse" in kind else values
    data = adata(frame, obsm={"X_dino": held}) if where else adata(frame, held)
    if kind == "view":
        twice = pd.concat([frame, frame], ignore_index=True)
        data = adata(twice, np.vstack([values, values]))[: len(frame)]
    one, other = (ask(question, frame), answered(question, data, **where))
    assert one.table.shape == other.table.shape
    number = {"activity": "map", "match": "map", "batch": "value"}[question]
    np.testing.assert_allclose(one.table[number], other.table[number], rtol=1e-4)


@pytest.mark.parametrize(
    ("parts", "where", "said"),
    [
        ({}, {}, "has no X; it has no features"),
        ({"obsm": ["X_dino"]}, {}, "has no X; obsm has X_dino: name one with obsm (--obsm)"),
        ({"x": True}, {"obsm": "X_dino"}, "has no obsm 'X_dino'; it has none"),
        ({"x": True, "obsm": ["X_dino"]}, {"obsm": "dino"}, "did you mean 'X_dino'?"),
        ({"x": True}, {"layer": "raw"}, "has no layer 'raw'; it has none"),
        ({"x": True, "obsm": ["X_a"]}, {"layer": "raw", "obsm": "X_a"}, "(--obsm), not both"),
        ({"x": True}, {"layer": 3}, "layer (--layer) is one name; got 3"),
    ],
)
def test_matrices_that_an_anndata_lacks(frame, parts, where, said):
    values = frame[FEATURES].to_numpy(np.float32)
    held = {"obsm": dict.fromkeys(parts.get("obsm", []), values)}
    data = adata(frame, values if parts.get("x") else None, **held)
    assert said in refused("activity", data, **where)


def test_an_anndata_that_says_nothing_of_its_rows(frame):
    import anndata

    values = frame[FEATURES].to_numpy(np.float32)
    assert "no column for the plate" in refused("batch", anndata.AnnData(values))
    assert "0 rows" in refused("batch", adata(frame, values)[:0])


# Profiles that were read, and comparisons.


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("how", ["same_by", "controls"])
def test_profiles_are_read_once(frame, question, how):
    said = refused(question, pl.read(frame), **{how: "Metadata_Compound"})
    assert said.startswith(f"'profiles' was read already: {how} (--")
    assert "hand it to phenolens.read" in said


def test_tables_beside_read_profiles_are_read_as_asked(frame):
    by = "Metadata_Compound"
    pair = {"read": pl.read(frame, same_by=by), "table": frame}
    found = pl.compare(pair, tasks="activity", same_by=by)
    assert found.table["n"].item() == 3
    assert found.summary["representations"] == ["read", "table"]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (lambda f: [f], "two representations or more; got 1"),
        (lambda f: {"a": f}, "two representations or more; got 1"),
        (lambda f: {}, "two representations or more; got 0"),
        (lambda f: [f, f], "Two representations are called 'profiles': rename one file, or hand"),
        (lambda f: f, "a list or a dictionary of representations"),
        (lambda f: "x.csv", "got 'x.csv'"),
        (lambda f: None, "got None"),
        (lambda f: {"a": f, "b": 3}, "got int"),
        (lambda f: [[f], [f]], "hand in one table; pandas.concat"),
        (lambda f: {"a": 1}, "got int"),
    ],
)
def test_what_cannot_be_compared(frame, data, said):
    with pytest.raises(pl.InputError) as error:
        pl.compare(data(frame))
    assert said in one_line(str(error.value))


@pytest.mark.parametrize("task", ["activity", "classification"])
def test_representations_of_different_screens(frame, task):
    other = frame.assign(
        Metadata_Plate="Z" + frame["Metadata_Plate"],
        Metadata_Compound=frame["Metadata_Compound"].replace({"c0": "d0", "c1": "d1", "c2": "d2"}),
    )
    with pytest.raises(pl.InputError, match="'a' and 'b' share no unit"):
        pl.compare({"a": frame, "b": other}, tasks=[task])


def test_names_with_a_plus_are_names_unless_the_blocks_are_there(frame):
    other = frame.assign(f0=frame["f0"] + 1)
    found = pl.compare({"a+b": frame, "c": other}, tasks=["activity"]).table
    assert found[["a", "b"]].values.tolist() == [["a+b", "c"]]
    found = pl.compare({"a+b": frame, "a": other, "b": other}, tasks=["activity"]).table
    assert sorted(map(tuple, found[["a", "b"]].values)) == [("a", "b"), ("a+b", "a")]


def test_several_embeddings_are_those_of_one_anndata(frame):
    values = frame[FEATURES].to_numpy(np.float32)
    data = adata(frame, obsm={"X_a": values, "X_b": values[:, :5].copy()})
    found = pl.compare(data, obsm=["X_a", "X_b"], tasks=["activity"])
    assert found.summary["representations"] == ["a", "b"]
    with pytest.raises(pl.InputError, match=r"obsm \(--obsm\) is one name or several; got \[3"):
        pl.compare(data, obsm=[3, "X_a"])
    with pytest.raises(pl.InputError, match="are for one AnnData alone"):
        pl.compare([frame, frame], obsm=["X_a", "X_b"])
    with pytest.raises(pl.InputError, match="two representations or more; got 1"):
        pl.compare(data, obsm=["X_a"])


# A layout that is the same on all plates.


def fixed(frame: pd.DataFrame) -> pd.DataFrame:
    """The first plate's layout on both; each treatment has two wells a plate."""
    first, second = (part.copy() for _, part in frame.groupby("Metadata_Plate"))
    described = ["Metadata_Well", "Metadata_Compound", "Metadata_Concentration"]
    second[described] = first[described].to_numpy()
    return pd.concat([first, second], ignore_index=True)


def test_two_wells_a_plate_at_the_same_positions_keep_their_position(frame):
    told = warned(answered("activity", fixed(frame)))
    assert "position could explain this: 9 of 9 replicated treatments keep their position" in told
    assert "position" not in warned(answered("activity", frame))


def test_positions_that_are_too_few_are_counted():
    """A layout that is the same on all plates, where only position differs."""
    table, _ = simulate_profiles(
        plates=3, treatments=8, replicates=2, controls=12, features=10, active=0.0, layout="fixed",
        position_effect=1.0, seed=0,
    )  # fmt: skip
    told = warned(answered("activity", table))
    assert "8 of 8 replicated treatments keep their position on all plates, and" in told
    assert "with 12 control positions (19 needed)." in told
    assert "12 control positions are too few" in refused("activity", table, position_safe="yes")
    assert "(--position-safe) is 'no'" in warned(answered("activity", table, position_safe="no"))


def test_a_part_of_the_summary_that_repeats_the_whole_is_told_once():
    whole = {"tested": 3, "mean": 0.5}
    found = pl.Result("activity", pd.DataFrame(), whole | {"part": whole, "plain": {"mean": 0.4}})
    assert list(found.lines()) == ["tested: 3", "mean: 0.5", "plain:", "  mean: 0.4"]
