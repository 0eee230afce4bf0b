"""Networks in a study: one a fold, none that saw what it is scored on, and what they are beside."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from phenolens import profiles, study
from phenolens.errors import ConfigError, DesignError, InputError, LeakError
from phenolens.profiles import TREATMENT
from phenolens.represent.base import ALL
from phenolens.represent.networks import CNN
from phenolens.study.design import screen, splits
from phenolens.study.disjoint import part_of, refuse_seen_wells, treatment_groups
from phenolens.study.fusion import compared_parts, noise_name
from phenolens.study.network_settings import check_names
from phenolens.study.profiling import normalize, represent, trainings
from phenolens.study.scores import examined
from phenolens.study.session import Session, Silent, open_study

pytest.importorskip("torch")

ASKED = ["pixel-pca", "cnn", "vae", "untrained", "cnn+pixel-pca"]
TINY = """
[networks]
size = 32
epochs = 2
width = 8
batch = 8
latent = 8
precision = "float32"
"""


class Told(Silent):
    """Progress that remembers what was said and which bars were shown."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)

    def bar(self, text: str):
        self.lines.append(text)
        return super().bar(text)


@pytest.fixture(scope="module")
def folder(simulated, tmp_path_factory):
    """The simulated screen with a study file that asks for networks."""
    import torch

    torch.set_num_threads(1)
    copy = tmp_path_factory.mktemp("networks") / "copy"
    shutil.copytree(simulated, copy)
    text = (copy / "study.toml").read_text()
    asked = f"[represent]\nrepresentations = {ASKED}".replace("'", '"')
    (copy / "study.toml").write_text(text.replace("[represent]", asked) + TINY)
    return copy


@pytest.fixture(scope="module")
def session(folder) -> Session:
    session = open_study(folder / "study.toml", out=folder / "out", jobs=1, progress=Told())
    study.interpret(session)
    return session


def wells_of(part: pd.DataFrame) -> set[str]:
    return set(part["Metadata_Plate"] + "/" + part["Metadata_Well"])


def test_the_cost_is_told_before_training(session):
    told = session.progress.lines
    announced = next(n for n, line in enumerate(told) if line.startswith("cnn: 4 training(s)"))
    assert "images a second" in told[announced]
    assert announced < told.index("Training cnn, fold 0")


@pytest.mark.parametrize("name", ["cnn", "vae"])
def test_a_fold_is_learned_from_its_training_wells_only(session, name):
    block, folds = represent(session)[name], splits(session).folds.table
    for fold in ("0", "1"):
        tested = wells_of(folds[folds["fold"] == int(fold)])
        card = block.cards[fold]
        assert tested
        assert not tested & set(card.trained_on)
        assert bool(card.labels_seen) == (name == "cnn")


def test_a_treatment_is_judged_by_a_network_that_never_saw_it(session):
    block, roles = represent(session)["cnn"], splits(session).roles
    judging = wells_of(roles[roles["role"] == "judge"])
    names = [name for group in block.judged.values() for name in group]
    assert judging
    assert len(names) == len(set(names)) == 6
    for group, judged in block.judged.items():
        card = block.cards[group]
        assert set(card.labels_seen) & set(names) == set(names) - set(judged)
        assert not judging & set(card.trained_on)
        assert not set(card.trained_on) & judged_wells(session, judged)


def judged_wells(session, names) -> set[str]:
    wells = screen(session).wells
    return wells_of(wells[wells[TREATMENT].isin(names)])


def test_activity_is_corrected_over_all_groups(session):
    table = pd.read_parquet(session.out / "activity.parquet")
    cnn = table[table["representation"] == "cnn"].set_index(TREATMENT)
    pca = table[table["representation"] == "pixel-pca"].set_index(TREATMENT)
    assert sorted(cnn.index) == sorted(pca.index)
    assert (cnn["n_references"] == pca["n_references"].loc[cnn.index]).all()
    best = cnn["p"].min()
    assert cnn["q"].min() == pytest.approx(min(1.0, best * 6 / (cnn["p"] <= best).sum()))
    assert pca["note"].str.contains("fitted on the images of all wells").all()
    assert not cnn["note"].str.contains("fitted on").any()


def test_what_networks_of_several_groups_cannot_answer_is_said(session):
    refused = pd.read_json(session.out / "unanswered.json")
    own = refused[refused["representation"] == "cnn"]
    assert {"clustering", "batch effect"} <= set(own["question"])
    assert own["why"].str.contains("several networks").any()
    results = pd.read_parquet(session.out / "results.parquet")
    silhouette = results[(results["representation"] == "cnn") & (results["task"] == "silhouette")]
    assert set(silhouette["fold"]) == {"all", "group-0", "group-1"}


def test_all_networks_and_fusions_are_scored_beside_shuffled_labels(session):
    results = pd.read_parquet(session.out / "results.parquet")
    told = set(results.loc[results["task"] == "classification", "representation"])
    shuffled = {f"baseline:shuffled-labels:{name}" for name in ("cnn", "vae", "untrained")}
    assert {*ASKED, noise_name("cnn+pixel-pca"), *shuffled} <= told


def test_each_block_of_a_fusion_has_the_same_energy(session):
    item = next(item for item in examined(session) if item.name == "cnn+pixel-pca")
    blocks = {name: list(columns) for name, columns in item.block.features.items()}
    whole = item.block.tables["group-0"]
    part = compared_parts(replace(item.block, judged={}), splits(session))[0]
    assert set(blocks) == {"cnn", "pixel-pca"}
    assert part.shape == (len(whole), sum(map(len, blocks.values())))
    energy = [part[columns].var(ddof=0).sum() for columns in blocks.values()]
    np.testing.assert_allclose(energy, 1.0, rtol=0.05)


