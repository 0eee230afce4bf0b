"""Every number of a finished study is remade from the files it left; nothing else is needed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest

import phenolens as pl
from phenolens import profiles, study
from phenolens.errors import DesignError, InputError
from phenolens.evaluate.results import join_results
from phenolens.simulate import ScreenDesign, simulate_profiles, write_screen
from phenolens.tools.compare import comparisons
from phenolens.tools.names import is_noise_control

QUESTIONS = {
    "activity": {},
    "cluster": {},
    "batch": {},
    "assay": {},
    "match": {},
    "retrieve-position": {"across": "position"},
    "retrieve-plate": {"across": "Metadata_Plate"},
    "retrieve-batch": {"across": "Metadata_Batch"},
    "dose": {},
}
BESIDE = ("activity", "match", "retrieve", "classify")  # baselines stand beside these
TABLES = {"match": "matching", "retrieve": "retrieval", "dose": "dose", "activity": "activity"}
QUICK = """
[splits]
max_folds = 2

[evaluate]
permutations = 200
bootstrap = 20
clusters = 4
"""
FUSED = """
[represent]
representations = ["deep+measured"]
"""
NETWORKS = """
[represent]
representations = ["pixel-pca", "cnn", "vae", "cnn+pixel-pca"]
components = 8

[networks]
input = "images"
size = 32
epochs = 2
width = 8
batch = 8
latent = 8
precision = "float32"
"""


@pytest.fixture(scope="module")
def tables_alone(tmp_path_factory) -> Path:
    """Two representations of one screen with doses, the second without one well; their fusion."""
    folder = tmp_path_factory.mktemp("tables")
    (folder / "screen").mkdir()
    design = {"treatments": 12, "features": 24, "batches": 2}
    tables = [simulate_profiles(seed=seed, **design) for seed in (1, 2)]
    wells = profiles.metadata(tables[0][0]).drop(columns="Metadata_Control")
    number = wells.pop("Metadata_Treatment").str.extract(r"(\d+)$")[0].astype(float) - 1
    wells["Metadata_Compound"] = ("compound-" + (number // 3).astype("string")).fillna("DMSO")
    wells["Metadata_Concentration"] = number % 3 + 1
    wells["Metadata_moa"] = ("mechanism-" + (number // 6).astype("string")).fillna("")
    for name, (table, _), lost in zip(("measured", "deep"), tables, ([], [5]), strict=True):
        named = {column: f"{name}_{k:03d}" for k, column in enumerate(table.columns)}
        values = table.rename(columns=named).reset_index(drop=True)
        frame = pd.concat([wells, values], axis=1).drop(index=lost)
        profiles.write_frame(frame, folder / "screen" / f"{name}.parquet")
    return finished(folder, FUSED)


@pytest.fixture(scope="module")
def with_networks(tmp_path_factory) -> Path:
    """Images, with networks that were learned once per fold and per group of treatments."""
    pytest.importorskip("torch").set_num_threads(1)
    design = ScreenDesign(
        plates=2, batches=1, treatments=6, replicates=1, control_wells=8, sites=1, mechanisms=2,
        inactive=1, toxic=1, field_size=128,
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("networks")
    write_screen(design, folder / "screen")
    return finished(folder, NETWORKS)


def finished(folder: Path, settings: str) -> Path:
    """The folder of results of a study that was run, with quick settings."""
    study.init(folder / "screen", folder / "study.toml")
    with (folder / "study.toml").open("a") as stream:
        stream.write(QUICK + settings)
    session = study.open_study(folder / "study.toml", out=folder / "out", jobs=1)
    study.evaluate(session)
    return session.out


@pytest.fixture(scope="module", params=["tables_alone", "with_networks"])
def out(request) -> Path:
    """The folder of a finished study: its files are all that the tests know of it."""
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module")
def names(out) -> list[str]:
    """The representations, in the study's own order."""
    order = pd.read_parquet(out / "activity.parquet")["representation"].unique().tolist()
    assert sorted(order) == sorted(path.stem for path in (out / "profiles").glob("*.parquet"))
    return order


@pytest.fixture(scope="module")
def asked(out, names) -> dict[tuple[str, str], pl.Result]:
    """Every question asked of every file, those without an answer left out."""
    lead = next(n for n in names if not profiles.read_about(file_of(out, n))["unseen"])
    answers = {}
    for name in names:
        questions = {"activity": {}} if is_noise_control(name) else QUESTIONS
        for question, how in (questions | {"classify": {}}).items():
            verb = question.partition("-")[0]
            beside = {"baselines": name == lead} if verb in BESIDE else {}
            try:
                found = getattr(pl, verb)(file_of(out, name), **how, **beside)
            except (DesignError, InputError):
                continue
            answers[name, question] = found
    return answers


