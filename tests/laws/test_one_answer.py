"""One answer to each question: from a study, from the files it left, from a table, in any order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import phenolens as pl
from phenolens import profiles, study
from phenolens.evaluate.results import COLUMNS
from phenolens.simulate import simulate_profiles

QUESTIONS = {
    "activity": {},
    "match": {},
    "retrieve-position": {"across": "position"},
    "retrieve-plate": {"across": "Metadata_Plate"},
    "dose": {},
    "classify": {},
    "cluster": {},
    "batch": {},
    "assay": {},
}
TASKS = {
    "activity": ["activity"],
    "match": ["matching"],
    "classify": ["classification", "nearest-neighbour"],
    "cluster": ["clustering", "silhouette"],
    "batch": ["batch effect"],
    "assay": ["assay quality"],
}
FILES = {"match": "matching", "retrieve": "retrieval", "dose": "dose", "activity": "activity"}
DOSES = (0.3, 1.0, 3.0)
SETTINGS = """
[evaluate]
permutations = 300
bootstrap = 20
clusters = 4
"""


def screen(seed: int, **design: object) -> pd.DataFrame:
    """A plain frame: six compounds at three doses, four plates, sixteen controls on each."""
    table, _ = simulate_profiles(
        seed=seed, treatments=18, features=40, effect=2.5, batches=2, **design
    )
    frame = profiles.to_frame(table)
    number = frame.pop("Metadata_Treatment").str.extract(r"(\d+)$")[0].astype(float) - 1
    frame["Metadata_Compound"] = [
        "DMSO" if np.isnan(n) else f"compound-{int(n) // 3:02d}" for n in number
    ]
    frame["Metadata_Concentration"] = [np.nan if np.isnan(n) else DOSES[int(n) % 3] for n in number]
    return frame.drop(columns="Metadata_Control")


def ask(name: str, data: object, **settings: object) -> pl.Result:
    """Ask a question of :data:`QUESTIONS` with quick settings."""
    quick = {"permutations": 300, "bootstrap": 20, "clusters": 4}
    verb, _, _ = name.partition("-")
    own = {
        "activity": ["permutations"],
        "match": ["permutations"],
        "classify": ["bootstrap"],
        "cluster": ["clusters"],
    }
    asked = {key: quick[key] for key in own.get(verb, [])} if settings.pop("quick", False) else {}
    return getattr(pl, verb)(data, **QUESTIONS[name], **asked, **settings)


def same(left: pd.DataFrame, right: pd.DataFrame) -> None:
    """Two tables are equal to the last digit, rows in any order."""
    keys = [c for c in left if left[c].dtype == object]
    left, right = (
        f.assign(**{c: f[c].where(f[c].notna(), "").astype(str) for c in keys}).sort_values(
            keys, ignore_index=True
        )
        for f in (left, right[list(left.columns)])
    )
    pd.testing.assert_frame_equal(left, right, check_exact=True, check_dtype=False)


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return screen(1)


@pytest.fixture(scope="module")
def other(frame) -> pd.DataFrame:
    """Another representation of the same wells, of which one well is missing."""
    keys = [c for c in frame if c.startswith("Metadata_")]
    values = screen(2).drop(columns=keys).add_prefix("emb_").iloc[:, :40]
    values.columns = [f"emb_{k:03d}" for k in range(values.shape[1])]
    return pd.concat([frame[keys], values], axis=1).drop(index=5)


def run(folder: Path, **tables: pd.DataFrame) -> study.Session:
    """A study of tables alone, as `init` writes it, with quick settings."""
    for name, table in tables.items():
        (folder / "screen").mkdir(parents=True, exist_ok=True)
        profiles.write_frame(table, folder / "screen" / f"{name}.parquet")
    study.init(folder / "screen", folder / "study.toml")
    with (folder / "study.toml").open("a") as stream:
        stream.write(SETTINGS)
    session = study.open_study(folder / "study.toml", out=folder / "out", jobs=1)
    study.evaluate(session)
    return session


@pytest.fixture(scope="module")
def alone(frame, tmp_path_factory) -> study.Session:
    return run(tmp_path_factory.mktemp("alone"), measured=frame)


@pytest.fixture(scope="module")
def together(frame, other, tmp_path_factory) -> study.Session:
    return run(tmp_path_factory.mktemp("together"), measured=frame, embedding=other)


def scores_of(session: study.Session, name: str, *, own: bool = False) -> pd.DataFrame:
    results = pd.read_parquet(session.out / "results.parquet")
    kept = results["representation"] == name
    if not own:
        kept |= results["representation"] == f"baseline:shuffled-labels:{name}"
    return results[kept].reset_index(drop=True)


def representations(session: study.Session) -> list[str]:
    return sorted(path.stem for path in (session.out / "profiles").glob("*.parquet"))


def of_question(scores: pd.DataFrame, question: str) -> pd.DataFrame:
    verb, _, where = question.partition("-")
    if verb == "retrieve":
        named = scores["metric"].str.endswith(f"_{where}")
        return scores[(scores["task"] == "retrieval") & named].reset_index(drop=True)
    task = scores["task"].str.partition(":")[0]
    return scores[task.isin(TASKS.get(verb, []))].reset_index(drop=True)


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_files_of_a_study_give_its_numbers(together, question):
    for name in representations(together):
        found = ask(question, together.out / "profiles" / f"{name}.parquet")
        kept = found.scores["representation"].isin([name, f"baseline:shuffled-labels:{name}"])
        same(of_question(scores_of(together, name), question), found.scores[kept])


@pytest.mark.parametrize("question", ["activity", "match", "retrieve-plate", "dose"])
def test_the_files_of_a_study_give_its_tables(together, question):
    verb, _, _ = question.partition("-")
    for name in representations(together):
        found = ask(question, together.out / "profiles" / f"{name}.parquet").table
        table = pd.read_parquet(together.out / f"{FILES[verb]}.parquet")
        table = table[table["representation"] == name].drop(columns="representation")
        if verb == "retrieve":
            table = table[table["across"] == "Metadata_Plate"]
        same(table.reset_index(drop=True), found)


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_table_gives_the_numbers_of_a_study_of_it_alone(alone, frame, question):
    (name,) = representations(alone)
    expected = of_question(scores_of(alone, name), question)
    found = ask(question, frame, quick=True)
    own = found.summary["representation"]
    scores = found.scores.assign(
        representation=[
            told.replace(f"shuffled-labels:{own}", f"shuffled-labels:{name}")
            for told in found.scores["representation"].replace({own: name})
        ]
    )
    kept = scores["representation"].isin([name, f"baseline:shuffled-labels:{name}"])
    same(expected, scores[kept])


@pytest.mark.parametrize("door", ["index", "anndata", "csv", "parquet"])
def test_every_door_leads_to_the_same_wells(frame, door, tmp_path):
    one, other = pl.read(frame), pl.read(through(frame, door, tmp_path))
    pd.testing.assert_frame_equal(one.table, other.table)
    pd.testing.assert_frame_equal(one.design.roles, other.design.roles)
    pd.testing.assert_frame_equal(one.design.folds.table, other.design.folds.table)
    assert one.elsewhere == other.elsewhere


def through(frame: pd.DataFrame, door: str, folder: Path) -> object:
    if door in ("csv", "parquet"):
        profiles.write_frame(frame, folder / f"screen.{door}")
        return folder / f"screen.{door}"
    if door == "index":
        return frame.set_index([c for c in frame if c.startswith("Metadata_")])
    if door == "anndata":
        import anndata

        keys = [c for c in frame if c.startswith("Metadata_")]
        obs = frame[keys].set_axis([str(n) for n in range(len(frame))], axis=0)
        return anndata.AnnData(frame.drop(columns=keys).to_numpy(np.float32), obs=obs,
                               var=pd.DataFrame(index=frame.columns.drop(keys)))  # fmt: skip
    raise ValueError(door)


@pytest.mark.parametrize("question", QUESTIONS)
def test_another_representation_changes_no_number(alone, together, question):
    (name,) = representations(alone)
    same(
        of_question(scores_of(alone, name), question),
        of_question(scores_of(together, name), question),
    )


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_order_of_rows_and_columns_changes_no_number(frame, question):
    rng = np.random.default_rng(0)
    mixed = frame.iloc[rng.permutation(len(frame)), rng.permutation(frame.shape[1])]
    one, two = (ask(question, table, quick=True) for table in (frame, mixed))
    same(one.scores[list(COLUMNS)], two.scores)
    same(one.table, two.table)


def test_a_changed_profile_changes_the_numbers(frame):
    """The comparisons above can fail."""
    changed = frame.copy()
    changed.iloc[3, -5] += 3.0
    one, two = (ask("activity", table, quick=True) for table in (frame, changed))
    with pytest.raises(AssertionError):
        same(one.table, two.table)


def test_comparing_two_gives_the_study_s_comparison(together):
    paths = [together.out / "profiles" / f"{n}.parquet" for n in representations(together)]
    found = pl.compare(paths)
    table = pd.read_parquet(together.out / "comparisons.parquet")
    names = set(representations(together))
    table = table[table["a"].isin(names) & table["b"].isin(names)]
    measured = ["task", "metric", "a", "b", "n", "difference", "low", "high", "p"]
    flipped = found.table.copy()
    same(table[measured].reset_index(drop=True), flipped[measured])
