"""Cards beside tables: those of others are refused in a line, and what is none is left alone."""

from __future__ import annotations

import json

import anndata
import numpy as np
import pandas as pd
import pytest

from phenolens.errors import InputError
from phenolens.io.cards import CARD, OF_STUDY, card_in, card_of_files
from phenolens.represent.base import Card


def table(**attrs) -> pd.DataFrame:
    made = pd.DataFrame({"f1": [1.0, 2.0]})
    made.attrs |= attrs
    return made


@pytest.mark.parametrize(
    "attrs",
    [
        {CARD: "hello"},
        {CARD: {"learns": "nothing"}},
        {CARD: Card("own", "well", ()).as_dict() | {"learns": "everything"}},
        {CARD: ["own"]},
        {OF_STUDY: "{}"},
        {OF_STUDY: json.dumps({"cards": ["own"]})},
    ],
)
def test_what_is_no_card_is_refused_with_its_place(attrs, tmp_path):
    with pytest.raises(InputError, match="The table holds a card of its features that cannot"):
        card_in(table(**attrs))
    if CARD in attrs:
        table(**attrs).to_parquet(tmp_path / "own.parquet")
        with pytest.raises(InputError, match=r"own\.parquet holds a card"):
            card_of_files([tmp_path / "own.parquet"])


def test_what_others_keep_under_our_name_is_left_alone(tmp_path):
    data = anndata.AnnData(np.ones((2, 1), np.float32), uns={OF_STUDY: {"theirs": 1}})
    data.write_h5ad(tmp_path / "theirs.h5ad")
    assert card_in(data) is None
    assert card_of_files([tmp_path / "theirs.h5ad"]) is None


def test_a_card_is_given_back_as_it_was_put(tmp_path):
    card = json.loads(json.dumps(Card("own", "well", ("DNA",), trained_on=("P1/A01",)).as_dict()))
    table(**{CARD: card}).to_parquet(tmp_path / "own.parquet")
    assert card_of_files([tmp_path / "own.parquet"])["trained_on"] == ["P1/A01"]
    assert card_in(table(**{CARD: card})) == card
