"""Arrays of DeepProfiler: features read, pickles left closed."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from phenolens.errors import InputError
from phenolens.io.discovery.discover import discover
from phenolens.io.formats.deepprofiler import read_npz
from phenolens.io.given import open_table
from phenolens.io.integrate import integrate

FEATURES = np.arange(20, dtype=np.float32).reshape(2, 10) + 0.5


class Trap:
    """Runs code where it is unpickled."""

    def __reduce__(self) -> tuple:
        return os.mkdir, ("/nowhere/at/all",)


def write(path: Path, **arrays: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **({"features": FEATURES} | arrays))
    return path


@pytest.mark.parametrize(
    "told",
    [
        {"metadata": json.dumps({"Metadata_Plate": "P1", "Metadata_Well": "B02", "Site": 3})},
        {"metadata": np.array([("P1", "B02", 3)] * 2, dtype="U4,U4,i4")},
        {"Metadata_Plate": "P1", "Metadata_Well": np.array(["B02", "B02"]), "Site": 3},
    ],
)
def test_metadata_of_every_form_without_a_pickle(tmp_path, told):
    if not isinstance(told.get("metadata", ""), str):
        told["metadata"].dtype.names = ("Metadata_Plate", "Metadata_Well", "Site")
    given = open_table(write(tmp_path / "x.npz", **told))
    assert given.found.used_line().startswith("10 features: 10 of embedding 'deepprofiler'")
    assert given.frame["Metadata_Plate"].tolist() == ["P1", "P1"]
    assert given.frame["Metadata_Well"].tolist() == ["B02", "B02"]
    assert given.frame["Metadata_Site"].tolist() == [3, 3]
    assert given.frame["Metadata_ObjectNumber"].tolist() == [1, 2]
    np.testing.assert_array_equal(given.table().to_numpy(), FEATURES)
    assert given.notes == ()


def test_the_model_names_the_features(tmp_path):
    told = {"Plate": "P1", "Well": "B02", "Metadata_Model": "efficientnet"}
    path = write(tmp_path / "x.npz", metadata=json.dumps(told))
    assert open_table(path).features[:2] == ["efficientnet_0", "efficientnet_1"]


@pytest.mark.parametrize("place", ["PL1/A02/7.npz", "PL1/A02_7.npz", "PL1/A02-7.npz"])
def test_the_place_of_a_pickled_file_is_that_of_its_path(tmp_path, place):
    path = write(tmp_path / place, metadata=np.array(Trap(), dtype=object), locations=FEATURES)
    frame, notes = read_npz(path)
    assert frame.iloc[0, :3].tolist() == ["PL1", "A02", "7"]
    assert notes == ["metadata is pickled and was left closed: plate, well and site are the path's"]


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"metadata": np.array(Trap(), dtype=object)}, r"'metadata' is pickled.*convert it: d ="),
        ({"features": np.array([[Trap()]], dtype=object)}, r"'features' is pickled.*float32"),
        ({"features": np.array(["a"])}, r"has features of \(1,\); expected numbers, one row"),
        ({"metadata": "no json"}, r"neither a structured array nor a dictionary as JSON"),
        ({"Metadata_Plate": np.array(["a", "b", "c"])}, r"'Metadata_Plate' has shape \(3,\)"),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_line(tmp_path, arrays, words):
    with pytest.raises(InputError, match=words) as refused:
        open_table(write(tmp_path / "cells.npz", **arrays))
    assert "\n" not in str(refused.value)
    assert str(tmp_path / "cells.npz") in str(refused.value)


def test_a_file_that_is_no_archive_is_refused(tmp_path):
    (tmp_path / "x.npz").write_bytes(b"nothing of the kind")
    with pytest.raises(InputError, match="NumPy: it is damaged"):
        open_table(tmp_path / "x.npz")
    np.savez(tmp_path / "y.npz", embedding=FEATURES)
    with pytest.raises(InputError, match="has no array 'features'"):
        open_table(tmp_path / "y.npz")


def test_init_finds_them_and_the_study_joins_them(tmp_path):
    pickled = np.array({}, dtype=object)
    for number, well in enumerate(("A01", "A02", "B01")):
        path = tmp_path / "features" / "PL1" / well / "1.npz"
        write(path, features=FEATURES + number**2, metadata=pickled)
    pd.DataFrame({"well": ["A01", "A02", "B01"], "compound": ["DMSO", "x", "y"]}).to_csv(
        tmp_path / "map.csv", index=False
    )
    found = discover(tmp_path)
    assert found.profiles[0]["name"] == "deepprofiler"
    assert found.profiles[0]["level"] == "cell"
    assert found.tables[0]["on"] == {"Metadata_Well": "well"}
    assert found.questions == ()
    table = integrate(found.section(), tmp_path).profiles["deepprofiler"].table
    assert table.shape == (6, 10)


def test_init_says_what_to_do_with_arrays_alone_that_it_cannot_read(tmp_path):
    write(tmp_path / "cells.npz", metadata=np.array({}, dtype=object))
    with pytest.raises(InputError, match="'metadata' is pickled"):
        discover(tmp_path)
