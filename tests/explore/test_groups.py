"""A selection is described against same-plate controls, and its mechanisms are counted honestly."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from scipy.stats import fisher_exact

import phenolens as pl
from phenolens.explore.groups import group
from phenolens.explore.opening import site_of


@pytest.fixture(scope="module")
def shown():
    """Profiles alone of 40 treatments, ten each of four mechanisms."""
    rng = np.random.default_rng(5)
    rows = []
    for plate in ("P1", "P2"):
        for n in range(48):
            name = f"cpd-{n:02d}" if n < 40 else "DMSO"
            mechanism = "ABCD"[n // 10] if n < 40 else None
            rows.append((plate, f"{'ABCD'[n // 12]}{n % 12 + 1:02d}", name, mechanism))
    columns = ["Metadata_Plate", "Metadata_Well", "Metadata_Compound", "Metadata_Mechanism"]
    frame = pd.DataFrame(rows, columns=columns)
    names = [f"Nuclei_AreaShape_{one}" for one in ("Area", "Perimeter", "MeanRadius")]
    names += [f"Cells_Intensity_{one}_Mito" for one in ("MeanIntensity", "MaxIntensity")]
    values = rng.normal(size=(len(frame), len(names)))
    values[frame["Metadata_Mechanism"] == "A", :3] += 4
    return site_of(pd.concat([frame, pd.DataFrame(values, columns=names)], axis=1))


def wells_of(site, *names: str) -> list[int]:
    ids = [site.screen.treatment_ids[name] for name in names]
    return np.flatnonzero(np.isin(site.screen.wells["treatment"], ids)).tolist()


def test_mechanisms_are_counted_over_treatments_by_fishers_test(shown):
    chosen = [f"cpd-{n:02d}" for n in (0, 1, 2, 3, 4, 10)]
    found = group(shown.screen, wells_of(shown, *chosen))
    rows = {row["mechanism"]: row for row in found["mechanisms"]["rows"]}
    assert (rows["A"]["inside"], rows["A"]["of"], rows["A"]["expected"]) == (5, 10, 1.5)
    _, p = fisher_exact([[5, 1], [5, 29]], alternative="greater")
    assert rows["A"]["p"] == pytest.approx(p)
    assert rows["A"]["q"] == pytest.approx(min(2 * p, rows["B"]["p"]))
    assert list(rows) == ["A", "B"]
    assert "hypergeom" not in found["mechanisms"]["note"]
    assert "Fisher" in found["mechanisms"]["note"]


def test_a_treatment_is_inside_where_half_of_its_wells_are(shown):
    wells = wells_of(shown, "cpd-00", "cpd-01")
    assert group(shown.screen, wells[:1])["n_treatments"] == 1
    assert group(shown.screen, wells)["n_treatments"] == 2


def test_features_of_a_selection_have_an_interval_and_no_p(shown):
    found = group(shown.screen, wells_of(shown, *[f"cpd-{n:02d}" for n in range(8)]))["features"]
    first = found["groups"][0]
    assert (first["compartment"], first["property"]) == ("Nuclei", "size")
    assert first["low"] > 0
    assert "p" not in first
    assert "No p is given" in found["note"]


def test_controls_alone_are_no_selection_to_describe(shown):
    found = group(shown.screen, wells_of(shown, "DMSO"))
    assert found["features"]["groups"] == []
    assert found["mechanisms"]["rows"] == []


def test_profiles_alone_are_shown_with_what_they_have(shown):
    screen = json.loads(shown.answer("data/screen.json").body)
    assert screen["kind"] == "profiles"
    assert screen["images"]["words"] == "Profiles alone have no images."
    assert [one["method"] for one in screen["maps"]] == ["PCA", "PCA", "UMAP"]
    near = json.loads(shown.answer("data/treatment/t1.json").body)["neighbours"]
    assert len(next(iter(near.values()))) == 10


HOSTILE = [
    "<script>alert(1)</script>",
    "../../etc/passwd",
    "a\"b'c&amp;",
    "=1+1",
    "ключ  x",
    "\u202e",
]


@pytest.mark.parametrize("treatments", [0, 1, 6])
def test_odd_screens_are_shown_as_they_are(treatments):
    """Names like HTML, 1,536 wells, one well: names stay names, and reach no path."""
    rows = [("P <b>", "AF48", name) for name in HOSTILE[:treatments]] or [("P", "A01", None)]
    frame = pd.DataFrame(rows, columns=["Metadata_Plate", "Metadata_Well", "Metadata_Compound"])
    frame["Metadata_Well"] = [f"AF{48 - n:02d}" for n in range(len(frame))]
    frame["Cells_AreaShape_Area"] = np.arange(len(frame), dtype=float)
    frame["Cells_AreaShape_Perimeter"] = 1.0 + np.arange(len(frame)) ** 2
    site = site_of(frame)
    screen = json.loads(site.answer("data/screen.json").body)
    assert (screen["plates"][0]["rows"], screen["plates"][0]["columns"]) == (32, 48)
    assert len(site.screen.treatment_names) == treatments
    for number in range(treatments):
        found = json.loads(site.answer(f"data/treatment/t{number}.json").body)
        assert found["name"] in HOSTILE
    for number in range(len(screen["maps"])):
        site.answer(f"data/maps/{number}.arrow")
    site.answer("data/wells.arrow")
    site.answer("data/treatments.arrow")


def test_many_plates_and_stains_worth_of_names_are_listed():
    frame = pd.DataFrame(
        {"Metadata_Plate": [f"P{n}" for n in range(500)], "Metadata_Well": "A01",
         "Metadata_Compound": "DMSO"}
    )  # fmt: skip
    stains = {f"Cells_Intensity_MeanIntensity_S{n}": np.arange(500.0) + n for n in range(300)}
    site = site_of(pd.concat([frame, pd.DataFrame(stains)], axis=1))
    screen = json.loads(site.answer("data/screen.json").body)
    assert [one["name"] for one in screen["plates"]][:3] == ["P0", "P1", "P2"]
    listed = json.loads(site.answer("data/features.json").body)
    assert {one["stain"] for one in listed} >= {"S0", "S299"}


def test_nothing_to_look_at_is_said_with_what_to_do(tmp_path):
    with pytest.raises(pl.InputError, match="is not the folder of a study's results"):
        site_of(tmp_path)
    (tmp_path / "layout.json").write_text("{}")
    with pytest.raises(pl.InputError, match="nothing to look at"):
        site_of(tmp_path)
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "cellprofiler.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(pl.InputError, match=r"profiles/cellprofiler cannot be read: .*Parquet"):
        site_of(tmp_path)
    with pytest.raises(pl.InputError, match=r"study-out"):
        site_of(tmp_path / "study.toml")
