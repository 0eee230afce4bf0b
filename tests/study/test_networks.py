"""Networks in a study: one a fold, none that saw what it is scored on, and what they are beside."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import false_discovery_control

from phenolens import profiles, study
from phenolens.errors import ConfigError, InputError, LeakError
from phenolens.files import read_json
from phenolens.findings import Finding
from phenolens.interpret import where
from phenolens.profiles import TREATMENT
from phenolens.published.steps.research_questions import research_questions
from phenolens.represent.base import ALL, REPRESENTATIONS
from phenolens.represent.cnn import CNN
from phenolens.store import read_table
from phenolens.study import plan
from phenolens.study.asking import unanswerable
from phenolens.study.disjoint import treatment_groups
from phenolens.study.explaining import explained, folds_asked
from phenolens.study.fusion import fusions
from phenolens.study.joint_features import components
from phenolens.study.representations import check_names
from phenolens.study.session import Session, Silent, open_study
from phenolens.study.step import take
from phenolens.study.steps import attention
from phenolens.tools.block import Block, assembled
from phenolens.tools.classify import candidate
from phenolens.tools.compared import compared_parts, part_of, refuse_seen_wells
from phenolens.tools.names import noise_name

pytest.importorskip("torch")

ASKED = ["pixel-pca", "cnn", "vae", "untrained", "cnn+pixel-pca"]
BLOCKS = ("cnn", "pixel-pca")
TINY = """
[networks]
input = "images"
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


class Counted(Told):
    """It also remembers what was counted."""

    def __init__(self) -> None:
        super().__init__()
        self.counted: list[tuple[int, int]] = []

    @contextmanager
    def bar(self, text: str):
        self.lines.append(text)
        yield lambda done, total: self.counted.append((done, total))


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
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "LONG", 0)  # all is said, however short
        study.interpret(session)
    return session


def represent(session: Session) -> dict[str, Block]:
    return take(session, "represent").blocks


def trainings(session: Session, name: str):
    return take(session, "represent").trainings[name]


def wells_of(part: pd.DataFrame) -> set[str]:
    return set(part["Metadata_Plate"] + "/" + part["Metadata_Well"])


def test_every_file_of_a_study_of_networks_is_as_defined(session, defined):
    there = defined(session.out)
    assert {"curves/<network>", "reconstructions", "fusion_classes"} <= there


def test_the_cost_is_told_before_training(session):
    told = session.progress.lines
    said = [n for n, line in enumerate(told) if line.startswith("Plan: ") and "at most" in line]
    cnn, vae, maps, together = (told[n] for n in said)
    assert cnn.startswith("Plan: cnn, 4 trainings of at most 2 epochs over up to ")
    assert "images a second" in cnn and " of memory" in cnn and vae.startswith("Plan: vae, ")
    assert maps.startswith(
        "Plan: maps of cnn where it beats its baselines, 28 held-out images and "
    )
    assert "planted changes: at most" in maps and "as long as training on" in maps
    assert together.startswith("Plan: together: at most")
    assert max(said) < min(n for n, line in enumerate(told) if line.startswith("Training "))
    assert trainings(session, "cnn").costs() == []  # all is made


@pytest.mark.parametrize("name", ["cnn", "vae"])
def test_a_fold_is_learned_from_its_training_wells_only(session, name):
    block, folds = represent(session)[name], take(session, "splits").folds.table
    for fold in ("0", "1"):
        tested = wells_of(folds[folds["fold"] == int(fold)])
        card = block.cards[fold]
        assert tested
        assert not tested & set(card.trained_on)
        assert bool(card.labels_seen) == (name == "cnn")


def test_a_treatment_is_judged_by_a_network_that_never_saw_it(session):
    block, roles = represent(session)["cnn"], take(session, "splits").roles
    judging = wells_of(roles[roles["role"] == "evaluate"])
    names = [name for group in block.unseen.values() for name in group]
    assert judging
    assert len(names) == len(set(names)) == 6
    for group, judged in block.unseen.items():
        card = block.cards[group]
        assert set(card.labels_seen) & set(names) == set(names) - set(judged)
        assert not judging & set(card.trained_on)
        assert not set(card.trained_on) & judged_wells(session, judged)