def test_the_control_of_a_fusion_is_as_wide(session):
    found = {item.name: item.block for item in examined(session)}
    fused, control = found["cnn+pixel-pca"], found[noise_name("cnn+pixel-pca")]
    assert len(control.features["noise"]) == len(fused.features["pixel-pca"])
    assert control.features["cnn"] == fused.features["cnn"]


def test_a_fusion_is_compared_with_its_best_block_and_with_noise(session):
    table = pd.read_parquet(session.out / "comparisons.parquet")
    own = table[(table["a"] == "cnn+pixel-pca") & (table["task"] == "activity")]
    assert set(own["b"]) == {noise_name("cnn+pixel-pca"), own["b"].iloc[1]} or len(own) == 2
    single = table[(table["task"] == "activity") & table["a"].isin(["cnn", "pixel-pca"])]
    means = dict(zip(single["a"], single["value_a"], strict=True))
    means |= dict(zip(single["b"], single["value_b"], strict=True))
    rivals = {name: means[name] for name in ("cnn", "pixel-pca")}
    assert max(rivals, key=rivals.get) in set(own["b"])


def test_a_finished_network_is_read_back(session, folder, monkeypatch):
    def never(*args, **kwargs):
        raise AssertionError("trained again")

    monkeypatch.setattr(CNN, "fit", never)
    again = open_study(folder / "study.toml", out=folder / "out", jobs=1)
    pd.testing.assert_frame_equal(
        represent(again)["cnn"].tables["0"], represent(session)["cnn"].tables["0"]
    )


def test_a_run_killed_after_training_goes_on_from_the_weights(session, folder, monkeypatch):
    work = trainings(session, "cnn")
    before = (work.folder("1") / "wells.parquet").read_bytes()
    (work.folder("1") / "card.json").unlink()
    (work.folder("1") / "wells.parquet").unlink()
    monkeypatch.setattr(CNN, "fit", None)
    trainings(open_study(folder / "study.toml", out=folder / "out", jobs=1), "cnn").block()
    assert (work.folder("1") / "wells.parquet").read_bytes() == before


def test_a_run_killed_while_training_ends_the_same(session, folder, monkeypatch):
    from phenolens.represent.training import Trainer

    work, learn = trainings(session, "cnn"), Trainer._learn

    def killed(self, epoch, rng, tell):
        if epoch == 2:
            raise KeyboardInterrupt
        return learn(self, epoch, rng, tell)

    place = work.folder("group-1")
    before = (place / "wells.parquet").read_bytes()
    shutil.rmtree(place)
    monkeypatch.setattr(Trainer, "_learn", killed)
    with pytest.raises(KeyboardInterrupt):
        work.block()
    assert [path.name for path in place.iterdir()] == ["checkpoint.safetensors"]
    monkeypatch.setattr(Trainer, "_learn", learn)
    work.block()
    assert (place / "wells.parquet").read_bytes() == before
    assert not (place / "checkpoint.safetensors").exists()


def test_scoring_what_was_learned_is_refused(session):
    block, design = normalize(session)["cnn"], splits(session)
    swapped = block.cards | {"0": block.cards["1"]}
    with pytest.raises(LeakError, match=r"'cnn' \(fold 1\) learned from"):
        refuse_seen_wells(replace(block, cards=swapped), design.folds)
    crossed = block.cards | {"group-0": block.cards["group-1"]}
    with pytest.raises(LeakError, match="about to be scored on"):
        part_of(replace(block, cards=crossed), "group-0", design)


def test_doses_of_one_compound_stay_in_one_group():
    wells = pd.DataFrame(
        {
            "Metadata_Plate": "P1",
            "Metadata_Well": [f"A{n:02d}" for n in range(1, 13)],
            "Metadata_Compound": np.repeat(list("abcdef"), 2),
            TREATMENT: [f"{c}@{dose}" for c in "abcdef" for dose in (1, 2)],
            "Metadata_Control": False,
        }
    )
    groups = treatment_groups(wells, groups=2, seed=0).judged
    compounds = [{name[0] for name in names} for names in groups.values()]
    assert len(compounds) == 2
    assert not compounds[0] & compounds[1]
    with pytest.raises(DesignError, match="takes 4 of them; this screen has 3"):
        treatment_groups(wells.head(6), groups=2, seed=0)


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (["resnet"], "'resnet' is not known; choose from cellprofiler"),
        (["cnn", "cnn+vae"], r"'cnn\+vae' needs 'vae'"),
        (["cnn", "cnn+cnn"], "must join two"),
    ],
)
def test_names_that_cannot_be_made_are_refused(wanted, said):
    with pytest.raises(ConfigError, match=said):
        check_names(wanted, [])


def test_without_pytorch_the_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "torch", None)
    check_names(["cellprofiler", "pixel-pca"], [])
    with pytest.raises(InputError, match=r"pip install phenolens\[networks\]"):
        check_names(["cnn"], [])


def test_every_well_keeps_its_metadata(session):
    table = normalize(session)["cnn"].tables[ALL]
    assert len(table) == len(screen(session).wells)
    assert set(profiles.column(table, "Metadata_Network")) == {"group-0", "group-1"}
