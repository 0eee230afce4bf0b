"""One plate measured twice is one plate, at every door, or nothing is counted until a person says.

Copies planted in a screen are asked about; decided as one plate they are averaged, and told;
decided as distinct they count, and that is told. Time points and planes are no replicates.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import phenolens as pl
from phenolens import profiles
from phenolens.errors import UndecidedError
from phenolens.files import read_json
from phenolens.profiles import PLATE, WELL
from phenolens.simulate import simulate_profiles

QUESTIONS = {
    "activity": {"permutations": 20}, "match": {"permutations": 20},
    "retrieve": {"across": "Metadata_Plate"}, "dose": {}, "compare": {"tasks": ["activity"]},
    "classify": {"bootstrap": 5, "baselines": False}, "cluster": {"clusters": 3}, "batch": {},
    "assay": {}, "audit": {},
}  # fmt: skip
QUICK = """
[evaluate]
permutations = 50
bootstrap = 5
"""


def simulated() -> pd.DataFrame:
    """Two replicate plates of 12 treatments and 20 controls, as plain columns."""
    table, _ = simulate_profiles(plates=2, treatments=12, controls=20, features=60, seed=11)
    names = table.index.to_frame(index=False)
    kept = names[[PLATE, WELL]].assign(
        Metadata_Compound=names["Metadata_Treatment"],
        Metadata_Mechanism=names["Metadata_Mechanism"],
    )
    features = table.set_axis([f"f{number}" for number in range(60)], axis=1)
    return pd.concat([kept, features.reset_index(drop=True)], axis=1)


def features_of(frame: pd.DataFrame) -> list[str]:
    return [name for name in frame if not name.startswith("Metadata_")]


def again(frame: pd.DataFrame, plate: str, name: str) -> pd.DataFrame:
    """A plate's rows as imaged once more: other gain and offset, new noise, another name."""
    rng = np.random.default_rng(3)
    part = frame[frame[PLATE] == plate].reset_index(drop=True)
    values = part[features_of(frame)].to_numpy()
    seen = np.exp(rng.normal(0, 0.1, 60)) * (values + 0.3 * rng.standard_normal(values.shape))
    return part.assign(**{PLATE: name, **dict(zip(features_of(frame), seen.T, strict=True))})


@pytest.fixture(scope="module")
def once() -> pd.DataFrame:
    return simulated()


@pytest.fixture(scope="module")
def twice(once) -> pd.DataFrame:
    """The screen with its first plate imaged again under a name that says nothing."""
    return pd.concat([once, again(once, "P01", "X7")], ignore_index=True)


def ask(question: str, data: object, **options: object) -> pl.Result:
    pair = {"one": data, "other": data} if question == "compare" else data
    return getattr(pl, question)(pair, **(QUESTIONS[question] | options))


def test_replicate_plates_are_asked_about_by_nobody(once):
    codes = [note.code for note in pl.read(once).findings]
    assert "alike-plates" not in codes
    assert not [code for code in codes if "measurement" in code]


@pytest.mark.parametrize("question", QUESTIONS)
def test_no_question_counts_a_plate_imaged_twice(question, twice):
    with pytest.raises(UndecidedError) as error:
        ask(question, twice)
    text = str(error.value)
    assert isinstance(error.value, pl.InputError)
    assert "'P01' and 'X7'" in text
    assert "same_plate (--same-plate) 'P01=X7'" in text
    assert "\n" not in text


@pytest.mark.parametrize("said", ["P01=X7", ["P01=X7"], [["P01", "X7"]]])
def test_said_to_be_one_its_wells_are_averaged_and_that_is_told(once, twice, said):
    item = pl.read(twice, same_plate=said)
    assert sorted(set(profiles.column(item.table, PLATE))) == ["P01", "P02"]
    assert len(item.table) == len(once)
    assert any("P01, X7 are one plate, as said: 32 wells averaged" in str(n) for n in item.findings)
    names = features_of(once)
    means = twice[twice[PLATE] != "P02"].groupby(WELL)[names].mean()
    held = item.table[profiles.column(item.table, PLATE) == "P01"]
    held = held.set_axis(profiles.column(held, WELL)).loc[means.index, names]
    assert np.allclose(held, means, atol=1e-5)


@pytest.mark.parametrize("question", ["activity", "match", "classify"])
def test_decided_the_number_of_wells_is_that_of_one_plate(question, once, twice):
    counted = [
        ask(question, once).scores["n"].tolist(),
        ask(question, twice, same_plate="P01=X7").scores["n"].tolist(),
    ]
    assert counted[0] == counted[1]