def judged_wells(session, names) -> set[str]:
    wells = take(session, "screen").wells
    return wells_of(wells[wells[TREATMENT].isin(names)])


def test_activity_is_corrected_over_all_groups(session):
    table = pd.read_parquet(session.out / "activity.parquet")
    cnn = table[table["representation"] == "cnn"].set_index(TREATMENT)
    pca = table[table["representation"] == "pixel-pca"].set_index(TREATMENT)
    assert sorted(cnn.index) == sorted(pca.index)
    assert (cnn["n_references"] == pca["n_references"].loc[cnn.index]).all()
    tested = cnn.dropna(subset=["p"])
    assert len(tested) > 3
    np.testing.assert_allclose(tested["q"], false_discovery_control(tested["p"]))
    assert pca["note"].str.contains("pixels-seen").all()
    assert not cnn["note"].str.contains("pixels-seen").any()


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
    assert {*ASKED, noise_name("cnn", "pixel-pca"), *shuffled} <= told


def test_each_block_of_a_fusion_has_the_same_energy(session):
    item = next(item for item in take(session, "fuse") if item.name == "cnn+pixel-pca")
    blocks = {name: list(columns) for name, columns in item.block.features.items()}
    whole = item.block.tables["group-0"]
    part = compared_parts(replace(item.block, unseen={}), take(session, "splits"))[0]
    assert set(blocks) == {"cnn", "pixel-pca"}
    assert part.shape == (len(whole), sum(map(len, blocks.values())))
    energy = [part[columns].var(ddof=0).sum() for columns in blocks.values()]
    np.testing.assert_allclose(energy, 1.0, rtol=0.05)


def test_the_control_of_a_fusion_is_as_wide(session):
    found = {item.name: item.compared for item in take(session, "fuse")}
    fused, control = found["cnn+pixel-pca"], found[noise_name("cnn", "pixel-pca")]
    assert len(control.features["noise"]) == len(fused.features["pixel-pca"])
    assert control.features["cnn"] == fused.features["cnn"]


def test_a_fusion_is_compared_with_its_best_block_and_with_noise(session):
    table = pd.read_parquet(session.out / "comparisons.parquet")
    activity = table[table["task"] == "activity"]
    own = activity[activity["a"] == "cnn+pixel-pca"]
    single = activity[activity["a"].isin(BLOCKS) & activity["b"].isin(BLOCKS)].iloc[0]
    best = single["a"] if single["difference"] > 0 else single["b"]
    other = next(name for name in BLOCKS if name != best)
    assert set(own["b"]) == {best, noise_name(best, other)}


def test_a_finished_network_is_read_back(session, folder, monkeypatch):
    def never(*args, **kwargs):
        raise AssertionError("trained again")

    monkeypatch.setattr(CNN, "fit", never)
    again = open_study(folder / "study.toml", out=folder / "out", jobs=1)
    pd.testing.assert_frame_equal(
        represent(again)["cnn"].tables["0"], represent(session)["cnn"].tables["0"]
    )


def test_curves_that_are_gone_are_written_again(session, folder, monkeypatch):
    path = trainings(session, "cnn").folder("0") / "curves.parquet"
    before = path.read_bytes()
    path.unlink()
    monkeypatch.setattr(CNN, "fit", None)
    represent(open_study(folder / "study.toml", out=folder / "out", jobs=1))
    assert path.read_bytes() == before


def test_a_run_killed_after_training_goes_on_from_the_weights(session, folder, monkeypatch):
    work = trainings(session, "cnn")
    before = (work.folder("1") / "wells.parquet").read_bytes()
    (work.folder("1") / "card.json").unlink()
    (work.folder("1") / "wells.parquet").unlink()
    monkeypatch.setattr(CNN, "fit", None)
    trainings(open_study(folder / "study.toml", out=folder / "out", jobs=1), "cnn").block()
    assert (work.folder("1") / "wells.parquet").read_bytes() == before