def file_of(out: Path, name: str) -> Path:
    return out / "profiles" / f"{name}.parquet"


def matched(out: Path, name: str) -> pd.DataFrame:
    """Labels matched by a control of a fusion, which is compared with only."""
    try:
        return pl.match(file_of(out, name), baselines=False).table
    except (DesignError, InputError):
        return pd.DataFrame()


def same(left: pd.DataFrame, right: pd.DataFrame) -> None:
    """Two tables are equal to the last digit, rows in the same order."""
    assert set(left) == set(right)
    left, right = (frame.reset_index(drop=True) for frame in (left, right[list(left)]))
    pd.testing.assert_frame_equal(left, right, check_exact=True, check_dtype=False)


def below(asked: dict, question: str, part=lambda found: found.table) -> pd.DataFrame:
    """A table of all representations, one below the other."""
    parts = [
        part(found).assign(representation=name)
        for (name, verb), found in asked.items()
        if verb.partition("-")[0] == question and len(part(found))
    ]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def test_every_score_is_remade(out, asked):
    """No row is left out, neither of a fusion nor of a baseline."""
    remade = join_results([found.scores for found in asked.values()])
    same(pd.read_parquet(out / "results.parquet"), remade)


def test_what_is_compared_is_told_for_every_score(out):
    results = pd.read_parquet(out / "results.parquet")
    assert (results["space"] != "").all()
    baselines = results[results["representation"].str.startswith("baseline:")]
    own = baselines[~baselines["representation"].str.contains("shuffled|projection")]
    assert not own["space"].str.contains("selected").any()


@pytest.mark.parametrize("question", TABLES)
def test_tables_are_remade(out, asked, question):
    path = out / f"{TABLES[question]}.parquet"
    remade = below(asked, question)
    assert path.is_file() == bool(len(remade))
    if len(remade):
        same(pd.read_parquet(path), remade)


def test_predictions_and_comparisons_are_remade(out, asked, names):
    told = [asked[name, "classify"].more["predictions"] for name in names]
    predictions = pd.concat(told, ignore_index=True)
    same(pd.read_parquet(out / "predictions.parquet"), predictions)
    split = profiles.read_about(file_of(out, names[0]))["split"]
    controls = {name: matched(out, name) for name in names if is_noise_control(name)}
    labels = [below(asked, "match")] + [
        table.assign(representation=name) for name, table in controls.items()
    ]
    remade = comparisons(
        below(asked, "activity"),
        predictions,
        matching=pd.concat(labels, ignore_index=True),
        seed=split["seed"],
        split=split["leave_out"],
    )
    same(pd.read_parquet(out / "comparisons.parquet"), remade)


def test_the_public_comparison_is_the_study_s(out, names):
    """But for baselines, which are no representations to be handed in."""
    tasks = ["activity", "matching", "classification"]
    found = pl.compare([file_of(out, name) for name in names], tasks=tasks).table
    table = pd.read_parquet(out / "comparisons.parquet")
    same(table[~table["b"].str.startswith("baseline:")], found)


def test_members_of_clusters_and_quality_of_plates_are_remade(out, asked):
    table = pd.read_parquet(out / "clusters.parquet")
    remade = below(asked, "cluster")
    same(table[[c for c in table if c in remade]], remade)
    table = pd.read_parquet(out / "assay.parquet").drop(columns="space")
    same(table, below(asked, "assay", lambda found: found.more["metrics"]))


def test_another_seed_changes_what_is_drawn(out, names):
    """The comparisons above can fail."""
    path = file_of(out, names[0])
    one, other = (pl.classify(path, seed=seed, baselines=False).scores for seed in (0, 1))
    with pytest.raises(AssertionError):
        same(one, other)


@pytest.fixture(scope="module")
def learned(with_networks) -> Path:
    """The file of a representation that was learned once per fold, with its folder beside it."""
    return file_of(with_networks, "cnn")


def refusal(data: object) -> str:
    with pytest.raises(InputError) as told:
        pl.activity(data)
    assert "\n" not in str(told.value)
    return str(told.value)


def test_a_network_s_file_without_the_tables_of_its_folds_is_refused(learned, tmp_path):
    alone = shutil.copy(learned, tmp_path)
    told = refusal(alone)
    assert "its features were learned once per fold" in told
    assert "Keep the folder 'cnn' beside the file." in told


def test_a_network_s_anndata_in_memory_is_refused(learned):
    import anndata

    told = refusal(anndata.read_h5ad(learned.with_suffix(".h5ad")))
    assert told.startswith("'cnn' was learned once per fold: hand in cnn.parquet")


def test_a_network_s_anndata_on_disk_finds_the_tables_beside_it(learned):
    one, other = (pl.activity(path).table for path in (learned, learned.with_suffix(".h5ad")))
    same(one, other)
