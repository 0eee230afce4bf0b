"""The four research questions: always all four, for any name, each a finding with its numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from phenolens.evaluate.results import result, result_table
from phenolens.findings import Finding
from phenolens.published.questions import Inputs, answers

KEYS = ["research-apart", "research-fusion", "research-unsupervised", "research-attention"]
KINDS = {
    "stains": "measured",
    "eye": "supervised",
    "eye-and-stains": "fusion",
    "dream": "unsupervised",
    "random": "baseline",
}


def pair(a: str, b: str, low: float, high: float, *, p: float = 0.01, task: str = "activity"):
    row = {"task": task, "metric": "m", "a": a, "b": b, "n": 9, "low": low, "high": high}
    row |= {"difference": (low + high) / 2, "p": p, "p_holm": p, "smallest_detectable": 0.3}
    return row | {"space_a": "normalized", "space_b": "whitened"}


def inputs(*rows: dict, shares: dict[str, float] | None = None, **other: object) -> Inputs:
    """What the questions read: these comparisons, and a share active for each name in them."""
    names = dict.fromkeys([*(shares or {}), *(row[side] for row in rows for side in "ab")])
    scores = [
        result(name, "activity", "fraction_active", value=(shares or {}).get(name, 0.4), n=10,
               interval=(0.2, 0.6))
        for name in names
    ]  # fmt: skip
    results = result_table(scores) if scores else pd.DataFrame()
    if scores:
        results = results.assign(space="normalized")
    nothing = pd.DataFrame()
    kinds = {name: KINDS[name] for name in names if name in KINDS}
    return replace(
        Inputs(results, pd.DataFrame(rows), nothing, nothing, kinds, unlearned=("random",)), **other
    )


def test_nothing_at_all_still_gives_all_four_with_what_each_would_need():
    found = answers(inputs())
    assert [answer.key for answer in found] == KEYS
    for answer in found:
        assert answer.state == "open"
        (needs,) = answer.headline
        assert needs.code.startswith("research-needs-") and needs.severity == "info"
        assert "would need" in answer.short
        assert answer.question.endswith("?")


@pytest.mark.parametrize(
    ("low", "high", "p", "outcome", "said"),
    [
        (0.1, 0.3, 0.01, "worse", "eye is worse than stains"),
        (-0.3, -0.1, 0.01, "better", "eye is better than stains in normalized mAP (+0.200"),
        (0.1, 0.3, 0.20, "unsure", "not surely worse (p = 0.20 over all comparisons) than"),
        (-0.1, 0.3, 0.01, "similar", "0.3 would have been seen"),
    ],
)
def test_the_first_compares_learned_with_measured_whichever_way_the_table_has_them(
    low, high, p, outcome, said
):
    first = answers(inputs(pair("stains", "eye", low, high, p=p)))[0]
    assert first.state == "answered"
    (compared,) = first.details
    assert compared.about == {"representation": "eye", "against": "stains", "task": "activity"}
    assert compared.values["outcome"] == outcome
    assert (compared.values["low"], compared.values["high"]) == (-high, -low)
    assert compared.values["spaces"] == ["whitened", "normalized"]
    assert said in compared.text


def test_the_first_names_the_representation_that_finds_most():
    asked = inputs(pair("stains", "eye", 0.1, 0.3), shares={"stains": 0.7, "eye": 0.3})
    (best,) = answers(asked)[0].headline
    assert best.about == {"representation": "stains"}
    assert (best.code, best.values["value"], best.values["low"]) == ("research-active", 0.7, 0.2)
    assert best.text == (
        "Yes: by stains, 70 % of 10 treatments differ from controls (95 % interval 20 % to 60 %)."
    )


def test_where_one_side_is_lacking_the_first_says_which():
    (lacks,) = answers(inputs(shares={"stains": 0.7}))[0].details
    assert lacks.values == {"lacking": "learned"}
    (lacks,) = answers(inputs(shares={"eye": 0.7}))[0].details
    assert lacks.values == {"lacking": "measured"}


def test_what_nothing_says_is_counted_as_given_and_said_so():
    first = answers(inputs(pair("stains", "mystery", 0.1, 0.3)))[0]
    codes = [found.code for found in first.details]
    assert codes == ["research-needs-kind", "research-kind-unknown"]
    assert first.details[1].about == {"representation": ["mystery"]}
    assert "kind" in first.details[1].text


def test_what_position_could_explain_is_not_answered_and_fusion_only_by_classification():
    activity = pd.DataFrame({"p": [0.1, 0.2], "position": ["row", "row"]})
    rows = [
        pair("stains", "eye", 0.1, 0.3),
        pair("eye+stains", "stains", 0.1, 0.2),
        pair("eye+stains", "stains", -0.1, 0.2, task="classification"),
        pair("dream", "random", 0.1, 0.2),
    ]
    first, second, third, _ = answers(inputs(*rows, activity=activity))
    assert [first.headline[0].code, third.headline[0].code] == ["research-by-position"] * 2
    assert [found.about["task"] for found in second.headline] == ["classification"]


@pytest.mark.parametrize(
    ("bound", "code"),
    [(0.31, "research-active-unnamed"), (0.0, "research-no-single-hit"),
     (np.nan, "research-no-single-hit")],
)  # fmt: skip
def test_a_share_without_names_has_its_bound_or_is_withheld(bound, code):
    share = pd.DataFrame([{"representation": name, "low": bound} for name in ("stains", "eye")])
    first = answers(inputs(pair("stains", "eye", 0.1, 0.3), share_active=share))[0]
    assert first.headline[0].code == code
    assert ("at least 31 %" in first.short) == (code == "research-active-unnamed")


def test_a_fusion_stands_beside_its_best_block_and_noise():
    second = answers(
        inputs(
            pair("eye+stains", "stains", 0.1, 0.2),
            pair("eye+stains", "stains+noise:eye", -0.1, 0.2, p=0.5),
        )
    )[1]
    assert [found.about["against"] for found in second.headline] == ["stains"]
    assert [found.about["against"] for found in second.details] == ["stains+noise:eye"]
    assert "eye + stains is better than stains in normalized mAP" in second.short


def test_a_network_trained_on_both_is_held_against_its_better_half():
    second = answers(
        inputs(
            pair("stains", "eye", 0.1, 0.3),
            pair("stains", "eye-and-stains", 0.2, 0.4),
            pair("eye", "eye-and-stains", 0.0, 0.1, p=0.5),
        )
    )[1]
    (found,) = second.headline
    assert found.about["against"] == "stains" and found.values["outcome"] == "worse"


def test_the_third_is_about_embeddings_that_saw_no_label():
    third = answers(
        inputs(
            pair("dream", "random", 0.1, 0.2),
            pair("dream+stains", "stains", -0.2, -0.1),
            pair("eye+stains", "stains", 0.1, 0.2),
        )
    )[2]
    assert third.headline[0].about == {"representation": "dream"}
    against = [(f.about["representation"], f.about["against"]) for f in third.details]
    assert against == [("dream", "random"), ("dream+stains", "stains")]
    alone = answers(inputs(shares={"dream": 0.2}))[2]
    assert [found.code for found in alone.details] == [
        "research-needs-unlearned", "research-needs-fusion",
    ]  # fmt: skip


MAPS = {
    "network": "eye",
    "part": "cells",
    "enrichment": {"cells": {"value": 1.7, "low": 1.4, "high": 2.2, "n_wells": 40}},
    "randomised": {
        "correlation": 0.2,
        "cells_over_random": {"value": 0.5, "low": 0.1, "high": 0.9, "n_wells": 40},
    },
}


def test_the_fourth_reads_the_maps_and_those_of_random_weights():
    fourth = answers(inputs(attention=MAPS))[3]
    marked, random = fourth.headline
    assert marked.values["outcome"] == "more" and random.values["learned"]
    assert fourth.short.startswith("Its maps mark cells more than their share of the area (1.70")
    why = Finding("maps-nothing-held-out", "warning").to_dict()
    withheld = answers(inputs(attention={"withheld_because": why}))[3]
    assert withheld.headline[0].severity == "warning" and withheld.state == "open"
    no_cells = answers(inputs(attention=MAPS | {"enrichment": {}}))[3]
    assert no_cells.headline[0].code == "research-needs-cells"


@pytest.fixture(scope="module")
def published_size() -> Inputs:
    """Made-up tables of four plates of 384 wells: 302 compounds, five blocks, two fusions."""
    from phenolens.tools.compare import comparisons
    from phenolens.tools.names import noise_name

    draw = np.random.default_rng(0)
    level = {"stains": 0.20, "eye": 0.30, "dream": 0.10, "random": 0.10, "eye+stains": 0.40,
             "dream+stains": 0.20, noise_name("eye", "stains"): 0.29,
             noise_name("stains", "dream"): 0.19}  # fmt: skip
    common = draw.normal(0, 0.2, 302)
    tables = [
        pd.DataFrame(
            {
                "representation": name,
                "Metadata_Treatment": [f"compound {number}" for number in range(302)],
                "Metadata_Compound": [f"compound {number}" for number in range(302)],
                "map_normalized": mean + common + draw.normal(0, 0.05, 302),
                "p": draw.uniform(size=302),
                "position": "",
                "space": "normalized, selected, whitened",
            }
        )
        for name, mean in level.items()
    ]
    activity = pd.concat(tables, ignore_index=True)
    scores = [
        result(name, "activity", "fraction_active", value=mean + 0.2, n=302,
               interval=(mean + 0.1, mean + 0.3))
        for name, mean in level.items()
    ]  # fmt: skip
    return Inputs(
        result_table(scores).assign(space="normalized, selected, whitened"),
        comparisons(activity, None, seed=0, split="plate"),
        activity,
        pd.DataFrame(),
        KINDS,
        unlearned=("random",),
        attention=MAPS,
    )


def test_a_study_of_the_published_size_has_all_four_answered(published_size):
    first, second, third, fourth = answers(published_size)
    assert {answer.state for answer in (first, second, third, fourth)} == {"answered"}
    assert first.headline[0].about == {"representation": "eye"}
    compared = {pair.about["representation"]: pair.values for pair in first.details}
    assert compared["eye"]["outcome"] == "better" and compared["dream"]["outcome"] == "worse"
    assert compared["eye"]["n"] == 302 and compared["eye"]["low"] > 0.05
    (fused,) = second.headline
    assert (fused.about["against"], fused.values["outcome"]) == ("eye", "better")
    assert [pair.about["against"] for pair in second.details] == ["eye+noise:stains"]
    beside, *_ = third.details
    assert (beside.about["against"], beside.values["outcome"]) == ("random", "similar")
    assert "would have been seen" in beside.text
    for answer in (first, second, third, fourth):
        for found in (*answer.headline, *answer.details):
            assert found.values["low"] <= found.values["high"]
            assert found.text.endswith(".")


def test_no_order_and_no_number_depends_on_a_sentence(published_size, monkeypatch):
    from phenolens import words

    before = [answer.to_dict() for answer in answers(published_size)]
    monkeypatch.setattr(words, "say", lambda code, /, **values: words.Said(code))
    after = [answer.to_dict() for answer in answers(published_size)]
    for old, new in zip(before, after, strict=True):
        assert (old["key"], old["state"], old["evidence"]) == (
            new["key"], new["state"], new["evidence"]
        )  # fmt: skip
        for part in ("headline", "details"):
            data = [
                [(f["code"], f["about"], f["values"]) for f in item[part]] for item in (old, new)
            ]
            assert data[0] == data[1]
            assert {f["what"] for f in new[part]} <= {f["code"] for f in old[part]}


def test_a_doubtful_block_in_the_winning_fusion_makes_the_gain_doubtful():
    unknown = Finding(
        "training-unknown", "warning", {"representation": "eye"}, {"of": "eye", "unknown": []}
    )
    won = (pair("eye+stains", "stains", 0.1, 0.3), pair("eye+stains", "stains+noise:eye", 0.1, 0.2))
    sure, doubtful = (answers(inputs(*won, doubts=doubts))[1] for doubts in ((), (unknown,)))
    assert sure.state == "answered" and doubtful.state == "doubtful"
    assert "That is doubtful: eye may have learned from the wells" in doubtful.short
    assert unknown in doubtful.details
    lost = (pair("eye+stains", "stains", -0.3, -0.1),)
    assert answers(inputs(*lost, doubts=(unknown,)))[1].state == "answered"
    elsewhere = replace(unknown, about={"representation": "dream"})
    assert answers(inputs(*won, doubts=(elsewhere,)))[1].state == "answered"
