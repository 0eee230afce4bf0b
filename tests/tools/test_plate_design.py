"""What is proposed before plating: sound layouts, readable maps, and the test's own numbers."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

import phenolens as pl
from phenolens.audit.audit import audit_design
from phenolens.errors import ConfigError, DesignError, InputError
from phenolens.evaluate.layout.examine import examine_layout
from phenolens.io.discovery.discover import discover
from phenolens.io.integrate import integrate
from phenolens.io.treatments import Treatments, read_treatments
from phenolens.plating.plan import Plan
from phenolens.profiles import (
    COMPOUND,
    CONCENTRATION,
    CONTROL,
    PLATE,
    TREATMENT,
    WELL,
    to_frame,
    well_position,
)
from phenolens.simulate.planned import SimulatedBackground, simulate_planned
from phenolens.tools import plate_findings
from phenolens.tools.activity import activity
from phenolens.tools.pilot import learn_background
from phenolens.tools.plate_design import design
from phenolens.tools.plate_power import (
    attainable,
    effect_found,
    evaluation_controls,
    power_by_effect,
)
from phenolens.tools.plate_table import TYPE, audited, plate_names


def laid_out(
    treatments: object, *, controls: int = 12, positives: dict | None = None, seed: int = 0,
    **given: object,
) -> pd.DataFrame:  # fmt: skip
    """The wells of a design, without the power."""
    listed: Treatments = read_treatments(treatments)
    negative = {"DMSO": controls} if controls else {}
    positive = positives or {}
    codes = tuple(pd.factorize(listed.labels[COMPOUND])[0].tolist())
    plan = Plan(codes, controls=(*negative.values(), *positive.values()), **given)
    return audited(
        plan=plan, listed=listed, negative=negative, positive=positive,
        names=plate_names(plan, None), seed=seed,
    )[0]  # fmt: skip


def doses(compounds: int, count: int) -> pd.DataFrame:
    rows = [(f"c{k:03d}", 10.0**n) for k in range(compounds) for n in range(count)]
    return pd.DataFrame(rows, columns=["compound", "concentration_uM"])


@pytest.fixture
def without_power(monkeypatch) -> None:
    monkeypatch.setattr(plate_findings, "power_by_effect", lambda *_, **__: None)


@settings(max_examples=12, deadline=None)
@example(wells=96, treatments=26, series=8, replicates=8, plates=5, controls=13, empty_edge=True)
@example(wells=384, treatments=2, series=1, replicates=2, plates=2, controls=2, empty_edge=False)
@example(wells=384, treatments=300, series=1, replicates=4, plates=4, controls=84, empty_edge=False)
@given(
    wells=st.sampled_from([96, 384]),
    treatments=st.integers(2, 160),
    series=st.sampled_from([1, 1, 4, 8]),
    replicates=st.integers(2, 8),
    plates=st.integers(1, 8),
    controls=st.integers(2, 48),
    empty_edge=st.booleans(),
)
def test_the_audit_passes_what_is_proposed(
    wells, treatments, series, replicates, plates, controls, empty_edge
):
    listed = doses(-(-treatments // series), series) if series > 1 else treatments
    try:
        table = laid_out(
            listed, controls=controls, wells=wells, replicates=replicates,
            plates=min(plates, replicates), empty_edge=empty_edge,
        )  # fmt: skip
    except DesignError:
        assume(False)
    found = examine_layout(table)
    assert found.replicates == ()
    assert found.elsewhere is None or found.elsewhere.severity == "ok"
    assert found.controls is None or found.controls.severity == "ok"
    assert found.doses is None
    told = {f.code for f in audit_design(table) if f.severity in ("error", "warning")}
    assert told <= {"majority-class", "few-controls", "no-well-interval", "single-plate"}
    treated = table[table[TYPE] == "trt"]
    assert (treated[TREATMENT].value_counts() == replicates).all()
    assert not table.duplicated([PLATE, WELL]).any()


def test_a_layout_of_all_positions_in_order_would_not_pass():
    """That the audit is no formality: the same treatments, not scrambled."""
    table = laid_out(84, wells=96)
    fixed = table.copy()
    first = table[table[PLATE] == "P01"]
    for name in (TREATMENT, COMPOUND, CONTROL, WELL):
        fixed[name] = np.tile(first[name].to_numpy(), 4)
    assert examine_layout(fixed).replicates[0].code == "layout-confounded"


@pytest.mark.parametrize("permutations", [40, 10_000])
@pytest.mark.parametrize(
    ("replicates", "plates", "controls"),
    [(4, None, 12), (3, None, 6), (2, None, 8), (4, None, 3), (3, None, 4), (3, 2, 5), (5, 2, 7),
     (4, 1, 9), (2, 1, 16), (6, 4, 2), (3, None, 1), (2, None, 0)],
)  # fmt: skip
def test_the_smallest_p_is_that_of_activity(replicates, plates, controls, permutations):
    table = laid_out(12, controls=controls, wells=96, replicates=replicates, plates=plates)
    profiles = simulate_planned(
        table, pd.Series(dtype=float), background=SimulatedBackground(features=20),
        rng=np.random.default_rng(0),
    )  # fmt: skip
    copies = table[~table[CONTROL]].groupby([TREATMENT, PLATE]).size().groupby(level=0).agg(list)
    expected = copies.map(lambda own: attainable(own, controls, permutations=permutations))
    if evaluation_controls(controls) == 0:
        assert expected.isna().all()
        with pytest.raises(DesignError):
            activity(profiles, same_by=TREATMENT, normalized=False, permutations=permutations)
        return
    told = activity(
        profiles, same_by=TREATMENT, normalized=False, permutations=permutations
    ).table.set_index(TREATMENT)  # fmt: skip
    pd.testing.assert_series_equal(told["p_attainable"], expected, check_names=False)


def test_the_audit_of_profiles_passes_too(tmp_path):
    table = laid_out(doses(20, 4), wells=96, replicates=3, positives={"taxol": 2})
    profiles = simulate_planned(
        table, pd.Series(dtype=float), background=SimulatedBackground(features=12),
        rng=np.random.default_rng(0),
    )  # fmt: skip
    keys = table[[PLATE, WELL, CONCENTRATION]]
    frame = to_frame(profiles).merge(keys, on=[PLATE, WELL])
    frame = frame.rename(columns={TREATMENT: COMPOUND})
    frame[COMPOUND] = frame[COMPOUND].str.partition("@")[0]
    found = pl.audit(frame).table
    graves = found[found["severity"].isin(["error", "warning"])]
    assert set(graves["code"]) <= {"majority-class"}


def test_the_same_seed_gives_the_same_bytes(tmp_path, without_power):
    def written(name: str, seed: int) -> dict[str, bytes]:
        design(60, wells=96, controls="DMSO=12", seed=seed, output=tmp_path / name)
        return {
            path.relative_to(tmp_path / name).as_posix(): path.read_bytes()
            for path in sorted((tmp_path / name).rglob("*"))
            if path.is_file()
        }

    one, again, other = written("one", 1), written("again", 1), written("other", 2)
    assert one == again
    assert one["platemap/P01.txt"] != other["platemap/P01.txt"]
    about = json.loads(one["design.json"])
    assert about["settings"]["seed"] == 1
    assert about["summary"]["plates"] == 4
    design(60, wells=96, controls="DMSO=12", seed=1, output=tmp_path / "one")  # nothing changes
    with pytest.raises(ConfigError, match=r"is there already, of another design.*--force"):
        design(60, wells=96, controls="DMSO=12", seed=2, output=tmp_path / "one")
    design(60, wells=96, controls="DMSO=12", seed=2, output=tmp_path / "one", force=True)
    assert (tmp_path / "one/platemap/P01.txt").read_bytes() == other["platemap/P01.txt"]


COMPOUNDS = doses(8, 3).assign(moa="kinase", Well="A01", broad_sample=[f"B{k}" for k in range(24)])


@pytest.mark.parametrize(
    ("treatments", "controls", "positives"),
    [
        (COMPOUNDS, "DMSO=12", {"taxol": 4}),
        (pd.DataFrame({"drug": ["a", "b"], "dose_nM": [100, 2000]}), ["water=6", "empty=6"], None),
        (pd.DataFrame({"gene": ["TP53", "KRAS", "MYC"]}), {"non-targeting": 8}, "PLK1=4"),
        (["one", "two, three", "0.5"], None, None),
        (5, "DMSO=8", None),
    ],
)
def test_init_reads_the_maps(tmp_path, without_power, treatments, controls, positives):
    result = design(treatments, wells=96, controls=controls, positives=positives, output=tmp_path)
    keys = result.table[[PLATE, WELL]]
    values = np.random.default_rng(0).standard_normal((len(keys), 12))
    features = pd.DataFrame(values, columns=[f"Cells_Intensity_Mean_{k}" for k in range(12)])
    pd.concat([keys, features], axis=1).to_parquet(tmp_path / "profiles.parquet")
    found = discover(tmp_path)
    assert found.questions == ()
    assert not any("not joined" in note for note in found.notes)
    wells = integrate(found.section(), tmp_path).wells
    names = [TREATMENT, COMPOUND, CONTROL]
    names += [CONCENTRATION] if CONCENTRATION in result.table else []
    both = result.table.merge(wells, on=[PLATE, WELL], suffixes=("", "_read"), validate="1:1")
    assert len(both) == len(result.table)
    for name in names:
        pd.testing.assert_series_equal(
            both[name], both[f"{name}_read"], check_names=False, check_dtype=False
        )
    positive = both["Metadata_PositiveControl"]
    assert (positive == (both[TYPE] == "poscon")).all()
    told = pl.init(tmp_path, tmp_path / "study.toml")
    assert not [line for line in told if line.startswith("To fill in")]


def test_pycytominer_joins_the_maps(tmp_path, without_power):
    annotate = pytest.importorskip("pycytominer").annotate
    result = design(20, wells=96, controls="DMSO=12", output=tmp_path)
    part = result.table[result.table[PLATE] == "P02"]
    profiles = part[[PLATE, WELL]].assign(Cells_Area=1.0)
    platemap = tmp_path / "platemap" / "P02.txt"
    told = annotate(
        profiles=profiles, platemap=str(platemap), join_on=["Metadata_well_position", WELL]
    )
    assert told["Metadata_compound"].tolist() == part[COMPOUND].tolist()


def test_the_summary_says_what_can_be_shown():
    found = design(46, wells=96, controls="DMSO=14", permutations=2_000, seed=1)
    summary = found.summary
    assert (summary["plates"], summary["sets"], summary["tests"]) == (4, 1, 46)
    assert summary["p_attainable"] == pytest.approx(1 / 625)  # 4 of 14 judge: 5 ** 4 labellings
    assert summary["tests_needed_at_floor"] == 2
    assert summary["position_could_explain"] == "nothing that the audit looks for"
    assert summary["control_columns_in_all"] == "10 of 10"
    power = found.more["power"]
    assert list(power["effect"]) == [0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0]
    assert power["power_p"].iloc[0] < 0.2 and power["power_p"].iloc[-1] > 0.9
    assert (power["power_q"] <= power["power_p"] + 0.05).all()
    assert 0.5 < summary["effect_found_at_p_0.05"] <= summary["effect_found_at_q_0.05"] < 2
    codes = {note.code for note in found.findings}
    assert codes >= {"position-audited", "edge-empty", "power-assumes"}
    (warned,) = [note for note in found.findings if note.severity != "info"]
    assert warned.code == "single-hits-cannot-be-named"


def test_a_design_that_cannot_name_hits_says_what_would_do(without_power):
    found = design(320, replicates=3, controls="DMSO=16")
    assert found.summary["single_hits_can_be_named"] is False
    assert found.summary["tests_needed_at_floor"] == 30  # 320 tests, 6 ** 3 labellings
    (note,) = [note for note in found.findings if note.code == "single-hits-cannot-be-named"]
    wells = note.values["enough"]["control wells a plate"]
    plates = note.values["enough"]["replicates on a plate each"]
    assert f"{wells} control wells a plate or {plates} replicates" in str(note)
    asked = {"replicates": 3, "controls": "DMSO=16"}
    for change, enough in (
        ({"controls": f"DMSO={wells}"}, True),
        ({"replicates": plates}, True),
        ({"controls": f"DMSO={wells - 1}"}, False),
    ):
        assert design(320, **asked | change).summary["single_hits_can_be_named"] is enough


def test_a_smallest_p_above_the_level_names_nobody(without_power):
    found = design(5, wells=96, plates=1, controls="DMSO=6")
    (note,) = [note for note in found.findings if note.code == "single-hits-cannot-be-named"]
    assert "is 0.067: no treatment could be named, if all 5 reached it, at q" in str(note)


def test_too_few_labellings_are_said_to_be_so(without_power):
    found = design(320, permutations=1_000)
    (note,) = [note for note in found.findings if note.code == "single-hits-cannot-be-named"]
    assert "permutations=6400" in str(note)
    assert design(320, permutations=6_400).summary["single_hits_can_be_named"]


def test_what_a_design_makes_impossible_is_told():
    found = design(1, replicates=1, plates=1)
    codes = {note.code: note.severity for note in found.findings}
    assert codes["no-p-possible"] == codes["class-is-one-well"] == "error"
    assert codes["single-plate"] == codes["position-not-asked"] == "warning"
    assert found.summary["p_attainable"] is None and "power" not in found.summary
    bare = design(10, controls="DMSO=0")
    assert {note.code for note in bare.findings} >= {"no-p-possible", "no-controls"}


def test_more_treatments_than_wells_make_sets(without_power):
    found = design(doses(100, 8), barcodes=[f"B{k}" for k in range(12)])
    assert (found.summary["plates"], found.summary["sets"]) == (12, 3)
    assert "3 sets of 4 replicate plates" in " ".join(map(str, found.findings))
    table = found.table[~found.table[CONTROL]]
    assert (table.groupby(TREATMENT)["Metadata_Set"].nunique() == 1).all()
    assert (table[TREATMENT].value_counts() == 4).all()
    assert (found.table.groupby(PLATE)[CONTROL].sum() == 32).all()
    positions = table.groupby(TREATMENT)[WELL].nunique()
    assert positions.mean() > 3.9  # every plate of a set is scrambled anew


def test_the_edge_is_left_empty_when_asked(without_power):
    found = design(200, empty_edge=True)
    place = well_position(found.table[WELL])
    assert place.min() == 1 and place.max(axis=0).tolist() == [14, 22]


def power(treatments: int, *, noise: float = 0.5, **given: object) -> pd.DataFrame:
    table = laid_out(treatments, wells=96, **given)
    names = sorted(set(table.loc[table[TYPE] == "trt", TREATMENT]))
    return power_by_effect(
        table, names, background=SimulatedBackground(features=60, correlation=noise),
        tests=treatments, active=0.2, alpha=0.05, permutations=1_000, seed=3,
    )  # fmt: skip


def test_power_rises_with_effect_and_with_replicates():
    few, many = (power(42, replicates=count, controls=24) for count in (2, 6))
    for table in (few, many):
        assert table["power_p"].iloc[0] < 0.2
        assert table["power_p"].iloc[-1] > 0.75
        assert np.corrcoef(table["effect"], table["power_p"])[0, 1] > 0.8
        assert ((table["low"] <= table["power_p"]) & (table["power_p"] <= table["high"])).all()
    assert many["power_p"].iloc[1:5].mean() > few["power_p"].iloc[1:5].mean() + 0.15
    smallest = [effect_found(table, "power_p", power=0.6) for table in (many, few)]
    assert smallest[0] < smallest[1]
    assert few["power_q"].max() < 0.2  # of 42 tests eleven must reach the smallest p
    assert many["power_q"].max() > 0.8


def test_an_effect_that_is_never_found_has_no_size():
    table = pd.DataFrame({"effect": [0.0, 1.0, 2.0], "power_p": [0.05, 0.4, 0.7]})
    assert math.isnan(effect_found(table, "power_p"))
    assert effect_found(table, "power_p", power=0.55) == pytest.approx(1.5)


def pilot(**given: object) -> pd.DataFrame:
    screen, _ = pl.simulate_profiles(
        plates=3, treatments=30, controls=60, features=80, layout="fixed", seed=2, **given
    )
    return screen


def test_a_pilot_gives_noise_and_position():
    place = np.stack(np.divmod(np.arange(96), 12), axis=1)
    quiet, moved = (learn_background(pl.read(pilot(position_effect=size))) for size in (0.0, 1.5))
    assert quiet.position_share(place) < 0.1
    assert moved.position_share(place) > 0.3
    plate = np.zeros(20_000, dtype=np.int64)
    drawn = quiet.draw(plate, place[np.arange(20_000) % 96], np.random.default_rng(0))
    assert drawn.std(axis=0) == pytest.approx(quiet.spread, rel=0.15)
    shared = np.corrcoef(quiet.residual, rowvar=False)
    told = np.corrcoef(drawn, rowvar=False)
    off = ~np.eye(len(shared), dtype=bool)
    assert np.corrcoef(shared[off], told[off])[0, 1] > 0.95


def test_a_design_of_a_pilot():
    screen = to_frame(pilot(position_effect=1.5))
    found = design(140, replicates=3, pilot=screen, permutations=500)
    (note,) = [note for note in found.findings if note.code == "power-assumes"]
    assert "the pilot's" in str(note) and note.values["position_share"] > 0.2
    assert found.more["power"]["power_p"].iloc[-1] > 0.5
    few = screen[~screen[CONTROL] | (screen[WELL] == "H12")]
    with pytest.raises(DesignError, match=r"pilot \(--pilot\).*control wells.*8 are needed"):
        design(20, pilot=few)


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        ({"treatments": 500, "plates": 4}, DesignError, "must be 8 or more"),
        ({"replicates": 0}, ConfigError, "1 or more; got 0"),
        ({"wells": 48}, DesignError, "96, 384 or 1536; got 48"),
        ({"treatments": ["a", "a"]}, InputError, "'a' stands in rows 1 and 2"),
        ({"treatments": ["a", "dmso"]}, InputError, "'DMSO' is both a treatment and a control"),
        ({"positives": "DMSO=2"}, InputError, "both a negative and a positive control"),
        ({"controls": "DMSO"}, ConfigError, r"NAME=WELLS, as in DMSO=32; got 'DMSO'"),
        ({"controls": ["DMSO=4", "DMSO=4"]}, ConfigError, "a name of its own"),
        ({"controls": {"DMSO": -1}}, ConfigError, "0 or more; got -1"),
        ({"controls": "DMSO=400"}, DesignError, "leave no room"),
        ({"barcodes": ["A", "B"]}, DesignError, "4 plates need as many different names; got 2"),
        ({"barcodes": ["A", "B", "C", "../D"]}, DesignError, "cannot be the name of a file"),
        ({"active": 1.5}, ConfigError, r"active \(--active\) must be a number between 0 and 1"),
        ({"seed": -1}, ConfigError, "seed"),
        ({"pilot": "nowhere.csv"}, InputError, "There is no file"),
    ],
)
def test_what_cannot_be_designed_is_one_line(given, error, said):
    with pytest.raises(error, match=said) as told:
        design(**{"treatments": 10} | given)
    assert "\n" not in str(told.value)


def test_nothing_is_written_where_something_is_wrong(tmp_path):
    with pytest.raises(InputError):
        design(10, pilot="nowhere.csv", output=tmp_path / "maps")
    assert not Path(tmp_path / "maps").exists()


def test_what_is_doubtful_in_the_list_is_told():
    listed = pd.DataFrame({"compound": ["cpd-a", "CPD A", "b"], "dose": [20_000.0, 3.0, 1.0]})
    told = {note.code: note for note in pl.design(listed, wells=96).findings}
    assert told["doses-implausible"].text.startswith("1 row of the list, e.g. row 1: 20000.0")
    assert told["compound-spellings"].severity == "warning"
    assert "doses-implausible" not in {note.code for note in pl.design(4, wells=96).findings}