def test_said_to_be_distinct_they_count_and_that_is_told(twice):
    item = pl.read(twice, distinct_plates=["P01", "X7"])
    assert sorted(set(profiles.column(item.table, PLATE))) == ["P01", "P02", "X7"]
    (note,) = [note for note in item.findings if note.code == "alike-plates"]
    assert note.severity == "warning"
    assert "P01 and X7" in note.text
    assert "count as different plates, as said" in note.text


def test_the_command_takes_the_same_decision(twice, tmp_path, command):
    path = tmp_path / "twice.csv"
    twice.to_csv(path, index=False)
    asked = ("activity", path, "--permutations", 20, "-o", tmp_path / "a.csv")
    assert "--same-plate" in command(*asked).refused()
    assert command(*asked, "--same-plate", "P01=X7").code == 0
    said = command(*asked, "--distinct-plates", "P01", "--distinct-plates", "X7")
    assert said.code == 0
    assert "count as different plates" in said.out + said.err


@pytest.mark.parametrize("said", ["P01", "P01=", [["P01"]], 3])
def test_what_names_no_two_plates_is_refused(twice, said):
    with pytest.raises(pl.InputError, match="plates that are one"):
        pl.read(twice, same_plate=said)


def test_a_plate_that_is_not_there_is_refused(twice):
    with pytest.raises(pl.InputError, match="no plate 'P1'"):
        pl.read(twice, same_plate="P1=X7")
    with pytest.raises(pl.InputError, match="no plate 'X8'"):
        pl.read(twice, distinct_plates=["P01", "X8"])


def test_plates_that_hold_different_things_are_not_made_one(once):
    with pytest.raises(pl.InputError, match="differ in Metadata_Compound"):
        pl.read(once, same_plate="P01=P02")


def test_wells_with_the_values_of_others_are_asked_about(once):
    names = features_of(once)
    frame = once.copy()
    frame.loc[[3, 4], names] = frame.loc[[40, 41], names].to_numpy()
    with pytest.raises(UndecidedError, match="2 wells have the values of another well"):
        pl.activity(frame)
    assert len(pl.read(frame.drop(index=[3, 4])).table) == len(once) - 2
    assert len(pl.read(frame, distinct_plates=["P01", "P02"]).table) == len(once)


# Several measurements in the rows of one plate


def at_times(frame: pd.DataFrame, times: tuple, column: str) -> pd.DataFrame:
    """Every well at every time, its values drifting."""
    rng = np.random.default_rng(5)
    parts = []
    for number, time in enumerate(times):
        values = frame[features_of(frame)] + 0.3 * number + 0.1 * rng.standard_normal((64, 60))
        parts.append(frame.assign(**{column: time}, **values))
    return pd.concat(parts, ignore_index=True)


@pytest.mark.parametrize("column", ["Metadata_Timepoint", "Time [h]", "Plane", "Measurement ID"])
@pytest.mark.parametrize("times", [(0, 24), (0, 24, 48)])
def test_measurements_of_a_well_are_no_replicates(once, column, times):
    frame = at_times(once, times, column)
    with pytest.raises(UndecidedError, match=r"measurement \(--measurement\)") as error:
        pl.activity(frame)
    assert re.search(rf"{len(times)} (time points|planes|measurements)", str(error.value))
    averaged = pl.read(frame, measurement="average")
    assert len(averaged.table) == len(once)
    assert any("averaged over" in str(note) for note in averaged.findings)


def test_the_measurement_that_is_chosen_is_what_is_asked_of(once):
    frame = at_times(once, (0, 24, 48), "Metadata_Timepoint")
    chosen = pl.read(frame, measurement="Metadata_Timepoint == 24")
    alone = pl.read(frame[frame["Metadata_Timepoint"] == 24])
    assert np.array_equal(chosen.table.to_numpy(), alone.table.to_numpy())
    assert any("128 rows of other measurements left out" in str(n) for n in chosen.findings)
    with pytest.raises(UndecidedError):
        pl.read(frame, measurement="Metadata_Timepoint > 0")
    with pytest.raises(pl.InputError, match=r"matches none.*holds 0, 24, 48"):
        pl.read(frame, measurement="Metadata_Timepoint == 12")


