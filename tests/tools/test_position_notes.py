"""Every question that compares wells says where position could explain it, and else nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from phenolens.simulate.arrangements import SOUND, Arrangement, arrange
from phenolens.tools.activity import activity
from phenolens.tools.classify import classify
from phenolens.tools.cluster import cluster
from phenolens.tools.compare import compare
from phenolens.tools.dose import dose
from phenolens.tools.match import match
from phenolens.tools.read import read
from phenolens.tools.retrieve import retrieve

CODE = "position-could-explain"


def screen(kind: str = SOUND, **given: object) -> tuple[pd.DataFrame, frozenset[str]]:
    """A layout with random features, a mechanism for every fourth treatment, and doses."""
    shape = {"plates": 3, "replicates": 3, "wells": 96, "seed": 7} | given
    wells, concerned = arrange(Arrangement(kind, **shape))
    number = wells["Metadata_Treatment"].str.extract(r"(\d+)")[0].astype(float)
    values = np.random.default_rng(0).normal(size=(len(wells), 12))
    features = pd.DataFrame(values).add_prefix("Cells_Texture_")
    mechanism = number.mod(4).map(lambda n: None if np.isnan(n) else f"m{n:.0f}")
    described = wells.assign(Metadata_Mechanism=mechanism)
    return pd.concat([described, features], axis=1), concerned


def findings(result, code: str = CODE) -> list:
    return [found for found in result.findings if found.code == code]


def ask(question, table: pd.DataFrame):
    by = {"same_by": "Metadata_Treatment"}
    if question is activity:
        return activity(table, permutations=99, **by)
    if question is match:
        return match(table, permutations=99, **by)
    if question is classify:
        return classify(table, baselines=False, bootstrap=10, **by)
    if question is compare:
        return compare({"one": table, "other": table}, tasks=["activity"], **by)
    return question(table, **by)


ASKED = [activity, match, retrieve, classify, cluster, compare]


@pytest.mark.parametrize("question", ASKED)
def test_rows_are_told_by_every_question(question):
    (finding,) = findings(ask(question, screen("rows")[0]))
    assert finding.severity == "warning"
    assert finding.text.startswith("position could explain this: ")
    assert "in one row" in finding.text
    assert finding.values["finding"] == "layout-block"
    assert finding.values["p"] <= finding.values["p_limit"]


@pytest.mark.parametrize("question", ASKED)
def test_a_scrambled_layout_is_passed_over_in_silence(question):
    found = ask(question, screen()[0])
    assert findings(found) == []
    if "note" in found.table:
        assert not found.table["note"].str.contains(CODE).any()


def test_controls_in_two_columns_mark_every_p():
    found = ask(activity, screen(controls="two columns")[0])
    (finding,) = findings(found)
    assert finding.values["finding"] == "controls-elsewhere"
    assert found.table["note"].eq(CODE).all()


def test_only_the_treatments_concerned_are_marked():
    table, concerned = screen("near", plates=4, replicates=4, wells=384, share=0.2)
    found = ask(activity, table).table
    marked = set(found.loc[found["note"].str.contains(CODE), "Metadata_Treatment"])
    assert len(marked & concerned) >= 0.95 * len(concerned)
    assert len(marked - concerned) <= 0.02 * (len(found) - len(concerned))


def test_where_more_are_concerned_than_can_be_named_all_are_marked():
    table, _ = screen("rows", plates=2, replicates=3, wells=384, share=0.42, seed=0)
    found = ask(activity, table)
    (finding,) = findings(found)
    assert finding.values["complete"] is False and finding.values["named"] > 0
    assert finding.about["treatment"] == ()
    tested = found.table["p"].notna()
    assert found.table.loc[tested, "note"].str.contains(CODE).all()


def test_a_fixed_layout_is_told_once_by_activity_and_by_the_others():
    table, _ = screen("same")
    told = ask(activity, table)
    assert findings(told) == []
    assert len(findings(told, "position-not-separated")) == 1
    marked = told.table["note"].str.startswith("position-not-separated few-positions-to-compare")
    assert marked.all()
    (finding,) = findings(ask(match, table))
    assert finding.values["finding"] == "layout-confounded"
    assert "at the same position on every plate" in finding.text


def test_an_order_of_dispensing_is_told_but_marks_no_p():
    found = ask(activity, screen("serpentine", seed=1)[0])
    (finding,) = findings(found)
    assert finding.values["finding"] == "layout-order"
    assert "the same neighbours again" in finding.text
    assert not found.table["note"].str.contains(CODE).any()


def doses(rng: np.random.Generator | None) -> pd.DataFrame:
    """Twelve compounds of six doses in neighbouring wells; scrambled with a generator."""
    frames = []
    for plate in range(3):
        place = np.arange(96) if rng is None else rng.permutation(96)
        compound, step = np.divmod(np.arange(96), 6)
        control = compound >= 12
        frames.append(
            pd.DataFrame(
                {
                    "Metadata_Plate": f"P{plate}",
                    "Metadata_Well": [f"{'ABCDEFGH'[k // 12]}{k % 12 + 1:02d}" for k in place],
                    "Metadata_Compound": np.where(control, "DMSO", [f"c{c}" for c in compound]),
                    "Metadata_Concentration": np.where(control, 0.0, 10.0**-step),
                    "Metadata_Control": control,
                }
            )
        )
    frame = pd.concat(frames, ignore_index=True)
    values = np.random.default_rng(1).normal(size=(len(frame), 12))
    return pd.concat([frame, pd.DataFrame(values).add_prefix("Cells_Texture_")], axis=1)


def test_doses_side_by_side_are_told_by_the_dose_question():
    found = {finding.values["finding"] for finding in findings(dose(doses(None)))}
    assert found >= {"layout-doses", "layout-confounded"}
    assert findings(dose(doses(np.random.default_rng(0)))) == []


def test_profiles_without_treatments_have_no_layout():
    table, _ = screen()
    bare = table.drop(columns=["Metadata_Treatment", "Metadata_Mechanism", "Metadata_Control"])
    profiles = read(bare)
    assert profiles.layout is None
    assert profiles.position_findings == profiles.dose_findings == ()
