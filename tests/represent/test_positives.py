"""Who is whose partner."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phenolens.errors import DesignError
from phenolens.represent.networks.positives import alone, positives_of

ROWS = st.lists(
    st.tuples(st.sampled_from("PQR"), st.sampled_from("ABC"), st.sampled_from("xyz")),
    min_size=2,
    max_size=20,
)


def drawn(kind, rows):
    metadata = pd.DataFrame(rows, columns=["Metadata_Plate", "Metadata_Well", "t"])
    labels = metadata["t"].to_numpy(dtype=object)
    positives = positives_of(kind, metadata, labels if kind == "treatment" else None)
    chosen = np.repeat(np.arange(len(rows)), 4)
    return metadata, chosen, positives.partners(chosen, np.random.default_rng(0)), positives


@settings(max_examples=25, deadline=None)
@given(rows=ROWS)
def test_a_partner_of_the_well_is_another_image_of_it_where_there_is_one(rows):
    metadata, chosen, partner, positives = drawn("well", rows)
    wells = metadata["Metadata_Plate"] + metadata["Metadata_Well"]
    counts = wells.map(wells.value_counts()).to_numpy()
    assert (wells.to_numpy()[chosen] == wells.to_numpy()[partner]).all()
    assert ((chosen == partner) == (counts[chosen] == 1)).all()
    assert alone(positives) == pytest.approx((counts == 1).mean())


@settings(max_examples=25, deadline=None)
@given(rows=ROWS)
def test_a_partner_of_the_treatment_is_of_another_plate_or_else_of_another_well(rows):
    metadata, chosen, partner, _ = drawn("treatment", rows)
    for row, other in zip(chosen, partner, strict=True):
        own, mate = metadata.iloc[row], metadata.iloc[other]
        same = metadata[metadata["t"] == own["t"]]
        assert mate["t"] == own["t"]
        if same["Metadata_Plate"].nunique() > 1:
            assert mate["Metadata_Plate"] != own["Metadata_Plate"]
        elif same["Metadata_Well"].nunique() > 1:
            assert mate["Metadata_Well"] != own["Metadata_Well"]
        else:
            assert row == other


def test_every_partner_is_as_likely():
    rows = [("P", "A", "x"), ("P", "A", "x"), ("Q", "A", "x"), ("Q", "B", "x"), ("R", "A", "x")]
    metadata = pd.DataFrame(rows, columns=["Metadata_Plate", "Metadata_Well", "t"])
    positives = positives_of("treatment", metadata, metadata["t"].to_numpy(dtype=object))
    found = positives.partners(np.zeros(6000, dtype=int), np.random.default_rng(0))
    np.testing.assert_allclose(np.bincount(found, minlength=5) / 6000, [0, 0, 1 / 3, 1 / 3, 1 / 3],
                               atol=0.03)  # fmt: skip


def test_views_are_of_one_image_and_treatments_must_be_known():
    _, chosen, partner, positives = drawn("views", [("P", "A", "x"), ("P", "A", "x")])
    assert (chosen == partner).all()
    assert alone(positives) == 1
    with pytest.raises(DesignError, match="positives = 'well'"):
        drawn("treatment", [("P", "A", None), ("P", "B", "x")])