def test_cells_of_several_time_points_are_chosen_not_pooled(once):
    cells = pd.concat([at_times(once, (0, 24), "Metadata_Timepoint")] * 4, ignore_index=True)
    with pytest.raises(UndecidedError, match="2 time points"):
        pl.read(cells)
    assert len(pl.read(cells, measurement="Metadata_Timepoint == 24").table) == len(once)
    with pytest.raises(pl.InputError, match="share a key"):
        pl.read(cells, measurement="average")


def test_a_time_that_is_one_a_well_asks_nothing(once):
    stamped = once.assign(Metadata_Time=[f"12:{n:02d}" for n in range(64)])
    dated = once.assign(Metadata_Timepoint=np.where(once[PLATE] == "P01", 24, 48))
    for frame in (stamped, dated):
        assert len(pl.read(frame).table) == len(once)


# Names


@pytest.mark.parametrize(
    "names",
    [
        ("PL1__2021-01-01T00_00_00-Measurement 1", "PL1__2021-01-01T00_00_00-Measurement 2"),
        ("PL1", "PL1_reimaged"),
        ("PL1", "PL1 rescan 2"),
        ("PL1_2021-01-01", "PL1_2021-01-08"),
    ],
)
def test_names_that_differ_by_a_measurement_are_asked_about_where_values_cannot_tell(names, once):
    few = once.groupby(PLATE).head(8)[[PLATE, WELL, "Metadata_Compound", "f0", "f1"]]
    first = few[few[PLATE] == "P01"]
    frame = pd.concat([first.assign(**{PLATE: name}) for name in names], ignore_index=True)
    frame.loc[8:, ["f0", "f1"]] += 0.5
    with pytest.raises(UndecidedError, match=r"names differ by a (measurement|date) only"):
        pl.read(frame)
    other = frame.assign(Metadata_Compound=["a", "b"] * 8)
    other.loc[8:, "Metadata_Compound"] = ["c", "d"] * 4
    assert len(pl.read(other).table) == 16


def test_a_date_alone_is_a_replicate_s_where_values_tell_so():
    table, _ = simulate_profiles(plates=2, layout="fixed", controls=24, seed=2)
    names = table.index.to_frame(index=False)
    dated = names[PLATE].map({"P01": "PL1_2021-01-01", "P02": "PL1_2021-01-08"})
    assert len(pl.read(profiles.with_metadata(table, {PLATE: dated})).table) == len(table)
    read = names[PLATE].map({"P01": "PL1", "P02": "PL1-Measurement 2"})
    with pytest.raises(UndecidedError, match="measurement only"):
        pl.read(profiles.with_metadata(table, {PLATE: read}))


# A study