def test_a_run_killed_while_training_ends_the_same(session, folder, monkeypatch):
    from phenolens.represent.networks.training import Trainer

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
    left = {path.name for path in place.iterdir()}
    assert left == {"checkpoint.safetensors", "log.csv"}
    monkeypatch.setattr(Trainer, "_learn", learn)
    work.block()
    assert (place / "wells.parquet").read_bytes() == before
    assert not (place / "checkpoint.safetensors").exists()


def test_trainings_side_by_side_leave_the_bytes_that_they_leave_one_by_one(session):
    work, told = trainings(session, "cnn"), Counted()
    places = [work.folder(fold) for fold in ("0", "1")]
    names = ("wells.parquet", "weights.safetensors", "card.json", "curves.parquet")
    before = [[(place / name).read_bytes() for name in names] for place in places]
    for place in places:
        shutil.rmtree(place)
    replace(work, session=replace(session, jobs=2, progress=told)).make()
    assert [[(place / name).read_bytes() for name in names] for place in places] == before
    assert told.lines == ["Training cnn: 2 networks, 2 at once"]
    assert told.counted[-1][0] == told.counted[-1][1] > 0


def test_threads_do_not_hang_on_what_is_left_to_train(session):
    """A run that was killed goes on with as many, so it ends with the same bytes."""
    work = trainings(session, "cnn")  # four trainings
    asked = {jobs: replace(work, session=replace(session, jobs=jobs)) for jobs in (1, 3, 8)}
    assert {jobs: one.n_threads for jobs, one in asked.items()} == {1: 1, 3: 1, 8: 2}
    assert [asked[3].at_once(left) for left in (0, 1, 2, 4)] == [0, 1, 2, 3]
    kept_here = replace(asked[8].session, encoders=(CNN,))
    assert replace(work, session=kept_here).at_once(4) == 1


def test_the_log_has_the_curves_and_where_they_are_shown_changes_no_training(session):
    item = trainings(session, "cnn")
    folder = item.folder("0")
    curves = read_table(folder / "curves.parquet")
    pd.testing.assert_frame_equal(pd.read_csv(folder / "log.csv"), curves)
    other = replace(item)
    vars(other)["options"] = item.options.model_copy(update={"tensorboard": "runs"})
    assert other.folder("0") == folder


def test_scoring_what_was_learned_is_refused(session):
    block, design = take(session, "normalize")["cnn"].normalized, take(session, "splits")
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
    groups = treatment_groups(wells, groups=2, seed=0).unseen
    compounds = [{name[0] for name in names} for names in groups.values()]
    assert len(compounds) == 2
    assert not compounds[0] & compounds[1]


def test_too_few_compounds_are_learned_from_and_judged_on_none():
    wells = pd.DataFrame(
        {
            "Metadata_Plate": "P1",
            "Metadata_Well": [f"A{n:02d}" for n in range(1, 5)],
            "Metadata_Compound": ["DMSO", "a", "a", "b"],
            TREATMENT: ["DMSO", "a@1", "a@2", "b@1"],
            "Metadata_Control": [True, False, False, False],
        }
    )
    groups = treatment_groups(wells, groups=2, seed=0)
    assert groups.unseen == {"group-all": ()}
    rows = groups.training_rows(wells.assign(role="reused"))
    assert rows["group-all"].tolist() == [0, 1, 2, 3]
    table = profiles.from_frame(wells.assign(F=1.0), features=["F"])
    block = assembled(Block("cnn", {"group-all": table}, unseen=groups.unseen))
    assert len(block.wells) == 4
    assert len(part_of(block, "group-all", None)) == 0
    told = unanswerable(block)
    assert {each["question"] for each in told} == {"activity", "silhouette", "clustering"}
    assert "takes 4 of them" in told[0]["why"]


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
        check_names(wanted, [], known=REPRESENTATIONS.known())


