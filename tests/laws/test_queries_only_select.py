"""A query selects rows and does nothing else, at every door: a stranger's study file is safe.

Each hostile query would leave a file if any part of it were run.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import phenolens as pl
from phenolens.simulate import simulate_profiles
from phenolens.stats.wells import select

HOSTILE = {
    "a method that writes": "Metadata_Compound.to_csv('written') == 'x'",
    "a method of the index": "Metadata_Plate.index.to_frame().to_csv('written') == 1",
    "a method that calls": "Metadata_Plate.map(pd.io.common.os.mkdir)",
    "a method that evaluates": "Metadata_Plate.to_frame().eval('Metadata_Plate.to_csv()')",
    "a method of text": "Metadata_Plate.str._parent.to_pickle('written')",
    "a pickle": "Metadata_Plate.to_pickle('written') == 1",
    "a local name": "@pd.io.common.os.system('touch written') == 0",
    "a name of pandas": "@pd.DataFrame().to_csv('written')",
    "a module": "__import__('os').system('touch written') == 0",
    "a file": "open('written', 'w') == 1",
    "a class": "().__class__.__base__.__subclasses__()[0] == 1",
    "the globals of a method": "Metadata_Plate.apply.__globals__['sys'] == 1",
    "a default of Python": "list.append.__self__ == 1",
    "a function": "(lambda: open('written', 'w'))() == 1",
    "a comprehension": "[open(name, 'w') for name in ['written']] == 1",
    "a text with fields": "f\"{open('written', 'w')}\" == 'x'",
    "behind a selection": "Metadata_Compound == 'DMSO' and Metadata_Plate.to_csv('written')",
    "in a list": "Metadata_Compound in [Metadata_Plate.to_csv('written')]",
    "as an argument": "Metadata_Compound.isin(Metadata_Plate.to_csv('written'))",
    "as a pattern": "Metadata_Compound.str.contains(Metadata_Plate.to_csv('written'))",
    "as an option": "Metadata_Compound.str.contains('D', na=Metadata_Plate.to_csv('written'))",
    "an assignment": "Metadata_Plate = Metadata_Plate.to_csv('written')",
    "two lines": "x = Metadata_Plate.to_csv('written')\nMetadata_Compound == 'DMSO'",
}  # fmt: skip
NO_CONDITION = [
    "Metadata_Concentration", "[0, 1, 2]", "0", "Metadata_Compound", "'DMSO'", "Metadata_Number",
    "Metadata_Concentration * 1", "[True, False]",
]  # fmt: skip
ENDLESS = "Metadata_Compound.str.contains('^(D|M|S|O|D|M|S|O|[A-Z])*$')"
STUDY = """
[data]
{setting} = {query}
[data.columns]
compound = "Metadata_Compound"
[[data.profiles]]
name = "p"
files = "screen.csv"
prefix = "f"
"""


def screen() -> pd.DataFrame:
    table, _ = simulate_profiles(plates=2, treatments=6, controls=12, features=10, seed=1)
    names = table.index.to_frame(index=False)
    kept = names[["Metadata_Plate", "Metadata_Well"]].assign(
        Metadata_Compound=names["Metadata_Treatment"].astype(object),
        Metadata_Concentration=1.0,
        Metadata_Number=range(len(names)),
    )
    features = table.set_axis([f"f{number}" for number in range(10)], axis=1)
    return pd.concat([kept, features.reset_index(drop=True)], axis=1)


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    screen().to_csv("screen.csv", index=False)
    return tmp_path


def untouched(folder: Path) -> bool:
    """Whether nothing lies in the folder but what the test wrote."""
    return {path.name for path in folder.iterdir()} <= {"screen.csv", "study.toml", "study-out"}


def ask(question, **options) -> str:
    with pytest.raises(pl.InputError) as raised:
        question(screen(), **options)
    said = str(raised.value)
    assert "\n" not in said
    return said


@pytest.mark.parametrize("query", HOSTILE.values(), ids=HOSTILE)
def test_a_query_runs_nothing(folder, query):
    for said in (
        ask(pl.activity, controls=query),
        ask(pl.assay, positive=query),
        ask(pl.activity, measurement=query),
        ask(pl.normalize, controls=query),
        ask(lambda data, controls: select(data.set_index("Metadata_Plate"), controls),
            controls=query),
    ):  # fmt: skip
        assert "cannot be evaluated" in said or "does not say yes or no" in said
    assert untouched(folder)


@pytest.mark.parametrize("query", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("setting", ["controls", "positive_controls", "exclude", "measurement"])
def test_a_study_file_runs_nothing(folder, command, setting, query):
    written = '"""' + query.replace("\\", "\\\\").replace('"', '\\"') + '"""'
    Path("study.toml").write_text(STUDY.format(setting=setting, query=written))
    said = command("check", "study.toml").refused()
    assert f"{setting} = " in said
    assert "cannot be evaluated" in said or "does not say yes or no" in said
    assert untouched(folder)


@pytest.mark.parametrize("query", HOSTILE.values(), ids=HOSTILE)
def test_a_command_runs_nothing(folder, command, query):
    said = command("activity", "screen.csv", "--controls", query).refused()
    assert said.startswith("controls (--controls) = ") or "[data] controls" in said
    assert untouched(folder)


@pytest.mark.parametrize("query", NO_CONDITION)
def test_what_is_no_condition_selects_no_wells(folder, command, query):
    said = command("activity", "screen.csv", "--controls", query).refused()
    assert "does not say yes or no for each well; compare a column" in said
    Path("study.toml").write_text(STUDY.format(setting="controls", query=f'"{query}"'))
    assert "does not say yes or no" in command("check", "study.toml").refused()
    assert "does not say yes or no" in ask(pl.activity, controls=query)
    assert untouched(folder)


def test_a_selection_is_made_without_the_evaluator_of_pandas(folder, command, monkeypatch):
    def never(*_, **__):
        raise AssertionError("pandas evaluates a text")

    monkeypatch.setattr("pandas.core.computation.eval.eval", never)
    query = "Compound == 'dmso' & Metadata_Number >= 0"
    said = pl.activity(screen(), controls=query, permutations=20)
    assert {note.code: note for note in said.findings}["controls"].values["wells"] == 24
    assert select(screen().set_index(["Metadata_Compound", "Metadata_Number"]), query).sum() == 24
    Path("study.toml").write_text(STUDY.format(setting="controls", query=f'"{query}"'))
    assert command("check", "study.toml").code == 0


def test_a_pattern_without_an_end_is_stopped(folder, command, monkeypatch):
    monkeypatch.setattr("phenolens.query.SECONDS", 0.3)
    monkeypatch.setattr("phenolens.expressions.SECONDS", 0.3)
    frame = screen()
    frame["Metadata_Compound"] = frame["Metadata_Compound"].replace({"DMSO": "DMSO" * 20 + "!"})
    frame.to_csv("screen.csv", index=False)
    said = command("activity", "screen.csv", "--controls", ENDLESS).refused()
    assert "takes too long" in said
    text = STUDY.format(setting="exclude", query=f'"{ENDLESS}"')
    Path("study.toml").write_text(text)
    assert "takes too long" in command("check", "study.toml").refused()
    column = "compound = 'Metadata_Compound ~ ^((D|M|S|O|D|M|S|O|[A-Z])*)$'"
    Path("study.toml").write_text(
        STUDY.format(setting="modality", query='"compound"').replace(
            'compound = "Metadata_Compound"', column
        )
    )
    assert "takes too long" in command("check", "study.toml").refused()
