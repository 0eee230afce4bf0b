"""Layouts that position could explain are told from sound ones, and whom it concerns is named."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phenolens.errors import InputError
from phenolens.evaluate.layout.examine import Layout, examine_layout
from phenolens.profiles import COMPOUND, CONCENTRATION, CONTROL, PLATE, TREATMENT, WELL
from phenolens.simulate.arrangements import SOUND, Arrangement, arrange


def laid_out(kind: str = SOUND, **given: object) -> tuple[Layout, frozenset[str], pd.DataFrame]:
    wells, concerned = arrange(Arrangement(kind=kind, **given))
    return examine_layout(wells), concerned, wells


def named(layout: Layout) -> set[str]:
    return {name for finding in layout.replicates for name in finding.about["treatment"]}


def grid(names: list[list[str | None]], *, controls: tuple[str, ...] = ("DMSO",)) -> pd.DataFrame:
    """Plates of 96 wells, filled row by row."""
    rows = [
        (f"P{plate}", f"{'ABCDEFGH'[k // 12]}{k % 12 + 1:02d}", name)
        for plate, wells in enumerate(names)
        for k, name in enumerate(wells)
    ]
    frame = pd.DataFrame(rows, columns=[PLATE, WELL, TREATMENT])
    return frame.assign(**{CONTROL: frame[TREATMENT].isin(controls)})


@pytest.mark.parametrize("wells", [96, 384])
@pytest.mark.parametrize(("plates", "replicates"), [(1, 2), (2, 2), (4, 4), (4, 12), (8, 3)])
def test_scrambled_layouts_are_sound(wells, plates, replicates):
    found, _, _ = laid_out(wells=wells, plates=plates, replicates=replicates, seed=5)
    assert found.replicates == ()
    assert found.elsewhere.severity == found.controls.severity == "ok"
    assert found.doses is None
    assert found.unasked == {}


KINDS = [
    ("same", 2, 2, "layout-confounded", "same"),
    ("same", 4, 4, "layout-confounded", "same"),
    ("several", 2, 8, "layout-confounded", "same"),
    ("near", 2, 2, "layout-block", "near"),
    ("near", 4, 4, "layout-block", "near"),
    ("neighbours", 1, 2, "layout-block", "near"),
    ("moved neighbours", 4, 12, "layout-block", "near"),
    ("rows", 2, 2, "layout-block", "row"),
    ("rows", 1, 8, "layout-block", "row"),
    ("columns", 2, 2, "layout-block", "column"),
    ("quadrants", 1, 2, "layout-block", "quadrant"),
    ("quadrants", 4, 4, "layout-block", "quadrant"),
    ("edge", 1, 2, "layout-edge", "edge"),
    ("edge", 4, 4, "layout-edge", "edge"),
    ("serpentine", 2, 2, "layout-order", "order"),
    ("serpentine", 4, 4, "layout-order", "order"),
]


@pytest.mark.parametrize(("kind", "plates", "replicates", "code", "statistic"), KINDS)
@pytest.mark.parametrize("wells", [96, 384])
def test_each_kind_of_fault_is_found(kind, plates, replicates, code, statistic, wells):
    found, _, _ = laid_out(kind, wells=wells, plates=plates, replicates=replicates, seed=2)
    first = found.replicates[0]
    assert (first.code, first.values["statistic"]) == (code, statistic)
    assert first.values["p"] <= first.values["p_limit"] == 0.005
    assert first.values["share"] >= first.values["share_limit"]
    assert found.controls.severity == "ok"


@pytest.mark.parametrize(
    ("kind", "plates", "replicates", "bound"),
    [("same", 4, 4, True), ("near", 4, 4, True), ("neighbours", 1, 4, True), ("rows", 4, 4, True),
     ("columns", 4, 4, True), ("several", 2, 8, False), ("moved neighbours", 4, 12, False),
     (SOUND, 4, 4, False)],
)  # fmt: skip
def test_whether_treatments_lie_elsewhere_is_a_finding_of_its_own(kind, plates, replicates, bound):
    found, _, wells = laid_out(kind, plates=plates, replicates=replicates, seed=1)
    elsewhere = found.elsewhere
    assert elsewhere.severity == ("warning" if bound else "ok")
    count = wells.loc[~wells[CONTROL], TREATMENT].nunique()
    assert elsewhere.values["replicated"] == count
    assert elsewhere.values["elsewhere"] == count - len(elsewhere.about["treatment"])
    assert (len(elsewhere.about["treatment"]) > 0.9 * count) == bound


def test_many_scattered_wells_that_touch_lie_at_more_than_one_location():
    rng = np.random.default_rng(0)
    names = ["DMSO"] * 12 + [f"t{k % 6}" for k in range(84)]
    scattered = examine_layout(grid([rng.permutation(names).tolist() for _ in range(6)]))
    assert scattered.elsewhere.severity == "ok"
    half = (["left"] * 6 + ["right"] * 6) * 8
    halves = examine_layout(grid([half] * 3)).elsewhere
    assert (halves.severity, halves.about["treatment"]) == ("warning", ("left", "right"))


@pytest.mark.parametrize("controls", ["one column", "two columns"])
@pytest.mark.parametrize("wells", [96, 384])
def test_controls_in_columns_say_nothing_about_the_rest(controls, wells):
    found, _, _ = laid_out(wells=wells, controls=controls, seed=3)
    assert found.replicates == ()
    assert found.controls.severity == "warning"
    assert found.controls.values["columns"] == 1 + (controls == "two columns")
    assert "1 column;" in found.controls.text or controls == "two columns"


def test_controls_in_four_columns_spread_over_the_plate_are_near_everything():
    wells, _ = arrange(Arrangement(plates=1, replicates=2))
    spread = wells[WELL].str[1:].isin(["03", "09", "15", "21"])
    wells = wells.assign(**{CONTROL: spread})
    wells.loc[spread, TREATMENT] = "DMSO"
    wells.loc[~spread & (wells[TREATMENT] == "DMSO"), TREATMENT] = "other"
    assert examine_layout(wells).controls.severity == "ok"


def test_controls_in_a_corner_are_elsewhere():
    wells = grid([["a", "b"] * 48])
    corner = wells[WELL].str[0].isin(list("AB")) & wells[WELL].str[1:].isin(["01", "02", "03"])
    wells = wells.assign(**{CONTROL: corner})
    found = examine_layout(wells).controls
    assert found.severity == "warning"
    assert found.values["distance"] > 1.5 * found.values["distance_expected"]


@pytest.mark.parametrize(
    ("kind", "plates", "replicates", "wells"),
    [("same", 4, 4, 96), ("same", 3, 3, 384), ("several", 2, 8, 384), ("near", 4, 4, 96),
     ("moved neighbours", 2, 6, 384), ("rows", 4, 4, 384), ("columns", 4, 4, 384),
     ("quadrants", 4, 4, 384), ("quadrants", 6, 6, 384), ("edge", 4, 4, 384), ("edge", 6, 6, 96),
     ("edge", 4, 4, 96)],
)  # fmt: skip
def test_the_part_of_the_treatments_that_is_concerned_is_named(kind, plates, replicates, wells):
    hits, all_hits, false, all_others = 0, 0, 0, 0
    for seed in range(4):
        found, concerned, frame = laid_out(
            kind, plates=plates, replicates=replicates, wells=wells, share=0.25, seed=seed
        )
        others = set(frame.loc[~frame[CONTROL], TREATMENT]) - concerned
        hits, all_hits = hits + len(named(found) & concerned), all_hits + len(concerned)
        false, all_others = false + len(named(found) & others), all_others + len(others)
    assert hits >= 0.95 * all_hits
    assert false <= 0.02 * all_others


def test_names_that_are_not_all_say_so():
    """A treatment with two of three wells in a row cannot be told from chance."""
    found, concerned, _ = laid_out("rows", plates=2, replicates=3, share=0.42, seed=0)
    (finding,) = found.replicates
    assert finding.values["complete"] is False
    assert 0.6 * len(concerned) < len(named(found) & concerned) < len(concerned)
    assert finding.text.startswith(f"At least {len(finding.about['treatment'])} of ")
    found, concerned, _ = laid_out("near", plates=4, replicates=4, share=0.42, seed=0)
    assert found.replicates[0].values["complete"] is True
    assert named(found) >= concerned


def test_two_replicates_go_without_names():
    found, _, _ = laid_out("rows", plates=2, replicates=2, wells=96, share=0.5, seed=0)
    (finding,) = found.replicates
    assert (finding.about["treatment"], finding.values["named"]) == ((), 0)
    assert "more often than scrambling would put them" in finding.text


@pytest.mark.parametrize(
    ("kind", "replicates", "plates"),
    [("moved neighbours", 8, ("P04",)), ("edge", 12, ("P04",)), ("same", 4, ("P03", "P04"))],
)
def test_one_faulty_plate_of_four_is_named(kind, replicates, plates):
    found, _, _ = laid_out(kind, replicates=replicates, one_plate=True, seed=6)
    assert found.replicates[0].about["plate"] == plates
    assert found.replicates[0].text.startswith(f"On {', '.join(plates)}: ")


def test_a_few_fixed_treatments_on_a_large_screen_are_no_finding():
    wells, _ = arrange(Arrangement("same", share=0.02, seed=1))
    assert examine_layout(wells).replicates == ()


def doses(*, moved: bool, mixed: bool = False) -> pd.DataFrame:
    """Fourteen compounds of six doses in neighbouring wells, on three plates; row H is DMSO."""
    rng = np.random.default_rng(0)
    frames = []
    for plate in range(3):
        series = rng.permutation(14) if moved else np.arange(14)
        names: list[tuple[str, float]] = [("DMSO", np.nan)] * 96
        for number, compound in enumerate(series):
            row, half = divmod(number, 2)
            for place, dose in enumerate(rng.permutation(6) if moved else range(6)):
                names[row * 12 + half * 6 + place] = (f"c{compound:02d}", 10.0 ** -int(dose))
        if mixed:
            names = [names[k] for k in rng.permutation(96)]
        frame = grid([[name for name, _ in names]])
        frame[COMPOUND], frame[CONCENTRATION] = frame[TREATMENT], [dose for _, dose in names]
        label = frame[COMPOUND] + "@" + frame[CONCENTRATION].astype(str)
        frames.append(frame.assign(**{PLATE: f"P{plate}", TREATMENT: label}))
    return pd.concat(frames, ignore_index=True)


@pytest.mark.parametrize(("moved", "severity"), [(False, "warning"), (True, "info")])
def test_doses_side_by_side_are_a_finding_of_their_own(moved, severity):
    found = examine_layout(doses(moved=moved))
    assert found.doses.severity == severity
    assert found.doses.values["compounds"] == 14
    codes = {finding.code for finding in found.replicates}
    assert codes == (set() if moved else {"layout-confounded"})


def test_scrambled_doses_are_no_finding():
    found = examine_layout(doses(moved=True, mixed=True))
    assert (found.doses, found.replicates) == (None, ())


def test_doses_of_a_compound_are_no_replicates_of_it():
    found = examine_layout(doses(moved=True), label=COMPOUND)
    assert found.replicates == ()
    one_plate = doses(moved=True).query(f"{PLATE} == 'P0'")
    assert examine_layout(one_plate, label=COMPOUND).unasked["replicates"].text == (
        "doses are a treatment's only replicates"
    )


def test_plates_of_one_well_say_what_cannot_be_asked():
    wells = pd.DataFrame({PLATE: [f"P{n}" for n in range(8)], WELL: "A01"})
    wells[TREATMENT] = list("aabbccdd")
    found = examine_layout(wells)
    assert (found.replicates, found.elsewhere, found.controls) == ((), None, None)
    assert found.unasked["replicates"].text == "all treated wells are at one position"
    assert found.unasked["controls"].text == "no well is a control"


def test_one_treated_well_a_plate_beside_controls_keeps_its_position():
    wells = grid([["DMSO"] * 5 + [name] for name in "aabbccdd"])
    (finding,) = examine_layout(wells).replicates
    assert (finding.code, finding.severity) == ("layout-confounded", "error")
    assert finding.about["treatment"] == ("a", "b", "c", "d")
    assert "4 of 4 replicated treatments" in finding.text


def test_without_controls_the_other_two_are_asked():
    wells, _ = arrange(Arrangement("same", plates=2, replicates=2, wells=96))
    found = examine_layout(wells[~wells[CONTROL]].drop(columns=CONTROL))
    assert {name: why.text for name, why in found.unasked.items()} == {
        "controls": "no well is a control"
    }
    assert found.replicates[0].code == "layout-confounded"


def test_a_label_in_every_well_cannot_be_scrambled():
    found = examine_layout(grid([["a"] * 96, ["a"] * 96]))
    assert found.unasked["replicates"].text == "every treated well carries the same treatment"


def test_half_a_plate_a_label_is_one_part_of_the_plate():
    halves = [["a" if k % 12 < 6 else "b" for k in range(96)]] * 2
    found = examine_layout(grid(halves))
    assert {finding.code for finding in found.replicates} >= {"layout-block"}


def test_wells_without_labels_take_no_part():
    wells, _ = arrange(Arrangement("rows", plates=4, replicates=4, wells=96))
    blank = wells.assign(**{TREATMENT: None, CONTROL: False})
    blank[WELL] = "A01"
    blank[PLATE] = [f"Q{n}" for n in range(len(blank))]
    both = examine_layout(pd.concat([wells, blank], ignore_index=True))
    assert both == examine_layout(wells)
    assert examine_layout(blank).unasked["replicates"].text == "no well carries a treatment"


def test_single_wells_have_no_replicates():
    found = examine_layout(grid([[f"t{k}" for k in range(90)] + ["DMSO"] * 6]))
    assert found.unasked["replicates"].text == "no treatment has two wells"
    assert found.controls.severity == "warning"  # the last half row


@pytest.mark.parametrize("missing", [PLATE, WELL, TREATMENT])
def test_a_table_without_a_place_says_what_is_missing(missing):
    with pytest.raises(InputError, match=f"not known without {missing}"):
        examine_layout(grid([["a", "b"]]).drop(columns=missing))


def test_wells_that_are_no_wells_are_refused():
    with pytest.raises(InputError, match="'Z99' is not a well name"):
        examine_layout(grid([["a", "b"]]).replace({WELL: {"A01": "Z99"}}))


SMALL = {
    kind: arrange(Arrangement(kind, plates=2, replicates=2, wells=96, seed=9))[0]
    for kind in (SOUND, "same", "columns")
}


@settings(max_examples=15, deadline=None)
@given(kind=st.sampled_from(sorted(SMALL)), seed=st.integers(0, 2**32 - 1))
def test_neither_the_order_of_rows_nor_the_spelling_of_wells_matters(kind, seed):
    wells = SMALL[kind]
    rng = np.random.default_rng(seed)
    mixed = wells.iloc[rng.permutation(len(wells))].copy()
    short = mixed[WELL].str[0] + mixed[WELL].str[1:].str.lstrip("0")
    mixed[WELL] = np.where(rng.random(len(mixed)) < 0.5, short.str.lower(), mixed[WELL])
    assert examine_layout(mixed) == examine_layout(wells)


def test_a_seed_gives_one_answer():
    wells = SMALL["columns"]
    assert examine_layout(wells, seed=1) == examine_layout(wells, seed=1)
    first, other = (examine_layout(wells, seed=seed).replicates[0] for seed in (1, 2))
    assert first.values["observed"] == other.values["observed"]
    assert first.values["expected"] != other.values["expected"]


@pytest.mark.parametrize("kind", ["same", "near", "rows", "columns", "quadrants", "edge"])
def test_every_finding_has_words(kind):
    wells, _ = arrange(Arrangement(kind, seed=3))
    found = examine_layout(wells)
    for finding in (*found.replicates, found.elsewhere, found.controls):
        assert finding.text.endswith(".")
        assert bool(finding.said.remedy) == (finding.severity != "ok")