def test_without_pytorch_the_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "torch", None)
    known = REPRESENTATIONS.known()
    check_names(["cellprofiler", "pixel-pca"], [], known=known)
    with pytest.raises(InputError, match=r"pip install phenolens\[networks\]"):
        check_names(["cnn"], [], known=known)


def test_every_well_keeps_its_metadata(session):
    table = take(session, "normalize")["cnn"].normalized.tables[ALL]
    assert len(table) == len(take(session, "screen").wells)
    assert set(profiles.column(table, "Metadata_Network")) == {"group-0", "group-1"}


def test_a_network_that_does_not_beat_its_baselines_is_not_explained(session):
    told = read_json(session.out / "activation.json")
    assert told["withheld_because"]["code"] == "maps-not-better"
    assert not (session.out / "activation.parquet").exists()
    asked = {item["key"]: item for item in read_json(session.out / "questions.json")}
    assert list(asked) == [
        "research-apart", "research-fusion", "research-unsupervised", "research-attention",
    ]  # fmt: skip
    (why,) = asked["research-attention"]["headline"]
    assert why["code"] == "research-maps-withheld"


def test_maps_are_withheld_where_the_network_itself_names_no_more_than_shuffled_labels(session):
    """A readout of its embedding may beat the baselines all the same; here it is said to."""
    needs = {name: take(session, name) for name in ("represent", "evaluate")}
    compared = needs["evaluate"].tables["comparisons"].copy()
    own = (compared["a"] == "cnn") & compared["b"].str.startswith("baseline:")
    own |= (compared["a"] == "cnn") & (compared["b"] == "untrained")
    compared.loc[own, ["difference", "p_holm"]] = [0.5, 0.001]
    better = replace(needs["evaluate"], tables=needs["evaluate"].tables | {"comparisons": compared})
    told = attention.attention(session, represent=needs["represent"], evaluate=better)
    why = told.value.summary["withheld_because"]
    assert why["code"] == "maps-as-shuffled" and why["values"]["p"] > 0.05
    assert "shuffled among the wells of a plate" in Finding.of(why).text
    assert list(told.files) == ["activation.json"]


def test_the_research_questions_are_answered_for_what_the_cards_say(session, monkeypatch):
    """As if wells had been scrambled: on this layout position could explain all there is."""
    asked = {item["key"]: item for item in read_json(session.out / "questions.json")}
    assert asked["research-apart"]["headline"][0]["code"] == "research-by-position"
    monkeypatch.setattr(attention, "_withheld", lambda comparisons, network, alpha: None)
    needs = {name: take(session, name) for name in ("represent", "evaluate")}
    looked = attention.attention(session, **needs).value
    found = needs["evaluate"]
    activity = found.tables["activity"].assign(position="")
    tables = found.tables | {"activity": activity, "share_active": pd.DataFrame()}
    first, second, third, fourth = research_questions(
        session,
        normalize=take(session, "normalize"),
        evaluate=replace(found, tables=tables),
        attention=looked,
        blocks=take(session, "blocks"),
    ).value
    assert [answer.state for answer in (first, second, third, fourth)] == [
        "answered", "answered", "answered", "open",
    ]  # fmt: skip
    assert first.headline[0].values["kind"] in ("supervised", "unsupervised")
    assert [lacks.values for lacks in first.details] == [{"lacking": "measured"}]
    assert {pair.about["representation"] for pair in second.headline} == {"cnn+pixel-pca"}
    assert third.headline[0].about["representation"] in ("vae", "pixel-pca")
    assert ("vae", "untrained") in [
        (pair.about["representation"], pair.about.get("against"))
        for pair in third.details
        if pair.code == "research-compared"
    ]
    assert fourth.headline[0].code == "research-needs-cells"


