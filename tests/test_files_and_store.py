"""Files are whole or absent; the same question finds the same answer."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from phenolens import profiles
from phenolens.files import atomic_path, write_json
from phenolens.store import Store, digest


def test_a_failed_write_leaves_the_old_file_and_no_rubbish(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError), atomic_path(path) as partial:
        partial.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_json_is_sorted_and_holds_no_nan(tmp_path):
    write_json(tmp_path / "a.json", {"b": np.float32("nan"), "a": np.arange(2), "c": {2, 1}})
    text = (tmp_path / "a.json").read_text()
    assert json.loads(text) == {"a": [0, 1], "b": None, "c": [1, 2]}
    assert text.index('"a"') < text.index('"b"')


def test_digests_depend_on_content_only():
    table = pd.DataFrame({"a": [1.0, np.nan], "b": ["x", None]})
    assert digest(table, {"k": 1}) == digest(table.copy(), {"k": 1})
    assert digest(table) != digest(table.assign(a=[1.0, 2.0]))
    assert digest(table) != digest(table.rename(columns={"a": "c"}))
    assert digest(np.arange(3)) != digest(np.arange(3).astype(np.int32))


def test_a_result_is_made_once_and_again_when_forced(tmp_path):
    made = []

    def make() -> pd.DataFrame:
        made.append(1)
        return profiles.from_frame(pd.DataFrame({"Metadata_Plate": ["P"], "x": [len(made)]}))

    store = Store(tmp_path)
    assert [store.table("t", 1, make=make)["x"].item() for _ in range(2)] == [1, 1]
    assert store.table("t", 2, make=make)["x"].item() == 2
    assert Store(tmp_path, force=True).table("t", 1, make=make)["x"].item() == 3
