"""The design audit finds what a layout cannot answer, and nothing in a clean one."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from phenolens.audit.audit import audit_design
from phenolens.findings import Finding
from phenolens.splits import control_roles, make_folds


def screen(
    *, plates: int = 4, treatments: int = 24, controls: int = 12, scrambled: bool = True
) -> pd.DataFrame:
    """A 6 x 10 plate, repeated; each plate shuffled on its own unless ``scrambled`` is false."""
    wells = [f"{row}{column:02d}" for row in "BCDEFG" for column in range(2, 12)]
    names = ["DMSO"] * controls + [f"t{n:02d}" for n in range(treatments)]
    frames = []
    for plate in range(plates):
        order = np.random.default_rng(plate if scrambled else 0).permutation(len(wells))
        frame = pd.DataFrame({"Metadata_Well": np.array(wells)[order[: len(names)]]})
        frame["Metadata_Plate"] = f"P{plate}"
        frame["Metadata_Batch"] = f"B{plate % 2}"
        frame["Metadata_Treatment"] = names
        frame["Metadata_Control"] = frame["Metadata_Treatment"] == "DMSO"
        number = np.maximum(np.arange(len(names)) - controls, 0) % 6
        frame["Metadata_Mechanism"] = [f"m{n}" for n in number]
        frame["Metadata_CellCount"] = 100.0
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def audit(wells: pd.DataFrame, **given) -> dict[str, Finding]:
    findings = audit_design(wells, **given)
    codes = [finding.code for finding in findings]
    assert len(codes) == len(set(codes)), "one finding a code here"
    return {finding.code: finding for finding in findings}


def test_a_clean_scrambled_design_is_ok():
    found = audit(screen())
    bad = {code for code, finding in found.items() if finding.severity in {"error", "warning"}}
    assert bad <= {"majority-class", "controls-elsewhere"}
    for code in ("class-is-one-well", "no-replicate-plates", "layout-confounded", "few-controls",
                 "batch-confounded"):  # fmt: skip
        assert found[code].severity == "ok"


def test_a_class_of_usual_size_is_no_majority():
    wells = screen(controls=0, treatments=20)
    wells["Metadata_Control"] = wells["Metadata_Treatment"] == "t00"
    assert audit(wells)["majority-class"].severity == "ok"


def test_the_majority_share_is_of_images_where_they_are_known():
    wells = screen(plates=2, treatments=4, controls=4)
    keys = pd.MultiIndex.from_frame(wells[["Metadata_Plate", "Metadata_Well"]])
    counts = pd.Series(np.where(wells["Metadata_Control"], 9, 1), index=keys)
    finding = audit(wells, images_per_well=counts)["majority-class"]
    assert finding.severity == "warning"
    assert "'DMSO' holds 90 % of the images" in finding.text


def test_fixed_layouts_are_confounded_with_position():
    finding = audit(screen(scrambled=False))["layout-confounded"]
    assert finding.severity == "error"
    assert "24 of 24" in finding.text


def test_one_plate_with_single_wells_allows_nothing():
    found = audit(screen(plates=1))
    assert found["single-plate"].severity == "warning"
    assert found["class-is-one-well"].severity == "error"
    assert "24 of 24 treatments" in found["class-is-one-well"].text
    assert "layout-confounded" not in found


def test_treatments_on_one_plate_only():
    wells = screen(plates=2)
    half = wells["Metadata_Treatment"].isin([f"t{n:02d}" for n in range(12)])
    wells.loc[half & (wells["Metadata_Plate"] == "P1"), "Metadata_Treatment"] += "x"
    finding = audit(wells)["no-replicate-plates"]
    assert finding.severity == "warning"
    assert "24 of 36" in finding.text


@pytest.mark.parametrize(
    ("controls", "code", "severity"),
    [(0, "no-controls", "error"), (1, "few-controls", "error"), (3, "few-controls", "warning"),
     (8, "few-controls", "ok")],
)  # fmt: skip
def test_numbers_of_controls(controls, code, severity):
    found = audit(screen(controls=controls))
    assert found[code].severity == severity


def test_a_plate_without_controls_is_named():
    wells = screen()
    wells.loc[wells["Metadata_Plate"] == "P2", "Metadata_Control"] = False
    finding = audit(wells)["no-controls"]
    assert (finding.severity, finding.where) == ("warning", "P2")


def test_single_controls_are_reused():
    wells = screen(controls=1)
    roles = control_roles(wells, seed=0).to_numpy()
    assert audit(wells, roles=roles)["controls-reused"].text.startswith("4 control wells")


def test_controls_at_the_edge_only():
    wells = screen()
    edge = wells["Metadata_Well"].str[0].isin(["B", "G"])
    wells["Metadata_Control"] = edge
    wells["Metadata_Treatment"] = np.where(edge, "DMSO", "t" + wells.index.astype(str))
    assert audit(wells)["controls-elsewhere"].severity == "warning"


def test_mechanisms_of_one_batch():
    wells = screen()
    wells.loc[wells["Metadata_Mechanism"] == "m3", "Metadata_Batch"] = "B0"
    finding = audit(wells)["batch-confounded"]
    assert (finding.severity, finding.where) == ("warning", "m3")
    assert "(4 treatments)" in finding.text


def test_missing_cell_counts():
    wells = screen().drop(columns="Metadata_CellCount")
    assert audit(wells)["cell-count-missing"].severity == "info"
    keys = pd.MultiIndex.from_frame(wells[["Metadata_Plate", "Metadata_Well"]])
    assert "cell-count-missing" not in audit(wells, images_per_well=pd.Series(4, index=keys))


def test_small_plates_and_wells_with_few_images():
    wells = screen()
    wells = wells[~((wells["Metadata_Plate"] == "P3") & (wells.index % 2 == 0))]
    keys = pd.MultiIndex.from_frame(wells[["Metadata_Plate", "Metadata_Well"]])
    counts = pd.Series(4, index=keys)
    counts.iloc[0] = 1
    found = audit(wells, images_per_well=counts)
    assert found["unbalanced-plates"].where == "P3"
    assert found["few-images"].text.startswith("1 well of")


def test_our_own_folds_share_no_well():
    wells = screen()
    folds = make_folds(wells, label="Metadata_Treatment", seed=0)
    assert audit(wells, folds=folds)["split-shares-wells"].severity == "ok"


def test_a_declared_split_of_fields_shares_wells():
    wells = screen(plates=2)
    fields = wells.loc[wells.index.repeat(5), ["Metadata_Plate", "Metadata_Well"]]
    fields["fold"] = np.random.default_rng(0).integers(0, 5, len(fields))
    finding = audit(wells, folds=fields)["split-shares-wells"]
    assert finding.severity == "error"
    shared = (fields.groupby(["Metadata_Plate", "Metadata_Well"])["fold"].nunique() > 1).sum()
    assert finding.text.startswith(f"{shared} wells of 72")


def test_unlabelled_screens_say_so():
    wells = screen(plates=1)
    wells["Metadata_Treatment"] = None
    wells["Metadata_Control"] = False
    found = audit(wells)
    assert found["no-labels"].severity == "warning"
    assert found["single-plate"].where == "P0"
    wells.loc[:3, "Metadata_Treatment"] = "x"
    assert audit(wells)["unlabelled-wells"].severity == "info"


def test_the_gravest_come_first():
    severities = [finding.severity for finding in audit_design(screen(plates=1, controls=2))]
    order = ["error", "warning", "info", "ok"]
    assert severities == sorted(severities, key=order.index)


def test_cpjump1_layout_facts(real_data):
    from phenolens.io.discovery.discover import discover
    from phenolens.io.integrate import integrate

    found = discover(real_data("cpjump1_profiles"))
    findings = audit(integrate(found.section(), found.source).wells)
    assert "284 of 302" in findings["layout-confounded"].text
    assert "25 % of the control wells but 40 %" in findings["controls-elsewhere"].text


def test_bbbc021_cells_are_descriptive(real_data):
    from phenolens.io.discovery.discover import discover
    from phenolens.io.integrate import integrate

    found = discover(real_data("bbbc021_cells"))
    findings = audit(integrate(found.section(), found.source).wells)
    assert findings["no-well-interval"].severity == "error"
    assert "descriptive" in findings["no-well-interval"].said.consequence
    assert "4 of 4" in findings["few-controls"].text
    assert findings["few-controls"].severity == "error"