def test_a_network_worth_explaining_is_asked_about_wells_it_never_saw(session, monkeypatch):
    monkeypatch.setattr(attention, "_withheld", lambda comparisons, network, alpha: None)
    needs = {name: take(session, name) for name in ("represent", "evaluate")}
    made = attention.attention(session, **needs)
    told, table = made.value.summary, made.files["activation.parquet"]
    tested = take(session, "splits").folds.table.set_index(["Metadata_Plate", "Metadata_Well"])[
        "fold"
    ]
    keys = pd.MultiIndex.from_frame(table[["Metadata_Plate", "Metadata_Well"]])
    assert (tested.loc[keys].astype(str).to_numpy() == table["fold"]).all()
    assert told["n_images"] == len(table) == 28
    assert told["enrichment"]["cells"]["value"] is None
    assert len(made.value.parts) == 0  # the fields have no outlines
    shown, drawn = made.files["attention.parquet"], made.files["attention.npz"]
    assert drawn["pixels"].shape == (len(shown), 5, 32, 32)
    assert drawn["maps"].shape == (len(shown), 32, 32)
    assert (drawn["maps"].max(axis=(1, 2)) == 255).all()
    plates = shown.groupby("shown_for")["Metadata_Plate"].nunique()
    assert (plates == 1).all()


def test_a_joint_network_learns_only_from_wells_with_features(session):
    table = take(session, "normalize")["pixel-pca"].normalized.wells
    given = profiles.take(table, np.arange(1, len(table)))
    lost = wells_of(profiles.metadata(profiles.take(table, np.array([0]))))
    work = replace(trainings(session, "cnn"), name="cnn-with-cellprofiler", features=given)
    block = work.block()
    assert len(block.tables["0"]) == len(table)
    assert all(not lost & set(card.trained_on) for card in block.cards.values())
    assert any(lost & set(card.trained_on) for card in represent(session)["cnn"].cards.values())


JOINT = "cellprofiler+cnn-with-cellprofiler"
OF_CELLS = f'["cnn", "cnn-shuffled", "cellprofiler", "cnn-with-cellprofiler", "{JOINT}"]'
CELLS = """
[networks]
epochs = 1
width = 4
batch = 16
size = 32
cells_per_well = 5
precision = "float32"
"""


@pytest.fixture(scope="module")
def of_cells(simulated, tmp_path_factory) -> Session:
    """The screen with networks that read cells."""
    copy = tmp_path_factory.mktemp("cells") / "copy"
    shutil.copytree(simulated, copy)
    text = (copy / "study.toml").read_text().replace('"Intensity"]', '"Intensity", "Location"]')
    text = text.replace("[represent]", f"[represent]\nrepresentations = {OF_CELLS}")
    (copy / "study.toml").write_text(text + CELLS)
    session = open_study(copy / "study.toml", out=copy / "out", jobs=1, progress=Told())
    represent(session)
    return session


def test_networks_read_a_crop_around_each_measured_cell(of_cells):
    work = trainings(of_cells, "cnn")
    images = work.prepared.images
    assert images.level == "cell"
    assert images.table.groupby(["Metadata_Plate", "Metadata_Well"]).size().max() == 5
    assert work.network.settings.pixels.size == 32
    cells = pd.concat(pd.read_parquet(path) for path in (of_cells.out / "cells").glob("*.parquet"))
    key = ["Metadata_Plate", "Metadata_Well", "Metadata_Site", "Metadata_ObjectNumber"]
    assert set(map(tuple, images.table[key].to_numpy())) <= set(map(tuple, cells[key].to_numpy()))
    numbers = images.table["Metadata_ObjectNumber"]
    assert all((work.prepared.labels(row)["Cells"] == n).any() for row, n in enumerate(numbers))