@pytest.fixture
def study(twice, tmp_path, monkeypatch):
    """A folder with the screen's table and the study file that `init` wrote about it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "screen").mkdir()
    twice.to_csv(tmp_path / "screen" / "profiles.csv", index=False)
    told = pl.init("screen", "study.toml")
    assert any(line.startswith("To fill in: same_plate: Plates 'P01' and 'X7'") for line in told)
    return tmp_path / "study.toml"


def decided(study, start: str) -> None:
    """Take the comment sign from the line that begins so."""
    text = study.read_text()
    assert f"\n# {start}" in text
    study.write_text(text.replace(f"\n# {start}", f"\n{start}", 1) + QUICK)


def test_init_writes_what_to_choose_from_and_nothing_runs_until_it_is(study, command):
    text = study.read_text()
    assert '# same_plate = [["P01", "X7"]]' in text
    assert '# distinct_plates = ["P01", "X7"]' in text
    assert not {"same_plate", "distinct_plates"} & set(tomllib.loads(text)["data"])
    for verb in ("check", "run"):
        line = command(verb, study).refused()
        assert 'same_plate = [["P01", "X7"]] in [data]' in line


def test_a_study_counts_the_plate_once_and_its_ledger_says_so(study, command, once):
    decided(study, "same_plate")
    assert command("check", study).code == 0
    ledger = read_json("study-out/ledger.json")
    assert ledger["counts"]["screen"]["wells"] == len(once)
    notes = [join["note"] for join in ledger["joins"]]
    assert "P01, X7 are one plate, as said: 32 wells averaged" in notes


def test_a_study_whose_plates_are_distinct_says_so_in_its_report(study, command, once):
    decided(study, "distinct_plates")
    assert command("run", study, "--jobs", 1).code == 0
    ledger = read_json("study-out/ledger.json")
    assert ledger["counts"]["screen"]["plates"] == 3
    (told,) = [c for c in ledger["conflicts"] if c["source"] == "distinct_plates"]
    assert told["examples"] == ["P01 and X7"]
    page = re.sub(r"\s+", " ", Path("study-out/report.html").read_text())
    assert "they count as different plates, as said" in page


def test_a_study_of_time_points_waits_for_one(once, tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "screen").mkdir()
    frame = at_times(once, (0, 24), "Metadata_Timepoint")
    frame.to_csv(tmp_path / "screen" / "profiles.csv", index=False)
    pl.init("screen", "study.toml")
    study = tmp_path / "study.toml"
    assert '# measurement = "Metadata_Timepoint == 0"' in study.read_text()
    assert "[data] measurement" in command("check", study).refused()
    decided(study, "measurement")
    assert command("check", study).code == 0
    assert read_json("study-out/ledger.json")["counts"]["screen"]["wells"] == len(once)


def test_a_representation_that_alone_knows_the_wells_is_told_and_not_asked_about(
    once, tmp_path, monkeypatch, command
):
    """What learned on two plates matches their wells; measured features show that they are two."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(8)
    names = features_of(once)
    one, other = once[once[PLATE] == "P01"], again(once, "P01", "P03")
    learned = pd.concat([one, other], ignore_index=True)
    measured = learned.copy()
    measured[names] = measured[names].to_numpy() + 3 * rng.standard_normal((64, 60))
    measured.to_csv("measured.csv", index=False)
    learned.to_csv("learned.csv", index=False)
    blocks = "".join(
        f'[[data.profiles]]\nname = "{n}"\nfiles = "{n}.csv"\nprefix = "f"\n'
        for n in ("measured", "learned")
    )
    (tmp_path / "study.toml").write_text(
        f'[data.columns]\ncompound = "Metadata_Compound"\n{blocks}{QUICK}'
    )
    assert command("check", "study.toml").code == 0
    (told,) = read_json("study-out/ledger.json")["conflicts"]
    assert told["source"] == "profiles learned"
    assert "measured contradicts" in told["consequence"]


def test_a_query_for_time_points_leaves_a_source_without_them_alone(
    once, tmp_path, monkeypatch, command
):
    monkeypatch.chdir(tmp_path)
    at_times(once, (0, 24), "Metadata_Timepoint").to_csv("moving.csv", index=False)
    shifted = once.copy()
    shifted[features_of(once)] = np.random.default_rng(1).standard_normal((64, 60))
    shifted.to_csv("still.csv", index=False)
    blocks = "".join(
        f'[[data.profiles]]\nname = "{n}"\nfiles = "{n}.csv"\nprefix = "f"\n'
        for n in ("moving", "still")
    )
    said = '[data]\nmeasurement = "Metadata_Timepoint == 24"\n'
    Path("study.toml").write_text(
        f'{said}[data.columns]\ncompound = "Metadata_Compound"\n{blocks}{QUICK}'
    )
    assert command("check", "study.toml").code == 0
    assert read_json("study-out/ledger.json")["counts"]["screen"]["wells"] == len(once)
    Path("study.toml").write_text(Path("study.toml").read_text().replace("Time", "Tyme"))
    assert "there is no column 'Metadata_Tymepoint'" in command("check", "study.toml").refused()


def test_wells_that_repeat_others_are_excluded_by_the_line_that_init_writes(
    once, tmp_path, monkeypatch, command
):
    monkeypatch.chdir(tmp_path)
    Path("screen").mkdir()
    names = features_of(once)
    frame = once.copy()
    frame.loc[[3, 4, 5], names] = frame.loc[[40, 41, 40], names].to_numpy()
    frame.to_csv("screen/profiles.csv", index=False)
    pl.init("screen", "study.toml")
    assert "3 wells have the values of another well" in command("check", "study.toml").refused()
    decided(tmp_path / "study.toml", "exclude")
    assert command("check", "study.toml").code == 0
    assert read_json("study-out/ledger.json")["counts"]["screen"]["wells"] == len(once) - 3


def test_a_distinct_plate_that_is_not_there_is_refused_by_a_study(study, command):
    study.write_text(study.read_text().replace("[data]\n", '[data]\ndistinct_plates = ["X8"]\n', 1))
    assert "[data] distinct_plates: there is no plate 'X8'" in command("check", study).refused()
