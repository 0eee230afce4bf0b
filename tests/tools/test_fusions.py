"""What weighs the blocks of a fusion is never what is scored with them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import phenolens as pl
from phenolens import profiles
from phenolens.profiles import TREATMENT
from phenolens.represent.base import ALL, Card
from phenolens.splits.roles import EVALUATION
from phenolens.tools.activity import activity_of
from phenolens.tools.block import NOBODY, Block
from phenolens.tools.classify import candidate
from phenolens.tools.fusions import (
    _groups,
    joined,
    weighed_for_activity,
    weighed_for_matching,
    with_noise,
)
from phenolens.tools.names import control_of, is_fusion_proper, is_noise_control
from phenolens.tools.representation import Profiles
from phenolens.words import names


@pytest.fixture(scope="module")
def halves() -> tuple[Profiles, Block, Block]:
    screen, _ = pl.simulate_profiles(
        treatments=12, features=60, plates=3, active=1.0, mechanisms=4, effect=3.0, seed=3
    )
    item = pl.read(screen).with_settings(permutations=200)
    wells = item.compared.wells
    first = replace(item.compared, name="one", tables={ALL: wells.iloc[:, ::2]})
    return item, first, replace(first, name="two", tables={ALL: wells.iloc[:, 1::2]})


def changed(block: Block, rows: np.ndarray) -> Block:
    """The block with other values in some wells."""
    wells = block.wells.copy()
    draw = np.random.default_rng(5).normal(size=(int(rows.sum()), wells.shape[1]))
    wells.iloc[np.flatnonzero(rows)] = (10 * draw).astype(np.float32)
    return replace(block, tables={ALL: wells})


def test_a_treatment_and_the_controls_of_its_test_have_no_say_in_its_shares(halves):
    item, first, second = halves
    fused = joined("one+two", [first, second])
    roles = item.design.role_of(fused.wells).to_numpy()
    treatment = profiles.column(fused.wells, TREATMENT)
    groups = {group: names for group, (_, names) in _groups(fused, seed=0).items()}
    assert sorted(name for names in groups.values() for name in names) == sorted(
        set(treatment[~profiles.is_control(fused.wells)])
    )
    before = choices(fused, item)
    for group, own in groups.items():
        rows = np.isin(treatment, own) | np.isin(roles, EVALUATION)
        after = choices(changed(fused, rows), item)
        assert after[group] == before[group]
        assert all(after[other] != before[other] for other in groups if other != group)


def choices(block: Block, item: Profiles) -> dict[str, object]:
    """By group of treatments, what was chosen for it."""
    parts = weighed_for_activity(block, item.design, seed=0)
    return {group: choice for one in parts for group, choice in one.choices.items()}


def test_mechanisms_have_no_say_in_the_shares_of_matching(halves):
    item, first, second = halves
    fused = joined("one+two", [first, second])
    wells = fused.wells
    mixed = np.random.default_rng(1).permutation(profiles.column(wells, "Metadata_Mechanism"))
    other = profiles.with_metadata(wells, {"Metadata_Mechanism": mixed})
    kept, new = (
        weighed_for_matching(block, item.design, seed=0).choices[ALL]
        for block in (fused, replace(fused, tables={ALL: other}))
    )
    assert kept == new and sum(kept.weights.values()) == pytest.approx(1.0)


def test_noise_beside_a_block_leaves_activity_and_matching_as_they_are(halves):
    item, first, second = halves
    control = with_noise(first, [second], seed=0)
    assert control.name == control_of("one+two", best="one") == "one+noise:two"
    fused, alone = (
        Profiles(block, item.design, item.settings, stage="compared") for block in (control, first)
    )
    for ask in (activity_of, pl.match):
        told, plain = ask(fused), ask(alone)
        values = ["map", "p"]
        pd.testing.assert_frame_equal(told.table[values], plain.table[values])
        shares = told.more["fusion"].query("share > 0")
        assert set(shares["block"]) == {"one"} and (shares["share"] == 1).all()
    assert told.summary["space"].endswith("blocks weighed by replicates")


def test_controls_of_three_blocks_hold_noise_for_two(halves):
    _, first, second = halves
    third = replace(second, name="three")
    control = with_noise(first, [second, third], seed=0)
    assert control.name == "one+noise:two,three" == control_of("one+two+three", best="one")
    assert is_noise_control(control.name) and is_fusion_proper("one+two+three")
    widths = {name: len(columns) for name, columns in control.features.items()}
    assert widths == {"one": 30, "noise": 30, "noise2": 30}
    wells = control.wells
    noisy = [wells[control.features[name]].to_numpy() for name in ("noise", "noise2")]
    assert not np.array_equal(*noisy)
    assert names.label(control.name) == "one + noise as wide as two and three"


def test_treatments_whose_labels_any_block_saw_are_judged_by_none(halves):
    _, first, second = halves
    treated = profiles.column(first.wells, TREATMENT)[~profiles.is_control(first.wells)]
    known = sorted(set(treated))
    groups = {"group-0": tuple(known[:6]), "group-1": tuple(known[6:])}
    tables = {ALL: first.wells, **dict.fromkeys(groups, first.wells)}
    network = replace(first, unseen=groups, tables=tables)
    given = replace(second, unseen={"labels-unseen": tuple(known[4:8])})
    fused = joined("one+two", [given, network])
    assert fused.unseen == {"group-0": tuple(known[4:6]), "group-1": tuple(known[6:8])}
    nobody = replace(second, unseen={NOBODY: ()})
    assert joined("one+two", [network, nobody]).unseen == {NOBODY: ()}


def test_what_learned_labels_elsewhere_may_be_judged_on_training_wells(halves):
    item, first, second = halves
    seen = Card(
        "two", "well", (), learns="labels", labels_seen=("a",), preprocessing={"given": True}
    )
    elsewhere = replace(second, cards={ALL: seen})
    here = replace(seen, trained_on=(profiles.well_names(second.wells)[0],), preprocessing={})
    own = replace(second, cards={ALL: here})
    for other, judged in ((elsewhere, {"one", "two"}), (own, {"one"})):
        fused = joined("one+two", [first, other])
        asked = candidate(fused, item.design.folds)
        assert set(asked.pipeline.blocks) == judged
