"""Each path of the page answers with what the study's files hold, or says why it cannot."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phenolens.explore.opening import refreshed, site_of
from phenolens.explore.pictures import TILE, halved, levels_of, tile, tiles_of
from phenolens.explore.site import NotThereError
from phenolens.prepared import group_path, read_labels, read_plane

from .conftest import arrow


def told(site, path: str) -> dict:
    return json.loads(site.answer(path).body)


@pytest.fixture
def copied(explored, tmp_path):
    """Results that a test may damage; of the pixels only what the first plate has."""
    shutil.copytree(explored, tmp_path / "out")
    return tmp_path / "out"


def test_the_first_file_says_what_there_is(site, explored):
    screen = told(site, "data/screen.json")
    wells = pd.read_parquet(explored / "wells.parquet")
    assert screen["counts"]["wells"] == len(wells)
    assert screen["counts"]["controls"] == wells["Metadata_Control"].sum()
    assert screen["counts"]["cells"] == sum(
        len(pd.read_parquet(path, columns=["Metadata_Well"]))
        for path in (explored / "cells").glob("*.parquet")
    )
    assert screen["stains"] == ["DNA", "ER", "RNA", "AGP", "Mito"]
    assert screen["lead"] == "cellprofiler"
    assert screen["status"]["finished"]
    assert not screen["status"]["writing"]
    assert [one["name"] for one in screen["plates"]] == sorted(wells["Metadata_Plate"].unique())


def test_wells_and_treatments_are_those_of_the_study(site, explored):
    wells = arrow(site.answer("data/wells.arrow").body)
    written = pd.read_parquet(explored / "wells.parquet")
    names = [one["name"] for one in told(site, "data/screen.json")["plates"]]
    keys = [(names[p], w) for p, w in zip(wells["plate"], wells["well"], strict=True)]
    by_key = written.set_index(["Metadata_Plate", "Metadata_Well"]).loc[keys]  # none is missing
    np.testing.assert_array_equal(wells["Metadata_CellCount"], by_key["Metadata_CellCount"])
    assert wells["intensity_ER"] == by_key["intensity_ER"].tolist()
    treatments = arrow(site.answer("data/treatments.arrow").body)
    told_ = by_key["Metadata_Treatment"].tolist()
    assert [treatments["name"][number] for number in wells["treatment"]] == told_
    activity = pd.read_parquet(explored / "activity.parquet")
    own = activity[activity["representation"] == "cellprofiler"].set_index("Metadata_Treatment")
    for name, q, n in zip(
        treatments["name"], treatments["cellprofiler/q"], treatments["n_wells"], strict=True
    ):
        assert n == told_.count(name)
        assert np.array_equal(q, own["q"].get(name, np.nan), equal_nan=True)


def test_features_and_maps_come_in_the_order_of_the_wells(site, explored):
    wells = arrow(site.answer("data/wells.arrow").body)
    names = [one["name"] for one in told(site, "data/screen.json")["plates"]]
    keys = [(names[p], w) for p, w in zip(wells["plate"], wells["well"], strict=True)]
    feature = told(site, "data/features.json")[5]
    values = arrow(site.answer("data/features/5.arrow").body)["value"]
    profiles = pd.read_parquet(explored / "profiles" / "cellprofiler.parquet")
    by_key = profiles.set_index(["Metadata_Plate", "Metadata_Well"])[feature["name"]]
    np.testing.assert_array_equal(values, by_key.reindex(keys))
    umap = pd.read_parquet(explored / "umap.parquet").set_index(["Metadata_Plate", "Metadata_Well"])
    shown = arrow(site.answer("data/maps/0.arrow").body)
    np.testing.assert_array_equal(shown["x"], umap["x"].reindex(keys))


def test_every_map_has_a_place_for_everything_it_is_of(site):
    screen = told(site, "data/screen.json")
    assert {one["of"] for one in screen["maps"]} == {"wells", "treatments", "cells"}
    for number, one in enumerate(screen["maps"]):
        shown = arrow(site.answer(f"data/maps/{number}.arrow").body)
        assert len(shown["x"]) == one["n"]
        assert len(shown["about"]["axes"].split("|")) == 2
    assert np.isfinite(shown["x"]).all()  # the last one is that of cells
    assert max(shown["well"]) < screen["counts"]["wells"]


def test_tiles_are_the_pixels_of_the_store_and_their_means(site, explored):
    pictures = site.screen.pictures
    row = pictures.fields.iloc[0]
    entry = pictures.store / group_path(*row[["Metadata_Plate", "Metadata_Well", "Metadata_Site"]])
    plane = read_plane(entry, 2)
    body = site.answer("images/f0/2/0/0-0.bin").body
    assert np.array_equal(np.frombuffer(body, "<u2").reshape(plane.shape), plane)
    well = told(site, f"data/well/w{site.screen.wells.index[0]}.json")
    (field,) = well["fields"]
    assert (field["height"], field["width"], field["levels"]) == (*plane.shape, 1)
    assert {one["well"] for one in well["controls"]} <= set(
        np.flatnonzero(site.screen.wells["control"])
    )
    number = field["objects"].index("Nuclei")
    lines = np.frombuffer(site.answer(f"images/f0/masks-{number}/0/0-0.bin").body, np.uint8)
    nuclei = read_labels(entry, "Nuclei")
    assert lines.sum() > 0
    assert (nuclei.ravel()[lines == 1] > 0).all()


@pytest.mark.parametrize("shape", [(256, 256), (257, 100), (1080, 1081), (1, 1)])
def test_levels_end_with_a_single_tile(shape):
    plane = np.arange(np.prod(shape), dtype=np.uint32).reshape(shape).astype(np.uint16)
    for _ in range(levels_of(shape) - 1):
        plane = halved(plane)
    assert max(plane.shape) <= TILE
    last = [place for place in tiles_of(shape) if place[0] == levels_of(shape) - 1]
    assert last == [(levels_of(shape) - 1, 0, 0)]
    assert tile(plane, 0, 0).shape == plane.shape


def test_a_halved_plane_holds_the_means_of_blocks():
    plane = np.array([[1, 3, 65535], [5, 7, 65535], [9, 9, 0]], np.uint16)
    assert halved(plane).tolist() == [[4, 65535], [9, 0]]


def test_contrast_is_that_of_the_plates_control_fields(site):
    found = told(site, "data/contrast/p0.json")
    control = site.screen.wells["control"] & (site.screen.wells["plate"] == 0)
    names = site.screen.wells.loc[control, "Metadata_Well"]
    fields = site.screen.pictures.fields
    plate = fields["Metadata_Plate"] == site.screen.plates[0]
    rows = np.flatnonzero(plate & fields["Metadata_Well"].isin(names))
    pixels = np.concatenate(
        [site.screen.pictures.plane(int(row), 0)[::2, ::2].ravel() for row in rows]
    )
    assert found[0] == pytest.approx(np.percentile(pixels, [1, 99.7]).tolist())
    assert len(found) == 5


def test_cells_of_a_treatment_are_crops_around_their_centres(site):
    one = next(
        told(site, f"data/treatment/t{n}.json")
        for n in range(len(site.screen.treatment_names))
        if not site.screen.treatments["control"][n]
    )
    kinds = {found["kind"]: found for found in one["cells"]["lists"]}
    assert set(kinds) == {"typical", "extreme", "control"}
    size = one["cells"]["size"]
    for kind, found in kinds.items():
        crops = np.frombuffer(site.answer(found["path"]).body, "<u2")
        crops = crops.reshape(len(found["cells"]), 5, size, size)
        wells = [cell["well"] for cell in found["cells"]]
        control = site.screen.wells["control"].to_numpy()[wells]
        assert control.all() == (kind == "control")
        cell = found["cells"][0]
        plane = site.screen.pictures.plane(cell["field"], 0)
        x, y = round(cell["x"]), round(cell["y"])
        assert crops[0, 0, size // 2, size // 2] == plane[y, x]


def test_the_nearest_cell_to_a_cell_is_itself(site):
    cells = arrow(
        site.answer(f"data/maps/{len(told(site, 'data/screen.json')['maps']) - 1}.arrow").body
    )
    field, number = cells["field"][3], cells["object"][3]
    found = told(site, f"data/nearest/f{field}-{number}.json")
    assert (found["cells"][0]["field"], found["cells"][0]["object"]) == (field, number)
    assert len(site.answer(found["path"]).body) == len(found["cells"]) * 5 * 2 * found["size"] ** 2


def test_neighbours_and_words_are_the_studys(site, explored):
    similarity = pd.read_parquet(explored / "similarity.parquet")
    own = similarity[similarity["representation"] == "cellprofiler"]
    name = own["Metadata_Treatment"].iloc[0]
    found = told(site, f"data/treatment/t{site.screen.treatment_ids[name]}.json")
    near = found["neighbours"]["cellprofiler"]
    rows = own[own["Metadata_Treatment"] == name].sort_values("rank")
    assert [site.screen.treatment_names[one["id"]] for one in near] == rows["neighbour"].tolist()
    assert [one["cosine"] for one in near] == pytest.approx(rows["cosine"].tolist())
    assert found["words"][0].startswith(("Active", "Not called active"))
    assert site.answer(f"data/panel/t{site.screen.treatment_ids[name]}.html").body.startswith(b"<")


def test_similarities_stand_in_the_order_of_the_tree(site):
    found = told(site, "data/similarity/0.json")
    n = len(found["treatments"])
    cosine = np.array(arrow(site.answer("data/similarity/0.arrow").body)["cosine"]).reshape(n, n)
    assert sorted(found["treatments"]) == found["given"]
    assert np.allclose(np.diag(cosine), 1, atol=1e-6)
    assert np.array_equal(cosine, cosine.T)
    assert len(found["merges"]) == n - 1


def test_answers_are_the_same_bytes_every_time(site, explored):
    again = site_of(explored)
    maps = [f"data/maps/{n}.arrow" for n in range(len(told(site, "data/screen.json")["maps"]))]
    for path in ["data/wells.arrow", "data/treatments.arrow", "data/treatment/t1.json", *maps]:
        assert again.answer(path).body == site.answer(path).body


def test_a_store_that_is_gone_is_named_where_pixels_are_asked_for(copied):
    shutil.rmtree(copied / "store")
    site = site_of(copied)
    screen = told(site, "data/screen.json")
    looked_for = str(copied / "store" / "images-*")
    assert not screen["images"]["there"]
    assert looked_for in screen["images"]["words"]
    assert looked_for in told(site, "data/well/w0.json")["gone"]
    assert told(site, "data/treatment/t1.json")["cells"] is None
    with pytest.raises(NotThereError, match="looked for in"):
        site.answer("images/f0/0/0/0-0.bin")


def test_a_damaged_field_says_so_and_the_others_are_shown(copied):
    site = site_of(copied)
    entry = site.screen.pictures.entry(0)
    chunk = next(path for path in sorted((entry / "0" / "c").rglob("*")) if path.is_file())
    chunk.write_bytes(b"x" * chunk.stat().st_size)
    with pytest.raises(NotThereError, match="is damaged"):
        site.answer("images/f0/0/0/0-0.bin")
    assert site.answer("images/f1/0/0/0-0.bin").body


def test_a_study_that_is_being_made_shows_what_there_is_and_then_more(copied):
    late = ["report.html", "wells.parquet", "activity.parquet", "umap.parquet"]
    kept = {name: (copied / name).read_bytes() for name in late}
    for name in late:
        (copied / name).unlink()
    site = site_of(copied)
    screen = told(site, "data/screen.json")
    assert not screen["status"]["finished"]
    why = {one["what"]: one["why"] for one in screen["status"]["missing"]}
    assert why["UMAP of the wells"] == "It is not written yet."
    assert screen["maps"][0]["method"] == "PCA"
    assert len(arrow(site.answer("data/wells.arrow").body)["well"]) == screen["counts"]["wells"]
    assert refreshed(site) is site
    for name, body in kept.items():
        (copied / name).write_bytes(body)
    later = told(refreshed(site), "data/screen.json")
    assert later["status"]["finished"]
    assert later["maps"][0]["method"] == "UMAP"
    assert later["stamp"] != screen["stamp"]


def test_who_writes_is_said(copied):
    from phenolens.study.lock import writing

    with writing(copied):
        status = told(site_of(copied), "data/screen.json")["status"]
    assert status["writing"]
    assert "Reload" in status["words"]


def test_a_table_that_cannot_be_read_is_missing_with_its_reason(copied):
    (copied / "activity.parquet").write_bytes(b"PAR1")
    screen = told(site_of(copied), "data/screen.json")
    why = {one["what"]: one["why"] for one in screen["status"]["missing"]}
    assert "activity.parquet" in why["Which treatments are active"]


def test_prepared_images_alone_can_be_looked_at(copied):
    for path in copied.iterdir():
        if path.name not in ("store", "layout.json"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    site = site_of(copied)
    screen = told(site, "data/screen.json")
    assert screen["counts"]["fields"] == 28
    assert screen["maps"] == []
    assert told(site, "data/well/w0.json")["fields"][0]["site"] == "1"
    assert told(site, "data/treatment/t0.json") if screen["counts"]["treatments"] else True


def test_numbers_beyond_what_there_is_lead_nowhere(site):
    for path in (
        "data/features/999999.arrow", "data/maps/99.arrow", "data/maps/0/0-0-0.arrow",
        "data/similarity/9.json", "data/treatment/t99.json", "data/panel/t99.html",
        "data/well/w9999.json", "data/contrast/p9.json", "images/f9999/0/0/0-0.bin",
        "images/f0/9/0/0-0.bin", "images/f0/0/9/0-0.bin", "images/f0/0/0/9-9.bin",
        "images/f0/masks-9/0/0-0.bin", "crops/t99-typical.bin", "attribution/t1.bin",
        "data/nearest/f0-99999.json", "data/nothing.json",
    ):  # fmt: skip
        with pytest.raises(NotThereError):
            site.answer(path)


@given(st.one_of(st.text(max_size=40), st.from_regex(r"(data|images|crops|api)/[a-z0-9/.-]{0,30}")))
def test_a_path_is_answered_or_leads_nowhere(site, path):
    try:
        assert site.answer(path).body
    except NotThereError as error:
        assert str(error)
