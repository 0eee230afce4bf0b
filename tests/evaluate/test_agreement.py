"""Plates that a block knows together, told from batches by what was measured in the same wells."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from phenolens import profiles
from phenolens.audit.audit import audit_design
from phenolens.audit.audited import AuditedBlock
from phenolens.evaluate.quality.agreement import agreements, comparable, jumps, matched

TREATMENTS, CONTROLS = 76, 20


def screen(*, seed=0, learned=(), by="Metadata_Well", batch=0.0, features=32, plates=4):
    """Profiles of four plates: treatments, two batches, noise; a code on plates that were learned.

    `batch` is what two plates share of each well, beside a treatment effect of 1.
    """
    draw = np.random.default_rng(seed)
    same = np.random.default_rng(99)
    own = same.normal(size=(TREATMENTS + CONTROLS, features))
    shared = same.normal(size=(2, TREATMENTS + CONTROLS, features))
    parts = []
    for number in range(plates):
        places = np.random.default_rng(7).permutation(96)
        names = [f"T{n // 2:02d}" for n in range(TREATMENTS)] + ["DMSO"] * CONTROLS
        wells = pd.DataFrame(
            {
                "Metadata_Plate": f"P{number + 1}",
                "Metadata_Well": [f"{'ABCDEFGH'[p // 12]}{p % 12 + 1:02d}" for p in places],
                "Metadata_Treatment": names,
                "Metadata_Control": [name == "DMSO" for name in names],
            }
        )
        codes = pd.factorize(wells["Metadata_Treatment"])[0]
        values = own[codes] + batch * shared[number // 2] + draw.normal(size=own.shape)
        if number in learned:
            key = pd.factorize(wells[by])[0]
            values = 0.4 * values + 2 * np.random.default_rng(5).normal(size=own.shape)[key]
        elif learned:
            values = 0.4 * values + 2 * draw.normal(size=own.shape)
        named = pd.DataFrame(values, columns=[f"f{n}" for n in range(features)])
        parts.append(pd.concat([wells, named], axis=1))
    return profiles.from_frame(pd.concat(parts, ignore_index=True))


@pytest.fixture(scope="module")
def measured():
    return screen(seed=1)


def findings(block, measured=None, **about):
    blocks = [AuditedBlock("deep", block, made_elsewhere=True, **about)]
    blocks += [] if measured is None else [AuditedBlock("cellprofiler", measured, measured=True)]
    found = audit_design(profiles.metadata(block), blocks=blocks)
    return [one for one in found if one.code.startswith("agreement-")]


@pytest.mark.parametrize("by", ["Metadata_Well", "Metadata_Treatment"])
def test_plates_that_were_learned_are_found(measured, by):
    (found,) = jumps(comparable(screen(seed=2, learned=(0, 1), by=by)), comparable(measured))
    assert found.plates == ("P1", "P2")
    assert found.agreement > 2 * found.agreement_others
    assert found.measured == pytest.approx(found.measured_others, abs=0.15)
    assert found.p < 1e-6


def test_three_of_four_plates_learned_are_three_pairs(measured):
    held = comparable(screen(seed=2, learned=(0, 1, 3)))
    found = jumps(held, comparable(measured))
    assert [one.plates for one in found] == [("P1", "P2"), ("P1", "P4"), ("P2", "P4")]
    assert {one.against for one in found} == {"P3"}


def test_a_batch_that_both_see_is_no_jump():
    block, other = screen(seed=2, batch=2.0), screen(seed=3, batch=1.0)
    alone = jumps(comparable(block))
    assert [one.plates for one in alone] == [("P1", "P2"), ("P3", "P4")]
    assert jumps(comparable(block), comparable(other)) == []


def test_a_block_as_even_as_the_measured_one_passes(measured):
    assert jumps(comparable(screen(seed=4)), comparable(measured)) == []
    # that measured features agree unevenly is nothing to hold against a block
    assert jumps(comparable(screen(seed=4)), comparable(screen(seed=5, learned=(0, 1)))) == []


def test_scale_of_features_and_order_of_rows_do_not_matter(measured):
    block = screen(seed=2, learned=(0, 1))
    other = profiles.take(block * 7 + 3, np.random.default_rng(0).permutation(len(block)))
    one, two = (jumps(comparable(held), comparable(measured)) for held in (block, other))
    assert [found.plates for found in one] == [found.plates for found in two]
    assert one[0].p == pytest.approx(two[0].p, rel=1e-3)


def test_wells_are_matched_to_themselves_and_to_twins():
    learned, honest = (comparable(screen(seed=2, learned=ls)) for ls in ((0, 1), ()))
    known = matched(learned, ("P1", "P2"))
    assert (known["units"], known["twins"]) == (TREATMENTS, TREATMENTS)
    assert known["same_well"] > 0.95
    assert known["same_treatment"] < 0.1
    assert matched(learned, ("P1", "P3"))["same_well"] < 0.1
    assert matched(honest, ("P1", "P2"))["same_treatment"] > 0.25
    assert set(agreements(honest)) == {
        (f"P{a}", f"P{b}") for a in range(1, 5) for b in range(a + 1, 5)
    }


def test_the_audit_warns_with_what_to_do(measured):
    (found,) = findings(screen(seed=2, learned=(0, 1)), measured)
    assert (found.code, found.severity) == ("agreement-jumps", "warning")
    assert found.about == {"representation": "deep", "plate": ("P1", "P2")}
    assert "training on these plates" in found.said.consequence
    assert "trained_on" in found.said.remedy
    assert "By 'deep', " in found.text and "by 'cellprofiler'" in found.text and "p =" in found.text


def test_without_measured_features_the_audit_only_notes():
    (found,) = findings(screen(seed=2, learned=(0, 1)))
    assert (found.code, found.severity) == ("agreement-uneven", "info")
    assert "A batch could explain it" in found.said.consequence


def test_the_audit_says_when_all_is_even(measured):
    (found,) = findings(screen(seed=4), measured)
    assert (found.code, found.severity) == ("agreement-even", "ok")
    assert "beside 'cellprofiler'" in found.text


def test_plates_that_were_not_looked_at_are_counted(measured, monkeypatch):
    monkeypatch.setattr("phenolens.evaluate.quality.agreement.MOST_PLATES", 3)
    (found,) = findings(screen(seed=4), measured)
    assert "3 plates of 4 that were looked at" in found.text


def test_our_own_blocks_and_two_plates_are_not_asked(measured):
    block = screen(seed=2, learned=(0, 1))
    own = [AuditedBlock("cnn", block), AuditedBlock("cellprofiler", measured, measured=True)]
    wells = profiles.metadata(block)
    assert not [f for f in audit_design(wells, blocks=own) if f.code.startswith("agreement-")]
    assert findings(screen(seed=2, learned=(0, 1), plates=2), screen(seed=1, plates=2)) == []