def test_maps_of_cells_are_told_by_compartment_and_stain(of_cells):
    work = explained(take(of_cells, "represent").trainings.values())
    fold, rows = next(folds_asked(work))
    (look,) = attention._look(work, fold, rows[::4], method="midpoint-gradients")
    known = look.parts.dropna(subset=["mass"])
    assert known["compartment"].nunique() == known["stain"].nunique() == 5
    images = len(known) / 25
    assert known["mass"].sum() == pytest.approx(images)
    assert known["area"].sum() == pytest.approx(images)
    found = where.by_treatment(look.parts, permutations=50)
    assert set(found["Metadata_Treatment"]) < set(look.table["Metadata_Treatment"])
    assert found["enrichment"].gt(0).any()


def test_a_network_of_cells_makes_a_profile_of_each_well_that_has_some(of_cells):
    block = represent(of_cells)["cnn"]
    cells = trainings(of_cells, "cnn").prepared.images.table
    wells = set(cells["Metadata_Plate"] + "/" + cells["Metadata_Well"])
    for table in block.tables.values():
        assert wells_of(table.index.to_frame(index=False)) == wells


def test_shuffled_labels_reach_the_network(of_cells):
    work = trainings(of_cells, "cnn-shuffled")
    assert work.network.settings.shuffle_labels
    assert not trainings(of_cells, "cnn").network.settings.shuffle_labels
    assert work.folder("0") != trainings(of_cells, "cnn").folder("0")
    why = attention._as_shuffled(work, alpha=0.05)  # its maps would be withheld
    assert why.code == "maps-as-shuffled" and why.about == {"representation": "cnn-shuffled"}


def test_cells_without_places_are_refused(simulated, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(simulated, copy)
    text = (copy / "study.toml").read_text()
    text = text.replace("[represent]", '[represent]\nrepresentations = ["cnn"]') + CELLS
    (copy / "study.toml").write_text(text)
    session = open_study(copy / "study.toml", out=copy / "out", jobs=1)
    with pytest.raises(InputError, match=r"measure\.families"):
        represent(session)


@pytest.mark.parametrize(
    ("wrong", "said"), [("tiles = 2", "input = 'images'"), ('input = "images"\nbox = 64', "box")]
)
def test_one_way_of_reading_images(simulated, tmp_path, wrong, said):
    path = tmp_path / "study.toml"
    path.write_text((simulated / "study.toml").read_text() + f"\n[networks]\n{wrong}\n")
    with pytest.raises(ConfigError, match=said):
        open_study(path, out=tmp_path)


def test_a_joint_network_reads_features_of_the_cells_it_sees(of_cells):
    work = trainings(of_cells, "cnn-with-cellprofiler")
    cells = work.prepared.images.table
    assert len(work.features) == len(cells)
    assert np.isfinite(work.features.to_numpy()).all()
    train = work.rows["0"]
    reduced = components(work.features, work.images, train)
    assert len(reduced) == len(cells) and reduced.shape[1] <= 50
    trained_on = wells_of(cells.iloc[train])
    other = work.features.copy()
    seen = (work.images["Metadata_Plate"] + "/" + work.images["Metadata_Well"]).isin(trained_on)
    other.loc[~seen.to_numpy()] += 5.0
    again = components(other, work.images, train)
    rows = seen.to_numpy()
    np.testing.assert_allclose(again[rows], reduced[rows], atol=1e-5)
    block = work.block()
    assert all(card.labels_seen for card in block.cards.values())


def test_a_joint_network_is_a_block_of_a_fusion_judged_on_wells_it_never_saw(of_cells):
    items, design = take(of_cells, "normalize"), take(of_cells, "splits")
    fused = fusions(of_cells, items, design=design)[JOINT].block
    assert set(fused.features) == set(JOINT.split("+"))
    work = trainings(of_cells, "cnn-with-cellprofiler")
    assert set(fused.unseen) == set(work.groups.unseen)  # activity: networks of other groups
    # of two folds nothing is left to cross, so that training wells have no say of it
    assert set(candidate(fused, design.folds).pipeline.blocks) == {"cellprofiler"}
